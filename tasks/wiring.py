"""The only place that chooses implementations: settings in, adapters out. Heavy ones import what they need later."""

from __future__ import annotations

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
from agenthands.errors import ModelNotUsable, StoreNotUsable
from agenthands.masking import mask_logs
from agenthands.model_settings import ModelSettings, Role
from agenthands.models import BuildOptions
from agenthands.planning import checked_request
from agenthands.ports import ChatModel, Coder, Environments, ModelGateway, Sandbox, Store
from agenthands.requests import refuse_passwords
from agenthands.server_catalogue import CatalogueServer, load_catalogue
from agenthands.settings import Settings, load_settings

ROLES: tuple[Role, ...] = ("planner", "coder", "agent")

mask_logs()  # every process that runs a step imports this module


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


def model_for(settings: Settings, role: Role) -> ModelSettings:
    """Give a role's model with its key; Prefect is asked where a Secret block holds it. Raises ModelNotUsable."""
    model = settings.model(role)
    return model.with_key(read_secret_block(model.key_block)) if model.key_block else model


def read_secret_block(name: str) -> str:
    """Give what a Prefect Secret block of the worker's server holds. Raises ModelNotUsable."""
    from prefect.blocks.system import Secret

    try:
        key = Secret.load(name).get()  # type: ignore[union-attr]  # not awaited: this is no asynchronous context
    except ValueError as error:
        raise ModelNotUsable(
            f"The key cannot be read from the Prefect Secret block {name!r}: {str(error).splitlines()[0]}",
            "Make it in Prefect's UI under Blocks, on the server that the worker works for (PREFECT_API_URL).",
        ) from None
    if not isinstance(key, str) or not key.strip():
        raise ModelNotUsable(f"The Prefect Secret block {name!r} holds no text.", "Write the key into it.")
    return key.strip()


def planner_for(settings: Settings) -> ChatModel:
    """Choose the planner's model."""
    return LitellmModel(model_for(settings, "planner"))


def coder_for(settings: Settings) -> Coder:
    """Choose the coding agent."""
    return OpenHandsCoder(model_for(settings, "coder"), settings.home)


def gateway_for(settings: Settings) -> ModelGateway:
    """Choose what reaches the agent's model for a sandbox."""
    return LitellmGateway(model_for(settings, "agent"))


def egress_for(settings: Settings) -> EgressProxy:
    """Choose what lets a sandbox reach the hosts that the user listed. Raises SettingsInvalid."""
    return EgressProxy(settings.egress)


def coding_limits(settings: Settings, tools: int) -> CodingLimits:
    """Give the bounds of one tool's coding; the build's budget is shared evenly among `tools`."""
    return CodingLimits(
        seconds=settings.coder_seconds,
        steps=settings.coder_steps,
        attempts=settings.max_attempts,
        budget_usd=settings.budget / max(1, tools) if settings.budget else None,
    )


def check_machine(request: str, options: BuildOptions) -> Settings:
    """Check request, settings, sandbox and store, before any work: quick, asks no model.

    Raises RequestInvalid, SettingsInvalid, SandboxUnavailable or StoreNotUsable.
    """
    checked_request(request)
    refuse_passwords(options)
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


def warm_up(settings: Settings) -> None:
    """Import what the coder needs, so that it is there when the plan is: for a thread of its own."""
    load_openhands(settings.home)


def price_of(model: ModelSettings) -> tuple[float, float] | None:
    """Give US dollars per prompt and completion token; None where no price is known."""
    return price_per_token(model)


def trajectory(conversation: Path) -> bytes:
    """Give the persisted events of a coding agent's conversation, one JSON object a line."""
    return read_trajectory(conversation)
