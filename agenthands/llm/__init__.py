"""Models: settings, calls, retries, budgets, prompts, the gateway of sandboxes, scripted models."""
