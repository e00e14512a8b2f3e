"""The only place that chooses implementations of the ports, from the settings. Heavy imports are deferred."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from agenthands._util.redaction import has_password, redact_logs, without_user
from agenthands.coding.base import Coder
from agenthands.coding.openhands.agent import OpenHandsCoder, load_openhands, read_trajectory
from agenthands.coding.tool_coder import CodingLimits, system_prompt
from agenthands.data.sources import find_sources
from agenthands.environments.base import EnvironmentInstaller
from agenthands.environments.uv import UvInstaller
from agenthands.errors import KeyMissing, SettingsInvalid, StoreNotUsable
from agenthands.events import CostChanged, emit
from agenthands.llm.base import ChatModel
from agenthands.llm.budget import Budget, BudgetScope, BudgetTracker, MeteredModel
from agenthands.llm.gateway.base import ModelGateway
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.litellm_model import LitellmModel, require_usable
from agenthands.llm.prices import price_per_token
from agenthands.llm.settings import KEYS, ROLES, ModelSettings, Role
from agenthands.mcp.catalogue import load_catalogue
from agenthands.mcp.catalogue_server import CatalogueServer
from agenthands.mcp.remote_catalogue import read_catalogue_url
from agenthands.outside.keys import keys_of
from agenthands.outside.network import Network, network
from agenthands.outside.probing import AllowedHost
from agenthands.outside.rights import rights_of
from agenthands.planning.planner import checked_request
from agenthands.sandbox.base import Sandbox
from agenthands.sandbox.egress_rules import WEB_PORTS, EgressRule
from agenthands.sandbox.registry import SANDBOXES
from agenthands.schemas import BuildOptions, ToolSpec
from agenthands.schemas.request import refuse_passwords
from agenthands.settings import Settings, load_settings
from agenthands.store.base import Store
from agenthands.store.fsspec_store import FsspecStore
from agenthands.store.workdirs import SPENDING_LOG, BuildContext
from agenthands.trial.base import OnTrial

_NOT_WAITING = 2.0  # seconds
_NOT_FOR_TOOLS = ("AGENTHANDS_", "AWS_", "POSTGRES_", "PREFECT_")
_trackers: dict[str, BudgetTracker] = {}
_trackers_lock = threading.Lock()

redact_logs()  # every process that runs a step imports this module


def settings_for(options: BuildOptions) -> Settings:
    """Return the settings, overridden by a build's options. Raises SettingsInvalid."""
    return load_settings(options)


def sandbox_for(settings: Settings) -> Sandbox:
    """Choose the sandbox; there is no falling back to none. Raises SandboxUnavailable."""
    return SANDBOXES[settings.sandbox].open(settings)


def store_for(settings: Settings) -> Store:
    """Return the store of these settings, without accessing it. Raises StoreNotUsable."""
    return store_at(settings.store_url)


def store_at(url: str) -> Store:
    """Return the store at `url`, without accessing it. Raises StoreNotUsable."""
    return FsspecStore(url)


def store_of_another(url: str, settings: Settings) -> Store:
    """Return the store of another build on this machine, by its URL without a password; it retries for 2 s only.

    Raises StoreNotUsable if it is a folder that does not exist, which is not created again.
    """
    own = store_for(settings).url
    if "://" not in url and not Path(url).is_dir():
        raise StoreNotUsable(f"The store {url} is away.")
    return FsspecStore(own if has_password(own) and without_user(own) == url else url, _NOT_WAITING)


def installer_for(settings: Settings) -> EnvironmentInstaller:
    """Return the installer of environments."""
    return UvInstaller(settings.home, settings.refresh, settings.trusted_packages, settings.dependencies)


def catalogue_for(settings: Settings) -> dict[str, CatalogueServer]:
    """Return the shipped MCP servers and those of the user's folder or URL, by id.

    Raises SettingsInvalid or RegistryUnavailable.
    """
    extra = settings.catalogue
    if extra and "://" in extra:
        return load_catalogue(documents=read_catalogue_url(extra, settings.home))
    return load_catalogue(Path(extra).expanduser() if extra else None)


