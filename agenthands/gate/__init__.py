"""The gate: decides whether a generated tool may be used. README.md says which file does what."""
