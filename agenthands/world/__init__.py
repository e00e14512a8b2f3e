"""Recorded worlds: what a tool may touch, played back inside a sandbox."""
