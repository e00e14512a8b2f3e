"""Runs in a sandbox, beside `agent_script.py`: has the agent's process enter the worlds in which it is asked.

A world is entered before the agent is loaded there: its variables are what NAT's configuration takes paths and keys
from, and its settings take the place of the defaults. Standard library only.
"""

import contextlib
import os


class NoWorlds:
    """Where nothing is recorded."""

    def enter(self, name):
        """Be where the process is."""

    def leave(self):
        """Stay there."""

    def begin(self, name):
        """Nothing was changed."""

    def alone(self, _name):
        """Return that questions do not disturb each other."""
        return False

    def configure(self, name, config):
        """Leave the settings as they are."""


class AgentWorlds(NoWorlds):
    """The worlds of an agent's tools, as `agent_world.py` describes them."""

    def __init__(self, told):
        """Take their description."""
        from agenthands_world import Worlds

        self.told = told
        self.worlds = Worlds(told["described"])
        self.before = {name: os.environ.get(name) for name in told["variables"].values()}

    def enter(self, name):
        """Begin a world, and put paths and keys of it where NAT's configuration looks for them."""
        fields = self.worlds.enter(name)
        os.environ.update({variable: str(fields[field]) for field, variable in self.told["variables"].items()})

    def begin(self, name):
        """Have the world as it was at its beginning; the agent stays loaded."""
        if self.alone(name):
            self.worlds.enter(name)

    def leave(self):
        """Be in no world any more."""
        self.worlds.leave()
        for variable, value in self.before.items():
            os.environ.pop(variable, None) if value is None else os.environ.update({variable: value})

    def alone(self, name):
        """Return whether a question may find what another one left."""
        return name in self.told["alone"]

    def configure(self, name, config):
        """Give the tools the settings of a world, checked as NAT checks those of the file."""
        for tool, values in self.told["settings"][name].items():
            function = config.functions[tool]
            for field, value in values.items():
                type(function).__pydantic_validator__.validate_assignment(function, field, value)


@contextlib.contextmanager
def entered(worlds, name):
    """Be in a world meanwhile."""
    worlds.enter(name)
    try:
        yield
    finally:
        worlds.leave()
