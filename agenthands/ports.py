"""Every outside part that the steps use, on one screen. The docstring of a port is its error contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from agenthands.commands import Command, CommandResult
from agenthands.errors import AgentHandsError
from agenthands.models import CodingResult, Tokens

if TYPE_CHECKING:
    from agenthands.purse import Account


@dataclass(frozen=True)
class ChatAnswer:
    """One answer of a chat model. `cost_usd` is None where the price is unknown.

    `model` is the one that answered, and `by_fallback` says that it is not the one that was to be asked. `fault` says
    why the text is empty.
    """

    text: str
    cost_usd: float | None
    tokens: Tokens
    model: str = ""
    fault: AgentHandsError | None = None
    by_fallback: bool = False


class ChatModel(Protocol):
    """A model that answers a conversation."""

    name: str

    def ask(self, messages: Sequence[Mapping[str, str]], schema_name: str, schema: Mapping[str, Any]) -> ChatAnswer:
        """Answer `messages` in the form of the JSON `schema`; the text may still not fit it.

        Raises ModelNotUsable (key, unknown model), QuotaExhausted, ContentFiltered, ContextExceeded, or
        ModelUnavailable (outage, limit, time-out) after the retries that could help and the fallback.
        """


@dataclass(frozen=True)
class Environment:
    """An installed Python environment that nothing changes any more."""

    path: Path
    lock_sha256: str

    @property
    def lock(self) -> str:
        """The requirements with hashes from which it was installed."""
        return (self.path / "requirements.lock").read_text(encoding="utf-8")

    @property
    def npm_lock(self) -> str:
        """The package-lock.json with integrity hashes; empty in an environment of Python alone."""
        file = self.path / "package-lock.json"
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.path / "bin" / "python"

    @property
    def site(self) -> Path:
        """The folder in which its packages are installed."""
        return next(self.path.glob("lib/python3*/site-packages"))


class Environments(Protocol):
    """Installs environments: resolved, hash-locked, wheels only, once per lock."""

    def nat(self, dependencies: Sequence[str] = ()) -> Environment:
        """Give the pinned NAT environment plus `dependencies` (PEP 508).

        Raises DependencyRefused (missing, clashing, no wheel) or RegistryUnavailable.
        """

    def server(
        self, registry: Literal["pypi", "npm"], package: str, version: str, as_of: str = "", vetted: bool = False
    ) -> Environment:
        """Give an environment with just one MCP server, at one version; no build script runs.

        What it needs is resolved as the index was at the start of the day `as_of` (2026-11-23), so that the same
        entry gives the same environment on any day. Unless somebody has `vetted` it, packages that are new on the
        index, or have nothing in them, are refused. Raises as `nat` does.
        """

    def resolve(self, dependencies: Sequence[str]) -> str:
        """Lock the NAT environment plus `dependencies` and give the lock; installs nothing. Raises as `nat` does."""

    def install(self, lock: str, npm_lock: str = "") -> Environment:
        """Install what was locked before, here or elsewhere. Raises as `nat` does."""

    def install_project(self, project: Path, target: Path) -> None:
        """Build the wheel of a project with hatchling and install it, without dependencies, into `target`.

        Raises DependencyRefused where the project cannot be built.
        """


class Shell(Protocol):
    """A program that acts as an interactive bash inside a sandbox, for an agent's terminal."""

    path: Path

    def close(self) -> None:
        """End everything that runs in this shell."""


class Sandbox(Protocol):
    """Runs code that a model wrote: no network, no host files, no inherited variables, not root, bounded.

    What runs in one sandbox sees and disturbs no other; nothing of it is left when `run` returns or a shell closes.
    """

    name: str

    def check(self) -> str:
        """Say in a few words what isolates. Raises SandboxUnavailable with what to do."""

    def run(self, command: Command) -> CommandResult:
        """Run to the end or to a limit. A failing command is a result. Raises SandboxLost if the sandbox broke."""

    def shell(self, command: Command, folder: Path) -> Shell:
        """Make a shell for `command.workspace`; its program lies in `folder`.

        `stdin` is ignored, and `argv` too, but where it is prepared it may run beside the shell, unseen.
        """


@dataclass(frozen=True)
class CodingTask:
    """One turn of the conversation in which a tool is written.

    `stand_in` is a file that the coder makes as soon as a fallback has answered in the place of its model.
    """

    build_id: str
    tool: str
    attempt: int
    system_prompt: str
    message: str
    workspace: Path
    conversation: Path
    shell: Shell
    seconds: float
    steps: int
    account: Account
    stand_in: Path


class Coder(Protocol):
    """A coding agent with one persistent conversation per tool."""

    def work(self, task: CodingTask) -> CodingResult:
        """Send `message` into the tool's conversation and let the agent work until it stops.

        The shell is closed at the end. What the agent did wrong is in the result, a content filter that refuses and
        a conversation too long for the model too. Raises ModelNotUsable, QuotaExhausted, ModelUnavailable, or
        BudgetReached where nothing is left to begin with.
        """


@dataclass(frozen=True)
class GatewayCall:
    """One call of a model through the gateway: a line of its log. `error` names what the provider answered instead."""

    at: float
    model: str
    seconds: float
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = None
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give the line as a JSON-able mapping; what was said is not in it."""
        return {**vars(self), "tokens": self.tokens.model_dump()}


@dataclass
class GatewayUsage:
    """What went through a model gateway so far; `calls` has the first ones alone, where there are very many.

    `fault` is the last one for which the agent is not to blame. `by_fallback` says that a fallback answered some call.
    """

    requests: int = 0
    by_fallback: bool = False
    errors: list[str] = field(default_factory=list)
    calls: list[GatewayCall] = field(default_factory=list)
    fault: AgentHandsError | None = None


class OpenGateway(Protocol):
    """A running gateway: where it listens, what it demands, what it has seen."""

    socket: Path
    token: str
    usage: GatewayUsage


class ModelGateway(Protocol):
    """Reaches the agent's model for a sandbox, so that the provider's key never enters one."""

    def open(self, socket: Path, account: Account) -> AbstractContextManager[OpenGateway]:
        """Serve an OpenAI-compatible API on a Unix socket until the context ends; calls are paid from `account`."""


class Store(Protocol):
    """Where builds are kept. Keys are relative, with `/`. Writes are whole or not at all.

    All methods but `check` go on for a minute where the store is away for a moment.
    """

    url: str

    def check(self) -> None:
        """Write, read and delete a probe. Raises StoreNotUsable or StoreUnavailable, as all methods do."""

    def put(self, key: str, content: bytes | Path) -> str:
        """Write one object from memory or from a file, read it back, and give its SHA-256."""

    def create(self, key: str, content: bytes) -> bool:
        """Write one object where there is none; False where there is one, of whomever. One of many writers wins."""

    def get(self, key: str) -> bytes:
        """Read one object. Raises KeyError where there is none."""

    def keys(self, prefix: str = "") -> list[str]:
        """List all keys below `prefix`, sorted."""
