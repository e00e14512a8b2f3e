"""Environments of Python and npm packages: resolved, locked, installed; and what NAT offers in one."""
