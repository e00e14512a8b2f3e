"""The rules of the agent factory: what a plan, a tool, a package and a build are. Knows no orchestrator."""

__version__ = "0.1.0"
