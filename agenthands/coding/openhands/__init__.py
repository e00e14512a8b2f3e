"""The coding agent over the OpenHands SDK."""
