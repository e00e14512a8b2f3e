"""The Coder port over the OpenHands SDK: the agent loop and the key stay here, its shell runs in a sandbox.

Pitfalls of the SDK that shape this file: one LLM and one Agent object per conversation (sharing mixes metrics and
workspaces); `run()` raises for model errors only, so limits are read from the state; FINISHED proves nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from agenthands.adapters.litellm_model import known_to_litellm, price_per_token
from agenthands.adapters.litellm_setup import load_litellm
from agenthands.errors import AgentHandsError, ModelNotUsable, ModelUnavailable
from agenthands.events import ToolProgress, ToolState, emit
from agenthands.masking import masked_error
from agenthands.model_settings import ModelSettings
from agenthands.models import CodingResult, Tokens
from agenthands.ports import CodingTask
from agenthands.whole_files import write_whole

_TURN = "turn.json"
_ENDS = {"MaxIterationsReached": "out_of_steps"}
_import_lock = threading.Lock()


class OpenHandsCoder:
    """Runs coding agents in threads of this process; each `work` opens its tool's conversation and closes it."""

    def __init__(self, settings: ModelSettings, home: Path) -> None:
        """Keep the model's settings; the SDK (7 s) is imported with the first work."""
        self._settings = settings
        self._home = home

    def work(self, task: CodingTask) -> CodingResult:
        """Run one turn. Raises ModelNotUsable, ModelUnavailable or BudgetReached."""
        task.account.require()
        load_openhands(self._home)
        from openhands.sdk.conversation.exceptions import ConversationRunError

        started = time.monotonic()
        conversation, llm, payer = self._reopened(task)
        timer = threading.Timer(task.seconds, conversation.pause)
        timer.daemon = True
        timer.start()
        try:
            before = _said_before(conversation, task)
            if before is None:
                conversation.send_message(task.message)
                before = _spent(llm)  # only now the SDK has restored what earlier turns spent
                write_whole(task.conversation / _TURN, before.model_dump_json())
            payer.begin(before)
            with task.account.purse.watched(conversation.pause):
                conversation.run()
        except ConversationRunError as error:
            raise self._translated(error) from error
        finally:
            timer.cancel()
            payer.pay()
            task.shell.close()  # first: the SDK waits 2 s for a shell that comes back after `exit`
            conversation.close()
        after = _spent(llm)
        status, reason = _ending(conversation, task.account.reached())
        return CodingResult(
            status=status,
            reason=reason,
            cost_usd=after.cost_usd - before.cost_usd if self._priced() else None,
            tokens=after.tokens - before.tokens,
            seconds=round(time.monotonic() - started, 3),
            steps=after.calls - before.calls,
        )

    def _reopened(self, task: CodingTask) -> tuple[Any, Any, _Payer]:
        """Open the conversation; one that this version of the SDK cannot read is given up, the workspace stays."""
        try:
            opened = self._open(task)
            list(opened[0].state.events)
        except (ValueError, KeyError, OSError):
            shutil.rmtree(task.conversation, ignore_errors=True)
            opened = self._open(task)
        return opened

    def _open(self, task: CodingTask) -> tuple[Any, Any, _Payer]:
        from openhands.sdk import LLM, Agent, LocalConversation, Tool
        from openhands.tools.terminal import TerminalTool

        from agenthands.adapters.openhands_editor import CONFINED_EDITOR
        from agenthands.adapters.openhands_files import MaskedFiles

        settings = self._settings
        options: dict[str, Any] = {
            "api_key": SecretStr(settings.api_key.get_secret_value()) if settings.api_key else None,
            "base_url": settings.api_base,
            "temperature": settings.temperature,
            "max_output_tokens": settings.max_output_tokens,
        }
        if not known_to_litellm(settings) and (price := price_per_token(settings)):
            options |= {"input_cost_per_token": price[0], "output_cost_per_token": price[1]}
        if settings.provider in ("gemini", "vertex_ai") and settings.safety_settings:
            options["litellm_extra_body"] = {"safetySettings": [dict(each) for each in settings.safety_settings]}
        llm = LLM(
            usage_id=f"coder-{task.tool}",
            model=settings.model,
            num_retries=settings.num_retries + 1,
            retry_min_wait=2,
            retry_max_wait=30,
            timeout=int(settings.timeout),
            **{key: value for key, value in options.items() if value is not None},
        )
        terminal = {"terminal_type": "subprocess", "shell_path": str(task.shell.path)}
        agent = Agent(
            llm=llm,
            tools=[Tool(name=TerminalTool.name, params=terminal), Tool(name=CONFINED_EDITOR)],
            system_prompt=task.system_prompt,
        )
        payer = _Payer(task, llm, self._priced())
        identity = uuid.uuid5(uuid.NAMESPACE_URL, f"agenthands:{task.tool}")
        conversation = LocalConversation(
            agent=agent,
            workspace=str(task.workspace),
            persistence_dir=str(task.conversation),
            file_store=MaskedFiles(str(task.conversation / identity.hex)),
            conversation_id=identity,
            callbacks=[payer, _Reporter(task, llm, self._priced())],
            visualizer=None,
            max_iteration_per_run=task.steps,
            stuck_detection=True,
        )
        payer.stop = conversation.pause
        return conversation, llm, payer

    def _priced(self) -> bool:
        return price_per_token(self._settings) is not None

    def _translated(self, error: Any) -> AgentHandsError:
        origin = error.original_exception
        found = getattr(getattr(error, "conversation_error", None), "classification", None)
        kind = getattr(found, "kind", "")
        reason = f"{type(origin).__name__}: {masked_error(str(origin))[:300] or 'no message'}"
        model = self._settings.model
        if kind == "auth":
            return ModelNotUsable(f"The provider of {model} refuses the key.", "Check the key and what it may use.")
        if kind == "config":
            return ModelNotUsable(f"The provider of {model} refuses the request. {reason}", "Check model and options.")
        return ModelUnavailable(f"{model} does not answer. {reason}", "Try again later, or choose another model.")


