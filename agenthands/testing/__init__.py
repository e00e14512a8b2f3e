"""Doubles that ship: scripted models, for the demo and for tests. Only the model is scripted, nothing else."""
