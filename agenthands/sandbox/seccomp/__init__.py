"""The system calls that a program in a sandbox may make: a table, and what bubblewrap and docker read of it."""
