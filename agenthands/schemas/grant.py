"""What a plan lets an agent do to the world, and which words of the request ask for it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agenthands.schemas.part import Part

Effect = Literal["reads", "writes", "sends", "deletes", "pays"]


class Grant(Part):
    """Leave to use a server's tool that does more than read."""

    tool: str = Field(description="Name of the tool, one of the server's `tools`")
    does: Literal["writes", "sends", "deletes", "pays"] = Field(description="Its mark in the list of servers")
    asked_for: str = Field(
        min_length=1, description="The words of the request that ask for it, exactly as they stand there"
    )
