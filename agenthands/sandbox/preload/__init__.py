"""What lies on PYTHONPATH in a coding agent's shell, and so has no names of ours: Standard library and NAT only."""
