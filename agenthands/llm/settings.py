"""Settings of models, read from the TOML file, and the variables that hold the providers' keys.

`KEYS` is litellm's table, copied because importing litellm takes seconds; a test compares the two. An agent's package
contains it and looks for the key when it starts. Providers that are not in it (local models, clouds with their own
sign-in) are not checked.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from agenthands._util.redaction import remember
from agenthands.errors import SettingsInvalid
from agenthands.llm.call_options import Effort, Wanted

KEYS = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "cohere": ("COHERE_API_KEY",),
    "deepinfra": ("DEEPINFRA_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "huggingface": ("HUGGINGFACE_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "moonshot": ("MOONSHOT_API_KEY",),
    "nvidia_nim": ("NVIDIA_NIM_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "replicate": ("REPLICATE_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY",),
    "xai": ("XAI_API_KEY",),
}


def key_names(model: str) -> tuple[str, ...]:
    """Return the variables one of which must hold the model's key, the usual one first; empty if none is known."""
    return KEYS.get(model.partition("/")[0], ())


DEFAULT_CONFIG = Path(__file__).parent / "default_models.toml"
Role = Literal["planner", "coder", "agent"]
ROLES: tuple[Role, ...] = ("planner", "coder", "agent")
AGENT_ROLE = re.compile(r"[a-z][a-z0-9_]{0,30}")
_AGENTS = "roles"  # the table of [llm.agent] with the models that agents of a plan may have
_BLOCK = "prefect:"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class ModelSettings(BaseModel):
    """One model and how to call it. Prices are US dollars per token, for models without a price in litellm."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = Field(pattern=r"""^[^\s${}\\'"`]+$""")  # it becomes part of the agent's NAT configuration
    api_key: SecretStr | None = None
    api_base: str | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    max_output_tokens: int | None = Field(
        None, gt=0, description="What the visible part of an answer may have at least; thoughts get room beside it"
    )
    reasoning_effort: Effort | None = Field(None, description="How much the model thinks; its own default if empty")
    thinking_tokens: int | None = Field(None, ge=0, description="Room for thoughts beside the visible answer")
    context_tokens: int | None = Field(None, gt=0, description="Context window that Ollama is asked for")
    safety_settings: tuple[dict[str, str], ...] = ()
    timeout: float = Field(300, gt=0, description="Seconds for one call")
    num_retries: int = Field(3, ge=0, le=10, description="Further tries where the provider limits or fails")
    retry_seconds: float = Field(2, ge=0, description="Pause before the first of them; it doubles each time")
    input_cost_per_token: float | None = Field(None, ge=0)
    output_cost_per_token: float | None = Field(None, ge=0)
    assumed_price: tuple[float, float] | None = Field(None, description="Per prompt and completion token, if unknown")
    fallback: ModelSettings | None = Field(None, description="Asked where this one does not answer")
    about: str = Field("", max_length=300, description="What a planner reads of it: what it is for")
    roles: dict[str, ModelSettings] = Field(
        default_factory=dict, description="Of the agent's model: those that agents of a plan may have instead, by role"
    )

    @model_validator(mode="after")
    def _keys_are_masked(self) -> ModelSettings:
        if self.api_key and not self.key_block:
            remember(self.api_key.get_secret_value())
        if self.api_base:
            remember(self.api_base)
        return self

    @property
    def key_block(self) -> str:
        """The name of the Prefect Secret block that holds the key, if `api_key` is "prefect:NAME"; else empty."""
        key = self.api_key.get_secret_value() if self.api_key else ""
        return key.removeprefix(_BLOCK) if key.startswith(_BLOCK) else ""

    def with_key(self, key: str) -> ModelSettings:
        """Return a copy with the key that was read from the block."""
        return ModelSettings.model_validate({**self.model_dump(), "api_key": key})

    def within(self, seconds: float) -> ModelSettings:
        """Return a copy whose calls take at most `seconds`; a fallback gets the second half of that."""
        roles = {role: model.within(seconds) for role, model in self.roles.items()}
        if self.fallback is None:
            return self.model_copy(update={"timeout": min(self.timeout, seconds), "roles": roles})
        half = seconds / 2
        fallback = self.fallback.within(half)
        return self.model_copy(update={"timeout": min(self.timeout, half), "fallback": fallback, "roles": roles})

    def with_role(self, role: str) -> ModelSettings:
        """Return the model of agents with a role; this one for the empty role, and for one that has no model."""
        return self.roles.get(role, self)

    def each(self) -> Iterator[ModelSettings]:
        """Yield this model, those of the roles, and the fallbacks of all."""
        for model in (self, *self.roles.values()):
            yield model
            if model.fallback:
                yield model.fallback

    @property
    def provider(self) -> str:
        """The part of the model's name before the first slash."""
        return _provider(self.model)

    @property
    def wanted(self) -> Wanted:
        """What these settings say of each call, for `call_options`."""
        return Wanted(
            self.model,
            self.temperature,
            self.max_output_tokens,
            self.reasoning_effort,
            self.thinking_tokens,
            self.context_tokens,
        )


class CoderPrompt(BaseModel):
    """The coder's system prompt: a file in `prompts/`, or a path to the user's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system_prompt_filename: str = "generate/system.md.j2"

    @property
    def text(self) -> str:
        """The template. Raises SettingsInvalid if the file cannot be read."""
        from agenthands.llm.prompts import prompt_text  # imports jinja2, which `--help` does not need

        try:
            return prompt_text(self.system_prompt_filename)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise SettingsInvalid(
                f"[agent] system_prompt_filename: {self.system_prompt_filename!r} cannot be read: {reason}.",
                "Name a file of prompts/, or give the whole path of your own.",
            ) from None


class ConfigFile(BaseModel):
    """The whole file: the settings of all models, by role, and the coder's system prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    llm: dict[str, Any]
    agent: CoderPrompt = CoderPrompt()

    def for_role(self, role: Role, model: str | None, api_base: str | None) -> ModelSettings:
        """Return the settings of one role; `model` and `api_base` from the command line override the file.

        Prices in the file apply only to the model named beside them; its key, base URL and safety settings apply only
        to models of the same provider. Raises SettingsInvalid.
        """
        values = self._values(role, model)
        if api_base:
            values["api_base"] = api_base
        return _settings(values, f"[llm] for the {role}")

    def agent_roles(self) -> list[str]:
        """Return the roles of models that the file has for agents of a plan. Raises SettingsInvalid."""
        return list(self._role_tables())

    def for_agent_role(self, role: str, model: str | None, usual: ModelSettings, api_base: str | None) -> ModelSettings:
        """Return the model of agents with a role: as the agent's usual one, but for what its table or `model` says.

        `api_base` from the command line applies to a model of the usual one's provider that has no URL in its table.
        Raises SettingsInvalid.
        """
        own = self._role_tables().get(role, {})
        values = self._values("agent", None)
        if "model" in own:
            values = _without_foreign(values, own["model"])
        values = {**values, **own}
        if model:
            values = _without_foreign(values, model) | {"model": model}
        if api_base and _provider(values.get("model")) == usual.provider and "api_base" not in own:
            values["api_base"] = api_base
        return _settings(values, f"[llm.agent.{_AGENTS}.{role}]")

    def _role_tables(self) -> Mapping[str, Mapping[str, Any]]:
        agent = self.llm.get("agent")
        tables = agent.get(_AGENTS, {}) if isinstance(agent, Mapping) else {}
        if not isinstance(tables, Mapping):
            raise SettingsInvalid(f"[llm.agent] {_AGENTS}: roles are tables, [llm.agent.{_AGENTS}.NAME].")
        for role, table in tables.items():
            where = f"[llm.agent.{_AGENTS}.{role}]"
            if not AGENT_ROLE.fullmatch(role):
                raise SettingsInvalid(f"{where}: a role is lower-case letters, digits and _, such as writer.")
            if not isinstance(table, Mapping) or "model" not in table:
                raise SettingsInvalid(f"{where}: it is a table that names its model.")
        return tables

    def fallback(self, model: str | None, instead_of: ModelSettings, api_base: str | None) -> ModelSettings | None:
        """Return the model that answers when `instead_of` cannot be reached; None if none is named.

        `api_base` from the command line applies to a fallback of the same provider that has no URL in the file.
        """
        values = self._values("fallback", model)
        if model is None and "model" not in self.llm.get("fallback", {}):
            return None
        same_provider = _provider(values["model"]) == instead_of.provider
        if api_base and same_provider and "api_base" not in self.llm.get("fallback", {}):
            values["api_base"] = api_base
        found = _settings(values, "[llm.fallback]")
        same = (found.model, found.api_base) == (instead_of.model, instead_of.api_base)
        return None if same else found

    def _values(self, section: str, model: str | None) -> dict[str, Any]:
        values = {key: value for key, value in self.llm.items() if not isinstance(value, Mapping)}
        own = self.llm.get(section, {})
        if not isinstance(own, Mapping):
            raise SettingsInvalid(f"[llm] {section}: settings of a role stand in a table, [llm.{section}].")
        if "model" in own:
            values = _without_foreign(values, own["model"])
        values |= {key: value for key, value in own.items() if key != _AGENTS}
        return _without_foreign(values, model) | {"model": model} if model else values


def _without_foreign(values: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return `values` without the settings that belong to its own model, if `model` is another one."""
    if model == values.get("model"):
        return dict(values)
    drop = {"input_cost_per_token", "output_cost_per_token"}
    if _provider(model) != _provider(values.get("model", "")):
        drop |= {"api_key", "api_base", "safety_settings"}
    return {key: value for key, value in values.items() if key not in drop}


def _provider(model: object) -> str:
    return str(model).partition("/")[0]


def _settings(values: Mapping[str, Any], where: str) -> ModelSettings:
    try:
        return ModelSettings(**{key: value for key, value in values.items() if value not in ("", None)})
    except ValidationError as error:
        raise _invalid(where, error) from None


def load_config(path: Path | None, environ: Mapping[str, str] = os.environ) -> ConfigFile:
    """Return the configuration in `path`, by default the file that ships. Raises SettingsInvalid."""
    path = path or DEFAULT_CONFIG
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsInvalid(
            f"The configuration file {str(path)!r} cannot be read: {error.strerror}.",
            f"Copy {DEFAULT_CONFIG} and pass the copy with --config.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"The configuration file {str(path)!r} is not TOML: {error}") from None
    try:
        config = ConfigFile(**_interpolated(raw, environ))
    except ValidationError as error:
        raise _invalid(str(path), error) from None
    roles = {key for key, value in config.llm.items() if isinstance(value, Mapping)}
    if unknown := sorted(roles - {"planner", "coder", "agent", "fallback"}):
        raise SettingsInvalid(f"{path}: [llm.{unknown[0]}] is no role; there are planner, coder, agent and fallback.")
    return config


def _interpolated(value: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: environ.get(match.group(1), ""), value)
    if isinstance(value, dict):
        return {key: _interpolated(item, environ) for key, item in value.items()}
    if isinstance(value, list):
        return [_interpolated(item, environ) for item in value]
    return value


def _invalid(where: str, error: ValidationError) -> SettingsInvalid:
    first = error.errors(include_url=False, include_input=False)[0]
    return SettingsInvalid(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
