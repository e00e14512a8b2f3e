"""A model on trial, before a build is paid for: one cheap call of each kind that a build needs."""
