"""Bounds of a whole sandbox, and how they are watched."""