def model_for(settings: Settings, role: Role) -> ModelSettings:
    """Return a role's model and its fallback, with keys; a key in a Secret block is read from Prefect.

    Raises ModelNotUsable.
    """
    return _with_key(settings.model(role))


def _with_key(model: ModelSettings) -> ModelSettings:
    """Return a model with its key, and with those of its fallback and of its roles."""
    keyed = model.with_key(read_secret_block(model.key_block)) if model.key_block else model
    fallback = _with_key(model.fallback) if model.fallback else None
    roles = {role: _with_key(each) for role, each in model.roles.items()}
    return keyed.model_copy(update={"fallback": fallback, "roles": roles})


def read_secret_block(name: str) -> str:
    """Return what a Prefect Secret block of the worker's server holds. Raises KeyMissing."""
    from prefect.blocks.system import Secret

    try:
        key = Secret.load(name).get()  # type: ignore[union-attr]  # not awaited: this is no asynchronous context
    except ValueError as error:
        raise KeyMissing(
            f"The key cannot be read from the Prefect Secret block {name!r}: {str(error).splitlines()[0]}",
            "Make it in Prefect's UI under Blocks, on the server that the worker works for (PREFECT_API_URL).",
        ) from None
    if not isinstance(key, str) or not key.strip():
        raise KeyMissing(f"The Prefect Secret block {name!r} holds no text.", "Write the key into it.")
    return key.strip()


def planner_for(settings: Settings, scope: BudgetScope) -> ChatModel:
    """Return the planner's model, whose calls are charged to `scope`."""
    model = LitellmModel(model_for(settings, "planner"), scope.note_cut_off, scope.allows_more)
    return MeteredModel(model, scope)


def budget_for(build: BuildContext) -> BudgetTracker:
    """Return the budget tracker of a build, shared by all its steps in this process; resume it from the build's log."""
    with _trackers_lock:
        tracker = _trackers.get(build.build_id)
        if tracker is None:
            from agenthands.tasks.daily_budget import (
                open_day_budget,  # imports Prefect, before the command line has set it up
            )

            settings = settings_for(build.request.options())
            budget = Budget(settings.budget, settings.tool_budget, settings.budget_tokens)
            day = open_day_budget()
            if day is not None:
                _require_prices(settings, "the budget of the day")
            tracker = _trackers[build.build_id] = BudgetTracker(
                budget,
                day,
                build.folder / SPENDING_LOG,
                lambda cost: emit(CostChanged(build.build_id, cost)),
            )
        return tracker


def release_budget(build: BuildContext) -> None:
    """Forget the tracker of a build that has ended."""
    with _trackers_lock:
        _trackers.pop(build.build_id, None)


def coder_for(settings: Settings) -> Coder:
    """Return the coding agent."""
    return OpenHandsCoder(model_for(settings, "coder"), settings.home)


def gateway_for(settings: Settings) -> ModelGateway:
    """Return the gateway through which a sandbox reaches the agent's model."""
    return LitellmGateway(model_for(settings, "agent"), settings.case_seconds)


def network_for(settings: Settings, tools: Sequence[ToolSpec], folder: Path) -> AbstractContextManager[Network]:
    """Open the network of an agent: the hosts that the user listed, those of its tools with their keys and methods.

    Keys are variables of this process; those of models, of the store and of Prefect are not for tools, whatever a plan
    says. Raises SettingsInvalid.
    """
    own = {name for names in KEYS.values() for name in names}
    rules = [EgressRule.parse(rule) for rule in settings.egress]

    def listed(host: str) -> bool:
        return any(rule.fits(host, port) for rule in rules for port in WEB_PORTS)

    wanted = [name for tool in tools for name in tool.effects.secrets if name not in own]
    keys = keys_of([name for name in wanted if not name.startswith(_NOT_FOR_TOOLS)], os.environ)
    return network(settings.egress, rights_of(tools, keys, listed), folder)


