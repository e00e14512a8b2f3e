"""Isolation: what a model wrote runs in one of these, and nowhere else."""
