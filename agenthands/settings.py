"""Settings, read once at the entry point: from the command line, `AGENTHANDS_*` variables, and defaults, in order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from agenthands._util.redaction import remember
from agenthands.errors import SettingsInvalid
from agenthands.llm.settings import AGENT_ROLE, ROLES, ConfigFile, ModelSettings, Role, load_config
from agenthands.sandbox.registry import DEFAULT_SANDBOX
from agenthands.schemas import BuildOptions
from agenthands.schemas.request import MOST_DATA_ROWS, PRICE, SandboxName

_MILLION = 1_000_000
_OPTIONS = {"agent_models": "agent_model"}  # one option sets both


class Settings(BaseSettings):
    """Everything that can be set; each field is also the variable AGENTHANDS_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="AGENTHANDS_", frozen=True, extra="ignore", validate_default=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".agenthands")
    """Environments, work folders, and the default store."""
    planner: str | None = None
    """Model that plans; the configuration file's if empty."""
    coder: str | None = None
    """Model that writes the tools; the planner's if empty."""
    agent_model: str | None = None
    """Model of the finished agent; the planner's if empty."""
    agent_models: Annotated[dict[str, str], NoDecode] = {}
    """Further models that a plan may give to its agents, by role: `ROLE=MODEL WHAT FOR`, separated by `;`."""
    fallback: str | None = None
    """Model that answers if one of these is rate-limited or cannot be reached; the configuration file's if empty."""
    api_base: str | None = None
    """URL of a self-hosted model endpoint."""
    config: Path | None = None
    """TOML file with the model settings."""
    store: str | None = None
    """Where builds are kept; `<home>/store` if empty."""
    store_web: str | None = None
    """Where a browser finds the store's objects; pages in Prefect's UI link there."""
    sandbox: SandboxName = DEFAULT_SANDBOX
    """What isolates generated code."""
    sandbox_image: str | None = None
    """Image of the docker sandbox; the one that `deployments/sandbox-image.sh` builds if empty."""
    egress: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts that a sandbox with the network policy `egress` may reach: `host`, `host:port`, `*.domain`."""
    allow_host: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts that may be asked while an agent is planned: `host`, with `+NAME` for each key that may be sent there."""
    budget: float | None = Field(None, gt=0)
    """US dollars that all models of one build may cost."""
    tool_budget: float | None = Field(None, gt=0)
    """US dollars that writing one tool may cost."""
    budget_tokens: int | None = Field(None, gt=0)
    """Tokens, in and out, that all models of one build may use."""
    price: str | None = Field(None, pattern=PRICE)
    """`IN,OUT`: US dollars per million tokens of models whose price is unknown."""
    data_rows: int = Field(5, ge=0, le=MOST_DATA_ROWS)
    """Rows of each table of the user's data that the models read; 0: the schema alone."""
    max_attempts: int = Field(3, ge=1, le=10)
    """Tries of each tool at the gate."""
    parallel: int = Field(8, ge=1, le=64)
    """Tools that are written at once."""
    refresh: bool = False
    """Ignore everything cached."""
    coder_seconds: float = Field(900, gt=0)
    """Wall time of one turn of a coding agent, in seconds."""
    coder_steps: int = Field(60, ge=2)
    """Model calls of one turn of a coding agent."""
    gate_seconds: float = Field(600, ge=30)
    """Wall time of one gate run, in seconds; one run of the tool's tests may take a thirtieth of it as CPU time."""
    case_seconds: float = Field(120, gt=0)
    """Wall time of one test case of the finished agent, in seconds."""
    server_seconds: float = Field(300, ge=0)
    """How long the embedded Prefect server stays for the next command, in seconds; 0 ends it with its last one."""
    locks: str | None = None
    """`redis://` URL of the locks that several machines share; locks of this machine if empty."""
    catalogue: str | None = None
    """Folder, or https URL of a JSON list, with further MCP servers in the server.json format."""

    dependencies: Annotated[tuple[str, ...], NoDecode] = ()
    """Packages that the tools of a plan may need beyond NAT's; empty allows all."""

    trusted_packages: Annotated[tuple[str, ...], NoDecode] = ()
    """Packages on PyPI or npm that tools and MCP servers may need, however recent their release."""

    @field_validator("egress", "allow_host", "dependencies", "trusted_packages", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("agent_models", mode="before")
    @classmethod
    def _by_role(cls, value: Any) -> Any:
        pairs = (part.partition("=") for part in value.split(";") if part.strip()) if isinstance(value, str) else ()
        roles = {role.strip(): model.strip() for role, _, model in pairs} if isinstance(value, str) else value
        for role, model in roles.items():
            if not AGENT_ROLE.fullmatch(role) or not model.strip():
                raise ValueError(f"{role!r} is given as {model!r}; it is ROLE=MODEL, such as writer=openai/gpt-4o-mini")
        return roles

    @property
    def store_url(self) -> str:
        """The folder or URL of the store; by default `<home>/store`."""
        return self.store or str(self.home / "store")

    def web_url(self, key: str) -> str:
        """Return the URL at which a person can open an object or a folder of the store."""
        base = self.store_web or (self.store_url if "://" in self.store_url else f"file://{self.store_url}")
        return f"{base.rstrip('/')}/{key}"

    def model_config_file(self) -> ConfigFile:
        """Return the configuration file's content. Raises SettingsInvalid."""
        return load_config(self.config)

    def model(self, role: Role) -> ModelSettings:
        """Return the model of one role, with its fallback; that of the agent also with those of a plan's agents.

        The role's own setting comes first, then its own model in the file, then the planner's setting, then the file's
        default. Raises SettingsInvalid.
        """
        file = self.model_config_file()
        named = {"planner": self.planner, "coder": self.coder, "agent": self.agent_model}[role]
        own = isinstance(file.llm.get(role), dict) and "model" in file.llm[role]
        settings = file.for_role(role, named or (None if own else self.planner), self.api_base)
        if role == "agent":
            roles = dict.fromkeys([*file.agent_roles(), *self.agent_models])
            by_role = {name: self._of_role(file, name, settings) for name in roles}
            settings = settings.model_copy(update={"roles": by_role})
        return self._completed(file, settings)

    def models(self) -> dict[str, ModelSettings]:
        """Return all models by what they do: planner, coder, agent, and `agent ROLE`. Raises SettingsInvalid."""
        models: dict[str, ModelSettings] = {role: self.model(role) for role in ROLES}
        return models | {f"agent {role}": model for role, model in models["agent"].roles.items()}

    def _of_role(self, file: ConfigFile, role: str, usual: ModelSettings) -> ModelSettings:
        name, _, about = self.agent_models.get(role, "").partition(" ")
        model = file.for_agent_role(role, name or None, usual, self.api_base)
        said = {"about": " ".join(about.split())[:300]} if about.strip() else {}
        return self._completed(file, model.model_copy(update=said))

    def _completed(self, file: ConfigFile, settings: ModelSettings) -> ModelSettings:
        """Return a model with its fallback and the price that the user gave."""
        fallback = file.fallback(self.fallback, settings, self.api_base)
        if self.price:
            prompt, completion = (float(each) / _MILLION for each in self.price.split(","))
            assumed = {"assumed_price": (prompt, completion)}
            settings = settings.model_copy(update=assumed)
            fallback = fallback.model_copy(update=assumed) if fallback else None
        return settings.model_copy(update={"fallback": fallback})


def load_settings(options: BuildOptions | None = None) -> Settings:
    """Return the settings, overridden by `options`. Raises SettingsInvalid, which names the variable or option."""
    given = options.model_dump(exclude_none=True) if options else {}
    if not given.get("refresh"):
        given.pop("refresh", None)
    given.pop("openapi", None)  # what a build is about, and no setting
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        raise SettingsInvalid(
            f"The setting {name!r} cannot be used: {first['msg']}.",
            f"Look at --{_OPTIONS.get(name, name).replace('_', '-')} or the variable AGENTHANDS_{name.upper()}.",
        ) from None
    remember(*(value for value in given.values() if isinstance(value, str) and "://" in value))
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})