def read_trajectory(conversation: Path) -> bytes:
    """Read the persisted events of a conversation, oldest first, one JSON object a line; empty where there are none.

    An event that is half written, by a worker that was killed, is left out.
    """
    lines = []
    for file in sorted(conversation.glob("*/events/event-*.json")):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            lines.append(json.dumps(json.loads(file.read_bytes())).encode() + b"\n")
    return b"".join(lines)


def load_openhands(home: Path) -> None:
    """Import the SDK once, quiet, and without what the user's own OpenHands has in its folder."""
    with _import_lock:
        os.environ.setdefault("OPENHANDS_SUPPRESS_BANNER", "1")
        os.environ.setdefault("LOG_AUTO_CONFIG", "false")
        os.environ["OH_PERSISTENCE_DIR"] = str(home / "openhands")
        load_litellm()
        import logging

        import openhands.sdk

        import agenthands.adapters.openhands_editor  # noqa: F401 - registers the confined editor

        logging.getLogger("openhands").setLevel(logging.ERROR)
        del openhands


class _Payer:
    """Pays each model call of a turn when its first event comes, and stops the turn when a budget is reached."""

    def __init__(self, task: CodingTask, llm: Any, priced: bool) -> None:
        self._account, self._llm, self._priced = task.account, llm, priced
        self._paid: _Spent | None = None
        self._lock = threading.Lock()
        self.stop: Callable[[], None] = lambda: None

    def begin(self, before: _Spent) -> None:
        """Begin with what the conversation had spent before this turn."""
        self._paid = before

    def __call__(self, event: Any) -> None:
        del event
        if self.pay() and self._account.reached():
            self.stop()

    def pay(self) -> bool:
        """Pay what is not paid yet; says whether there was anything."""
        with self._lock:
            if self._paid is None:
                return False
            now, paid = _spent(self._llm), self._paid
            calls = now.calls - paid.calls
            if calls <= 0:
                return False
            self._paid = now
        cost = now.cost_usd - paid.cost_usd if self._priced else None
        self._account.pay(cost, now.tokens - paid.tokens, calls)
        return True


class _Reporter:
    """Turns the agent's actions into progress."""

    def __init__(self, task: CodingTask, llm: Any, priced: bool) -> None:
        self._task, self._llm, self._priced = task, llm, priced

    def __call__(self, event: Any) -> None:
        if type(event).__name__ != "ActionEvent":
            return
        state: ToolState = "coding" if self._task.attempt == 1 else "repairing"
        cost = self._llm.metrics.accumulated_cost if self._priced else None
        emit(ToolProgress(self._task.build_id, self._task.tool, state, _described(event), self._task.attempt, cost))


def _described(event: Any) -> str:
    """Say in a few words what the agent does."""
    action = event.action
    if command := getattr(action, "command", None):
        path = getattr(action, "path", None)
        return f"{command} {Path(path).name}" if path else f"$ {' '.join(str(command).split())}"
    return str(event.tool_name)


class _Spent(BaseModel):
    """What a conversation has spent in all its turns."""

    cost_usd: float = 0.0
    tokens: Tokens = Tokens()
    calls: int = 0


def _spent(llm: Any) -> _Spent:
    usage = llm.metrics.accumulated_token_usage
    tokens = Tokens(
        prompt=getattr(usage, "prompt_tokens", 0) or 0,
        completion=getattr(usage, "completion_tokens", 0) or 0,
        cached=getattr(usage, "cache_read_tokens", 0) or 0,
    )
    return _Spent(cost_usd=llm.metrics.accumulated_cost or 0.0, tokens=tokens, calls=len(llm.metrics.token_usages))


def _said_before(conversation: Any, task: CodingTask) -> _Spent | None:
    """Give what was spent before this turn if it had begun when its worker died; None for a turn that begins now."""
    said = (e for e in reversed(conversation.state.events) if type(e).__name__ == "MessageEvent" and e.source == "user")
    last = next(said, None)
    if last is None or "".join(part.text for part in last.llm_message.content) != task.message:
        return None
    try:
        return _Spent.model_validate_json((task.conversation / _TURN).read_bytes())
    except (OSError, ValueError):
        return _Spent()


def _ending(conversation: Any, budget: str) -> tuple[Any, str]:
    status = conversation.state.execution_status.value
    if status == "finished":
        return "finished", ""
    if status == "stuck":
        return "stuck", "the agent repeated itself"
    if status == "paused" and budget:
        return "out_of_budget", budget
    if status == "paused":
        return "out_of_time", "the time limit of the turn was reached"
    last = next((e for e in reversed(conversation.state.events) if type(e).__name__ == "ConversationErrorEvent"), None)
    code = getattr(last, "code", "")
    return _ENDS.get(code, "error"), masked_error(str(getattr(last, "detail", "") or code))[:500]
