"""What a build may spend on models, and what it has spent. Every model call of a build is charged to its tracker.

A call is charged after its answer, because its price is unknown until then: calls in flight when a budget is reached
finish, and no further call begins.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agenthands._util.formatting import cut_off, money
from agenthands.errors import AnswerCutOff, BudgetReached
from agenthands.llm.base import ChatAnswer, ChatModel
from agenthands.schemas import Spending, Tokens, add_costs


class DayBudget(Protocol):
    """A daily budget shared by all builds on all machines."""

    def left(self) -> bool:
        """Return whether any money is left today. Raises OutsideError if the budget's service does not answer."""

    def charge(self, usd: float) -> None:
        """Deduct a sum in US dollars, at most what is left. Raises as `left` does."""


@dataclass(frozen=True)
class Budget:
    """Limits of one build: US dollars in total and for each tool, and tokens in total; None means no limit."""

    usd: float | None = None
    tool_usd: float | None = None
    tokens: int | None = None


class BudgetTracker:
    """Tracks the spending of one build against its budget; thread-safe."""

    def __init__(
        self,
        budget: Budget,
        day: DayBudget | None = None,
        log: Path | None = None,
        paid: Callable[[float | None], None] = lambda cost: None,  # noqa: ARG005
    ) -> None:
        """Go on with what stands in `log`, where each payment is noted: the build of a worker that was killed.

        `paid` is told after each payment what all of them come to.
        """
        self._budget, self._day, self._log = budget, day, log
        self._paid = paid
        self._lock = threading.Lock()
        self._spent: dict[tuple[str, str, int, str], Spending] = {}
        self._watchers: list[Callable[[], None]] = []
        for spending in _taken_up(log) if log else ():
            self._add(spending)

    @property
    def spending(self) -> list[Spending]:
        """The spending so far, one entry for each stage, tool, attempt and model."""
        with self._lock:
            return list(self._spent.values())

    def cost_of(self, tool: str = "") -> float | None:
        """Return what a tool cost so far in all its attempts, or the whole build; None where a price is unknown."""
        return add_costs(*(each.cost_usd for each in self.spending if tool in ("", each.tool)))

    def scope(self, stage: str, tool: str = "", attempt: int = 0) -> BudgetScope:
        """Return the scope to which one step of the build charges its calls."""
        return BudgetScope(self, stage, tool, attempt)

    def exhausted(self, tool: str = "", due: Sequence[Spending] = ()) -> str:
        """Return a sentence that names the budget that is used up, with what is due; empty if none is.

        Raises as `DayBudget.left`.
        """
        spent = [*self.spending, *due]
        budget = self._budget
        if budget.tokens is not None and _tokens(spent) >= budget.tokens:
            return f"The budget of {budget.tokens:,} tokens is used up"
        if sentence := _used_up("The budget", budget.usd, spent):
            return sentence
        of_tool = [each for each in spent if each.tool == tool]
        if tool and (sentence := _used_up(f"The budget of the tool {tool}", budget.tool_usd, of_tool)):
            return sentence
        if self._day is not None and not self._day.left():
            return "The budget of the day is used up"
        return ""

    def charge(self, *spending: Spending) -> None:
        """Record what calls or turns cost, and notify the watchers if a budget is now used up.

        Everything is recorded before the day's budget is charged, because that may raise OutsideError; the watchers
        are notified even then.
        """
        try:
            self._note(spending)
            self._paid(self.cost_of())
            usd = sum(each.cost_usd or 0.0 for each in spending)
            if self._day is not None and usd:
                self._day.charge(usd)
        finally:
            self._tell_if_reached()

    @contextmanager
    def watched(self, tell: Callable[[], None]) -> Iterator[None]:
        """While the context is open, call `tell`, from any thread, when a budget of the build is used up."""
        with self._lock:
            self._watchers.append(tell)
        try:
            yield
        finally:
            with self._lock:
                self._watchers.remove(tell)

    def _note(self, spending: Sequence[Spending]) -> None:
        with self._lock:
            for each in spending:
                self._add(each)
            if self._log:
                with self._log.open("a", encoding="utf-8") as log:
                    log.writelines(each.model_dump_json() + "\n" for each in spending)

    def _tell_if_reached(self) -> None:
        with self._lock:
            watchers = list(self._watchers)
        if watchers and self.exhausted():
            for tell in watchers:
                tell()

    def _add(self, spending: Spending) -> None:
        key = spending.stage, spending.tool, spending.attempt, spending.model
        before = self._spent.get(key)
        self._spent[key] = before + spending if before else spending


