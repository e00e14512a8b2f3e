"""The only place that chooses implementations: settings in, adapters out. Heavy ones import what they need later."""

from __future__ import annotations

import threading
from pathlib import Path

from agenthands.adapters.bubblewrap import BubblewrapSandbox
from agenthands.adapters.catalogue_url import read_catalogue_url
from agenthands.adapters.egress_proxy import EgressProxy
from agenthands.adapters.fsspec_store import FsspecStore
from agenthands.adapters.gateway import LitellmGateway
from agenthands.adapters.litellm_model import (
    LitellmModel,
    price_per_token,
    require_usable,
)
from agenthands.adapters.openhands_coder import OpenHandsCoder, load_openhands, read_trajectory
from agenthands.adapters.uv_environments import UvEnvironments
from agenthands.coding import CodingLimits
from agenthands.errors import SettingsInvalid, StoreNotUsable
from agenthands.model_settings import ModelSettings, Role
from agenthands.models import BuildOptions
from agenthands.planning import checked_request
from agenthands.ports import ChatModel, Coder, Environments, ModelGateway, Sandbox, Store
from agenthands.purse import Account, Budget, PaidModel, Purse
from agenthands.server_catalogue import CatalogueServer, load_catalogue
from agenthands.settings import Settings, load_settings
from agenthands.workplace import Build

ROLES: tuple[Role, ...] = ("planner", "coder", "agent")
_purses: dict[str, Purse] = {}
_purses_lock = threading.Lock()


def settings_for(options: BuildOptions) -> Settings:
    """Read the settings with a build's options on top. Raises SettingsInvalid."""
    return load_settings(options)


def sandbox_for(settings: Settings) -> Sandbox:
    """Choose the sandbox; there is no falling back to none. Raises SandboxUnavailable."""
    if settings.sandbox == "docker":
        from agenthands.adapters.docker_sandbox import DockerSandbox

        return DockerSandbox(settings.sandbox_image)
    return BubblewrapSandbox()


def store_for(settings: Settings) -> Store:
    """Open the store; nothing is written yet."""
    return store_at(settings.store_url)


def store_at(url: str) -> Store:
    """Open a store by its URL."""
    return FsspecStore(url)


def environments_for(settings: Settings) -> Environments:
    """Choose who installs Python environments."""
    return UvEnvironments(settings.home, settings.refresh)


def catalogue_for(settings: Settings) -> dict[str, CatalogueServer]:
    """Give the MCP servers that ship and those of the user's folder or URL. Raises SettingsInvalid."""
    extra = settings.catalogue
    if extra and "://" in extra:
        return load_catalogue(documents=read_catalogue_url(extra, settings.home))
    return load_catalogue(Path(extra).expanduser() if extra else None)


def planner_for(settings: Settings, account: Account) -> ChatModel:
    """Choose the planner's model, paid from `account`."""
    return PaidModel(LitellmModel(settings.model("planner")), account)


def purse_for(build: Build) -> Purse:
    """Give the purse of a build, one for all its steps in this process; a build that goes on takes up its book."""
    with _purses_lock:
        purse = _purses.get(build.build_id)
        if purse is None:
            settings = settings_for(build.request.options())
            budget = Budget(settings.budget, settings.tool_budget, settings.budget_tokens)
            from tasks.day_budget import open_day_budget  # Prefect reads its settings when it is imported: not before

            day = open_day_budget()
            if day is not None:
                _require_prices(settings, "the budget of the day")
            purse = _purses[build.build_id] = Purse(budget, day, build.folder / "spending.jsonl")
        return purse


def forget_purse(build: Build) -> None:
    """Let a purse go, for its build has ended."""
    with _purses_lock:
        _purses.pop(build.build_id, None)


def coder_for(settings: Settings) -> Coder:
    """Choose the coding agent."""
    return OpenHandsCoder(settings.model("coder"), settings.home)


def gateway_for(settings: Settings) -> ModelGateway:
    """Choose what reaches the agent's model for a sandbox."""
    return LitellmGateway(settings.model("agent"))


def egress_for(settings: Settings) -> EgressProxy:
    """Choose what lets a sandbox reach the hosts that the user listed. Raises SettingsInvalid."""
    return EgressProxy(settings.egress)


def coding_limits(settings: Settings, account: Account) -> CodingLimits:
    """Give the bounds of one turn of a tool's coding, paid from `account`."""
    return CodingLimits(
        seconds=settings.coder_seconds,
        steps=settings.coder_steps,
        attempts=settings.max_attempts,
        account=account,
    )


def check_machine(request: str, options: BuildOptions) -> Settings:
    """Check request, settings, sandbox and store, before any work: quick, asks no model.

    Raises RequestInvalid, SettingsInvalid, SandboxUnavailable or StoreNotUsable.
    """
    checked_request(request)
    settings = settings_for(options)
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        (settings.home / ".writable").touch()
    except OSError as error:
        raise StoreNotUsable(
            f"The folder {settings.home} cannot be written: {error.strerror}.", "Set AGENTHANDS_HOME to another folder."
        ) from None
    for role in ROLES:
        settings.model(role)
    sandbox_for(settings).check()
    store_for(settings).check()
    return settings


def check_models(settings: Settings) -> None:
    """Check that every role has a model that exists and a key; asks no model. Raises ModelNotUsable."""
    for role in ROLES:
        require_usable(settings.model(role))
    if settings.budget or settings.tool_budget:
        _require_prices(settings, "a budget in US dollars")


def _require_prices(settings: Settings, budget: str) -> None:
    for model in (settings.model(role) for role in ROLES):
        if price_per_token(model) is None:
            raise SettingsInvalid(
                f"No price of {model.model} is known, so {budget} cannot be kept.",
                "Give --price IN,OUT (US dollars for a million tokens), or a --budget-tokens N alone.",
            )


def warm_up(settings: Settings) -> None:
    """Import what the coder needs, so that it is there when the plan is: for a thread of its own."""
    load_openhands(settings.home)


def price_of(model: ModelSettings) -> tuple[float, float] | None:
    """Give US dollars per prompt and completion token; None where no price is known."""
    return price_per_token(model)


def trajectory(conversation: Path) -> bytes:
    """Give the persisted events of a coding agent's conversation, one JSON object a line."""
    return read_trajectory(conversation)
