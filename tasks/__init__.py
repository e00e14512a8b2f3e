"""How a step meets Prefect: a decorator with retries, the implementations from the settings, one call."""
