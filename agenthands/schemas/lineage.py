"""Where a revision comes from: the build whose plan was changed, and what was wished."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agenthands.schemas.bounds import MOST_CASES, BuildId, Number
from agenthands.schemas.frozen import FrozenModel


class Lineage(FrozenModel):
    """Fields of a build's record that tell of what it is a revision; the first build of an agent is revision 1."""

    parent: BuildId | Literal[""] = Field("", description="The build of which this is a revision")
    revision: Number = Field(1, description="One more than that of the parent")
    change: str = Field("", max_length=20_000, description="What the user wished to be changed")
    feedback: list[str] = Field(
        default_factory=list, max_length=MOST_CASES, description="Ids of the accepted feedback that it answers"
    )
