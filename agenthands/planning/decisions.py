"""What a person decides in the middle of a build: whether a plan is built, and whether a test case no longer holds.

As with listeners to events, who decides belongs to the process: a flow runs in its threads, and a parameter of a flow
cannot be called.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from agenthands.planning.cost_estimate import Estimate
from agenthands.planning.objections import PlanResult
from agenthands.schemas import Plan, RetiredCase

Answer = Plan | str | None
"""What a person says to a plan: None builds it, a text says what to change, a plan takes its place."""


class Decider:
    """Approves of every plan, and agrees to no test case that is given up. Derive from it to ask somebody."""

    reviews = False
    """Whether plans are shown before anything is built."""

    def review(self, planned: PlanResult, estimate: Estimate, complaint: str) -> Answer:  # noqa: ARG002
        """Return what is said to a plan; `complaint` is why the one before, a person's own, cannot be built."""
        return None

    def retire(self, cases: Sequence[RetiredCase]) -> bool:  # noqa: ARG002
        """Return whether these earlier test cases may be given up."""
        return False


class Agrees(Decider):
    """Agrees to all that the planner proposes."""

    def retire(self, cases: Sequence[RetiredCase]) -> bool:  # noqa: ARG002
        """Return that they may be given up."""
        return True


_deciders: list[Decider] = []
_lock = threading.Lock()


@contextmanager
def deciding(decider: Decider) -> Iterator[None]:
    """Let `decider` decide in this process while the context is open."""
    with _lock:
        _deciders.append(decider)
    try:
        yield
    finally:
        with _lock:
            _deciders.remove(decider)


def current_decider() -> Decider:
    """Return who decides now; where nobody was named, one that approves of plans and gives nothing up."""
    with _lock:
        return _deciders[-1] if _deciders else Decider()
