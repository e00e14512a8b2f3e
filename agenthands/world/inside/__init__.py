"""What runs inside a sandbox, with the environment's own Python, to enter recorded worlds."""
