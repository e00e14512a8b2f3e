"""Interpreters that are prepared once, and of which forks enter sandboxes."""
