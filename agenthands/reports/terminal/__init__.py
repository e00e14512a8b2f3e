"""Builds, plans and gate reports as plain text."""
