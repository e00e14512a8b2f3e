"""Talks to an installed agent in a sandbox: it is loaded once, then asked one question after the other."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from agenthands._util.formatting import cut
from agenthands._util.untrusted_json import read_scrubbed
from agenthands.errors import AgentNotLoaded, SandboxLost
from agenthands.evaluation.case_checks import no_answer
from agenthands.evaluation.installed_agent import LOAD_SECONDS, InstalledAgent, Reach, agent_command
from agenthands.sandbox.base import CommandResult, Sandbox

_LONGEST = 24 * 3600.0
_TICK = 0.2
_LONGEST_LINE = 8 * 1024**2
_END_SECONDS = 10.0
_LONGEST_RESULT = 8000


class AgentCall(BaseModel):
    """A call of a tool or of a colleague; `by` is the colleague that called, `seconds` None while it runs."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    name: str
    by: str = ""
    arguments: Any = None
    result: Any = None
    error: str = ""
    seconds: float | None = None


class AgentAnswer(BaseModel):
    """What an agent answered to one question, with its calls; `error` says why there is no answer, else it is empty."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    answer: str
    error: str
    calls: list[AgentCall] = []
    seconds: float


Told = Callable[[int, AgentCall], object]


def nobody(_number: int, _call: AgentCall) -> None:
    """Hear of a call, and tell nobody."""


@dataclass
class Conversation:
    """A conversation with one agent, which remembers what was said; `messages` are those so far.

    With `tells_calls`, the agent's model also sees its earlier calls with their results, as NAT passes them on.
    """

    _lines: IO[bytes]
    _connection: socket.socket
    tells_calls: bool = False
    messages: list[dict[str, str]] = field(default_factory=list)
    _told: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, question: str, seconds: float, told: Told = nobody) -> AgentAnswer:
        """Return the agent's answer, after at most `seconds`; `told` hears of each call when it begins and ends.

        A question without an answer is not remembered. Raises SandboxLost if the agent's process has ended.
        """
        asked = {"role": "user", "content": question}
        try:
            self._connection.sendall(
                json.dumps({"messages": [*self._told, asked], "seconds": seconds}).encode() + b"\n"
            )
            answer = self._answer(told)
        except (OSError, ValueError) as error:
            raise SandboxLost(f"The agent ended in the middle of the conversation: {error}") from error
        if said := no_answer(answer.answer, ()):
            answer = answer.model_copy(update={"error": answer.error or said})
        if not answer.error:
            reply = {"role": "assistant", "content": answer.answer}
            calls = call_messages(answer.calls, len(self._told)) if self.tells_calls else []
            self.messages = [*self.messages, asked, reply]
            self._told = [*self._told, asked, *calls, reply]
        return answer

    def _answer(self, told: Told) -> AgentAnswer:
        while event := self._next():
            if event.get("event") == "call":
                told(int(event["number"]), AgentCall.model_validate(event["call"]))
            elif event.get("event") == "answer":
                return AgentAnswer.model_validate(event)
        raise OSError("it closed its connection")

    def _next(self) -> dict[str, Any] | None:
        line = self._lines.readline(_LONGEST_LINE)
        if not line:
            return None
        event: dict[str, Any] = read_scrubbed(line)
        return event


def call_messages(calls: Sequence[AgentCall], start: int) -> list[dict[str, Any]]:
    """Return the agent's own calls as a model knows them: that it called, and what came back, shortened where long.

    `start` makes their ids differ from those of earlier turns. Calls of its colleagues are theirs.
    """
    messages: list[dict[str, Any]] = []
    for number, call in enumerate(call for call in calls if not call.by and call.seconds is not None):
        name = f"call_{start}_{number}"
        made = {"name": call.name, "arguments": json.dumps(call.arguments if call.arguments is not None else {})}
        came = call.error or (call.result if isinstance(call.result, str) else json.dumps(call.result))
        messages += [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": name, "type": "function", "function": made}],
            },
            {"role": "tool", "tool_call_id": name, "content": cut(came, _LONGEST_RESULT)},
        ]
    return messages


@contextmanager
def conversation(
    agent: InstalledAgent, sandbox: Sandbox, reach: Reach, tells_calls: bool = False
) -> Iterator[Conversation]:
    """Load the agent in a sandbox, and yield a conversation with it; `reach` is its only network.

    Raises AgentNotLoaded with NAT's words, or SandboxLost.
    """
    place = agent.workspace / "talk.sock"
    ended: list[CommandResult | Exception] = []

    def run() -> None:
        try:
            ended.append(sandbox.run(agent_command(agent, reach, {"cases": [], "talk": str(place)}, _LONGEST)))
        except Exception as error:
            ended.append(error)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen(1)
        listener.settimeout(_TICK)
        thread = threading.Thread(target=run, name="agent", daemon=True)
        thread.start()
        try:
            with _accepted(listener, ended) as connection, connection.makefile("rb") as lines:
                talk = Conversation(lines, connection, tells_calls)
                if talk._next() is None:
                    raise SandboxLost("The agent ended before it was asked.")
                yield talk
        finally:
            thread.join(_END_SECONDS)
            place.unlink(missing_ok=True)


def _accepted(listener: socket.socket, ended: Sequence[CommandResult | Exception]) -> socket.socket:
    """Wait until the agent is loaded and connects."""
    for _ in range(int(LOAD_SECONDS / _TICK)):
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            connection.settimeout(None)
            return connection
        if ended:
            break
    end = ended[0] if ended else None
    if isinstance(end, Exception):
        raise end
    reason = _said(end) if end else f"it was not ready after {LOAD_SECONDS:.0f} s"
    raise AgentNotLoaded(f"NAT cannot load the agent: {reason}", "Look at `agenthands show`, and build it again.")


def _said(result: CommandResult) -> str:
    try:
        return str(read_scrubbed(result.stdout)["error"]) or "it ended by itself"
    except (ValueError, ValidationError, LookupError, TypeError):
        return f"it ended with exit code {result.exit_code}"
