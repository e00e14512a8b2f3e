"""Modules on PYTHONPATH in a coding agent's shell; they import only the standard library and NAT."""
