"""The sandbox over docker."""
