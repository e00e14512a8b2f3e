"""The user's data as an input of a build: found, profiled in bounds, masked, and sampled into a world."""
