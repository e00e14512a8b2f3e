"""A specification in, a written tool out: the coding agent, its attempts, and who is wrong in a dispute."""
