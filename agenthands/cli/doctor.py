"""Looks at this machine: what AgentHands needs, whether it is here, and how to get it; and tries a model."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agenthands._util.formatting import count, duration, money
from agenthands.errors import AgentHandsError, ModelNotUsable
from agenthands.llm.settings import DEFAULT_CONFIG, ROLES, ModelSettings, Role
from agenthands.reports.terminal.layout import terminal_columns
from agenthands.sandbox.registry import SANDBOXES
from agenthands.schemas import BuildOptions
from agenthands.settings import Settings, load_settings

if TYPE_CHECKING:
    from agenthands.trial.base import Finding


def examine(options: Mapping[str, Any]) -> int:
    """Print one line for each need; 0 where a build can run, 2 where something must be fixed first.

    `options` are those of a build.
    """
    settings = load_settings(BuildOptions(**options))
    needs: list[tuple[str, Callable[[], str]]] = [
        ("Python", lambda: _python()),
        ("sandbox", lambda: _sandbox(settings)),
        ("store", lambda: _store(settings)),
        ("model", lambda: _model(settings)),
        *(("fallback", partial(_fallback, *each)) for each in _fallbacks(settings)),
    ]
    broken = 0
    for name, look in needs:
        try:
            _say("ok", name, look())
        except AgentHandsError as error:
            broken += 1
            _say("missing", name, error.message)
            _say("", "", error.hint)
    for name, text in (
        ("interpreters", _prepared(settings)),
        *((name, _other_sandbox(name, settings)) for name in SANDBOXES if name != settings.sandbox),
        ("environment", _environment(settings)),
        ("Prefect", _prefect()),
        ("settings", f"{settings.config or DEFAULT_CONFIG}"),
        ("home", _home(settings.home)),
    ):
        _say("note", name, text)
    return 2 if broken else 0


def try_model(model: str, options: Mapping[str, Any]) -> int:
    """Try a model in every role, and print what works and what it cost; 2 where a build could not count on it."""
    from agenthands.api import try_models

    click.echo(f"\nTrying {model}: a few short calls of each kind that a build needs.")
    trial = try_models(model, listener=_say_found, **options)
    tokens = trial.tokens.prompt + trial.tokens.completion
    price = "" if trial.cost_usd is not None else "; its price is unknown, see --price"
    said = f"{money(trial.cost_usd)}, {count(trial.calls, 'call')}, {count(tokens, 'token')}"
    _say("note", "cost", f"{said}, {duration(trial.seconds)}{price}")
    return 0 if trial.usable else 2


def _say_found(finding: Finding) -> None:
    said = finding.said if finding.works else f"{finding.code}: {finding.said}"
    _say("ok" if finding.works else "fails", finding.role, said)
    _say("", "", finding.advice)


def _say(mark: str, name: str, text: str) -> None:
    """Print one need, on as many lines as the terminal makes of it; nothing where there is nothing to say."""
    if not text and not mark:
        return
    start = f"  {mark:8} {name:12} "
    room = max(40, terminal_columns() - len(start))
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    click.echo((start + f"\n{' ' * len(start)}".join(lines)).rstrip())


def install_environment() -> None:
    """Install NAT's environment where builds look for it. Raises RegistryUnavailable."""
    from agenthands.tasks.dependencies import installer_for

    click.echo("Installing NAT's environment ...", err=True)
    installer_for(load_settings()).nat()


def _python() -> str:
    return f"{sys.version.split()[0]} ({sys.executable})"


def _sandbox(settings: Settings) -> str:
    from agenthands.tasks.dependencies import sandbox_for

    return sandbox_for(settings).check()


def _prepared(settings: Settings) -> str:
    """Return whether forks of a prepared interpreter enter the sandbox, which makes the gate faster."""
    from agenthands.sandbox.base import Command, Preparation
    from agenthands.tasks.dependencies import sandbox_for

    if not SANDBOXES[settings.sandbox].forks:
        others = " and ".join(kind.name for kind in SANDBOXES.values() if kind.forks)
        return f"each command starts its own; those of the sandbox {others} are forks of a prepared one"
    with tempfile.TemporaryDirectory(prefix="agenthands-") as folder, contextlib.suppress(AgentHandsError):
        argv = [os.path.realpath(sys.executable), "-P", "-c", "print('entered' in globals())"]
        result = sandbox_for(settings).run(Command(argv, Path(folder), prepared=Preparation("entered = True")))
        if result.stdout == b"True\n":
            return "forks of a prepared interpreter enter the sandbox"
    return "none can enter the sandbox here: each command starts its own, which makes the gate slower"


def _other_sandbox(name: str, settings: Settings) -> str:
    """Return whether a sandbox that is not the chosen one can be used too; no build needs it."""
    try:
        return f"--sandbox {name} can be used: {SANDBOXES[name].open(settings).check()}"
    except AgentHandsError as error:
        return f"--sandbox {name} cannot be used: {error.message} {error.hint}"


def _store(settings: Settings) -> str:
    from agenthands.tasks.dependencies import store_for

    store_for(settings).check()
    return f"{settings.store_url} can be written"


def _model(settings: Settings) -> str:
    from agenthands.llm.litellm_model import require_usable

    models = {model.model: model for model in settings.models().values()}
    for model in models.values():
        require_usable(model)
    return "; ".join(f"{name}: {_key_of(model)}" for name, model in models.items())


def _key_of(model: ModelSettings) -> str:
    """Say where a usable model has its key from."""
    if model.key_block:
        return f"its key is expected in the Prefect block {model.key_block!r} (not looked up)"
    if model.provider == "scripted":
        return "needs no key"
    if model.api_base and not model.api_key:
        return "has an endpoint of its own (whether that needs a key was not checked)"
    return "a key is set (not tried)"


def _fallbacks(settings: Settings) -> list[tuple[ModelSettings, list[Role]]]:
    """Return each model that stands in for another, and for which roles; none where the settings cannot be read."""
    found: dict[tuple[str, str | None], tuple[ModelSettings, list[Role]]] = {}
    with contextlib.suppress(AgentHandsError):  # the need `model` says what is wrong with them
        for role in ROLES:
            if model := settings.model(role).fallback:
                found.setdefault((model.model, model.api_base), (model, []))[1].append(role)
    return list(found.values())


def _fallback(model: ModelSettings, roles: Sequence[Role]) -> str:
    """Say that a model can stand in: a build does not begin where its key is missing."""
    from agenthands.llm.litellm_model import require_usable

    stands_in = f"{model.model} for {', '.join(roles)}"
    try:
        require_usable(model)
    except ModelNotUsable as error:
        raise ModelNotUsable(f"{stands_in}: {error.message}", "Set it, or name no fallback.") from None
    return f"{stands_in}: {_key_of(model)}"


def _environment(settings: Settings) -> str:
    from agenthands.environments.uv import UvInstaller

    ready = len(list((settings.home / "environments").glob("*/.complete")))
    if UvInstaller(settings.home).has_nat():
        return f"NAT's is installed, and {count(ready - 1, 'other')}"
    return "NAT's is not installed yet: `--install` or the first build does it (1.2 GB)"


def _prefect() -> str:
    url = os.environ.get("PREFECT_API_URL")
    return f"server {url}" if url else "no PREFECT_API_URL: builds share an embedded server; it starts with the first"


def _home(home: Path) -> str:
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    return f"{home} ({shutil.disk_usage(existing).free / 1e9:.0f} GB free)"
