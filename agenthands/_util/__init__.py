"""Small helpers that know nothing of agents: keys masked, JSON of strangers, files written whole, formats."""
