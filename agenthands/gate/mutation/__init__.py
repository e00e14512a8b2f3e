"""Changed versions of a tool that its tests must notice."""