@dataclass(frozen=True)
class BudgetScope:
    """The part of a tracker to which one step of a build charges its calls."""

    tracker: BudgetTracker
    stage: str
    tool: str = ""
    attempt: int = 0

    def exhausted(self) -> str:
        """Return a sentence that names the budget that is used up; empty if none is."""
        return self.tracker.exhausted(self.tool)

    def allows_more(self, cost_usd: float | None, tokens: Tokens) -> bool:
        """Return whether a further call may begin where an answer has cost so much that is not charged yet."""
        return not self.tracker.exhausted(self.tool, [self.entry(cost_usd, tokens, 1, "")])

    def require(self) -> None:
        """Raise BudgetReached if a budget is used up, so that no call may begin."""
        if sentence := self.exhausted():
            raise BudgetReached(
                f"{sentence}: {spending_summary(self.tracker.spending)}.",
                "Give more (--budget, --tool-budget, --budget-tokens) and run it again: what is done is kept.",
            )

    def charge(
        self, cost_usd: float | None, tokens: Tokens, calls: int = 1, model: str = "", saved_usd: float = 0.0
    ) -> None:
        """Record the cost in US dollars, None if unknown, and the tokens of `calls` calls of `model`.

        `saved_usd` is what the provider's cache of prompts saved of it.
        """
        self.tracker.charge(self.entry(cost_usd, tokens, calls, model, saved_usd))

    def entry(self, cost_usd: float | None, tokens: Tokens, calls: int, model: str, saved_usd: float = 0.0) -> Spending:
        """Return the entry that `charge` would record, for a caller that charges several at once."""
        money = {"cost_usd": cost_usd, "saved_usd": round(saved_usd, 8)}
        return Spending(**self._step, model=model, calls=calls, tokens=tokens, **money)

    def note_cut_off(self, model: str) -> None:
        """Record a call of `model` that was cut off before its answer; its cost is unknown and counts nowhere."""
        self.tracker.charge(Spending(**self._step, model=model, calls=0, cut_off=1, cost_usd=0.0, tokens=Tokens()))

    @property
    def paid(self) -> tuple[float | None, Tokens]:
        """What this step has spent so far: US dollars, None if a price is unknown, and tokens."""
        step = tuple(self._step.values())
        paid = [each for each in self.tracker.spending if (each.stage, each.tool, each.attempt) == step]
        return add_costs(*(each.cost_usd for each in paid)), sum((each.tokens for each in paid), Tokens())

    @property
    def _step(self) -> dict[str, Any]:
        return {"stage": self.stage, "tool": self.tool, "attempt": self.attempt}


class MeteredModel:
    """A ChatModel whose answers are charged to a budget scope."""

    def __init__(self, model: ChatModel, scope: BudgetScope) -> None:
        """Wrap `model`; every answer is charged to `scope`."""
        self.name = model.name
        self._model, self._scope = model, scope

    def ask(self, messages: Sequence[Mapping[str, str]], schema_name: str, schema: Mapping[str, Any]) -> ChatAnswer:
        """Answer as the model does. Raises BudgetReached if a budget is used up before the answer or within it."""
        self._scope.require()
        answer = self._model.ask(messages, schema_name, schema)
        self._scope.charge(answer.cost_usd, answer.tokens, answer.calls, answer.model or self.name, answer.saved_usd)
        if isinstance(answer.fault, AnswerCutOff):
            self._scope.require()  # it may have been cut because no further call could begin
        return answer


def spending_summary(spending: Sequence[Spending]) -> str:
    """Return the cost of each stage and tool as text, the dearest first, with the calls that were cut off."""
    parts: dict[str, list[Spending]] = {}
    for each in spending:
        parts.setdefault(f"{each.stage} {each.tool}".strip(), []).append(each)
    sums = {name: add_costs(*(each.cost_usd for each in part)) for name, part in parts.items()}
    ordered = sorted(sums.items(), key=lambda item: (-(item[1] or 0.0), item[0]))
    unknown = {name: cut_off(sum(each.cut_off for each in part)) for name, part in parts.items()}
    said = [" and ".join(filter(None, (f"{name} {money(cost)}", unknown[name]))) for name, cost in ordered]
    return ", ".join(said) or "nothing was spent by this build"


def read_spending_log(log: Path) -> list[Spending]:
    """Return the entries of a tracker's log; a line that a killed worker left half-written is skipped."""
    noted: list[Spending] = []
    if log.is_file():
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError):
                noted.append(Spending.model_validate_json(line))
    return noted


def _taken_up(log: Path) -> list[Spending]:
    """Return the entries of a log that is resumed; a half-written line is ended so that the next one stands alone."""
    if log.is_file() and (content := log.read_bytes()) and not content.endswith(b"\n"):
        log.write_bytes(content + b"\n")
    return read_spending_log(log)


def _used_up(name: str, budget: float | None, spent: Sequence[Spending]) -> str:
    if budget is None:
        return ""
    cost = add_costs(*(each.cost_usd for each in spent))
    if cost is None:
        return f"{name} of {money(budget)} cannot be kept, because the price of a call is unknown"
    return f"{name} of {money(budget)} is used up" if cost >= budget else ""


def _tokens(spent: Sequence[Spending]) -> int:
    return sum(each.tokens.prompt + each.tokens.completion for each in spent)
