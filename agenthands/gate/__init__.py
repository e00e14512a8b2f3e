"""The gate, which decides whether a generated tool may be used."""