def coding_limits(settings: Settings, scope: BudgetScope) -> CodingLimits:
    """Return the limits of one turn of a coding agent, which is charged to `scope`."""
    return CodingLimits(
        seconds=settings.coder_seconds,
        steps=settings.coder_steps,
        attempts=settings.max_attempts,
        scope=scope,
        system_prompt=settings.model_config_file().agent.text,
    )


def on_trial(settings: Settings) -> OnTrial:
    """Return what a trial of the models calls: as a build does, without fallbacks and with one retry.

    Raises ModelNotUsable, SandboxUnavailable or SettingsInvalid.
    """
    once: dict[str, object] = {"fallback": None, "roles": {}, "num_retries": 1}
    alone = {role: model_for(settings, role).model_copy(update=once) for role in ROLES}
    for model in alone.values():
        require_usable(model)
        if model.provider == "scripted":
            raise SettingsInvalid(f"{model.model} replays answers, so there is nothing to try.", "Name another model.")

    def chat(scope: BudgetScope) -> ChatModel:
        return MeteredModel(LitellmModel(alone["planner"], scope.note_cut_off, scope.allows_more), scope)

    return OnTrial(
        models={**{role: model.model for role, model in alone.items()}, "judge": alone["planner"].model},
        chat=chat,
        coder=OpenHandsCoder(alone["coder"], settings.home),
        gateway=LitellmGateway(alone["agent"]),
        sandbox=sandbox_for(settings),
    )


def check_machine(request: str, options: BuildOptions) -> Settings:
    """Check the request, sandbox and store before any work, and return the settings; quick, asks no model.

    Raises RequestInvalid, SettingsInvalid, SandboxUnavailable or StoreNotUsable.
    """
    checked_request(request)
    refuse_passwords(options)
    find_sources(options.data or ())
    settings = settings_for(options)
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        (settings.home / ".writable").touch()
    except OSError as error:
        raise StoreNotUsable(
            f"The folder {settings.home} cannot be written: {error.strerror}.", "Set AGENTHANDS_HOME to another folder."
        ) from None
    for host in settings.allow_host:
        AllowedHost.parse(host)
    for role in ROLES:
        settings.model(role)
    system_prompt(settings.model_config_file().agent.text, settings.coder_steps)
    sandbox_for(settings).check()
    store_for(settings).check()
    return settings


def check_models(settings: Settings) -> None:
    """Check that the model and the fallback of every role exist and have keys; asks no model.

    Raises ModelNotUsable, or SettingsInvalid if there is a budget in US dollars but a price is unknown.
    """
    for model in _all_models(settings):
        require_usable(model)
    if settings.budget or settings.tool_budget:
        _require_prices(settings, "a budget in US dollars")


def _all_models(settings: Settings) -> list[ModelSettings]:
    """Return the model of each role, and their fallbacks."""
    return [model for role in ROLES for model in settings.model(role).each()]


def _require_prices(settings: Settings, budget: str) -> None:
    for model in _all_models(settings):
        if price_per_token(model) is None:
            raise SettingsInvalid(
                f"No price of {model.model} is known, so {budget} cannot be kept.",
                "Give --price IN,OUT (US dollars for a million tokens), or a --budget-tokens N alone.",
            )


def warm_up(settings: Settings) -> None:
    """Import the coder's SDK in a thread while the planner works; code that needs it earlier waits for it.

    The thread is no daemon: one that is frozen in an import blocks the end of the process.
    """
    threading.Thread(target=load_openhands, args=(settings.home,)).start()


def price_of(model: ModelSettings) -> tuple[float, float] | None:
    """Return US dollars per prompt and per completion token; None if no price is known."""
    return price_per_token(model)


def trajectory(conversation: Path) -> bytes:
    """Return the persisted events of a coding agent's conversation, one JSON object a line."""
    return read_trajectory(conversation)
