"""A server of the catalogue: how it is started, what its user provides, and what each of its tools does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agenthands.schemas import Effect
from agenthands.schemas.part import SLUG


class ServerTool(NamedTuple):
    """A tool as a plan names it.

    `does` is the worst that a call can do, empty where nobody has said it. `listed` is the name by which the server
    lists the tool, if that is another; `same_as` is the tool of which this one is a variant.
    """

    name: str
    description: str = ""
    does: Effect | Literal[""] = ""
    same_as: str = ""
    listed: str = ""

    @property
    def effect(self) -> Effect:
        """What a call can do; what nobody has marked may write."""
        return self.does or "writes"

    @property
    def server_name(self) -> str:
        """The name by which the server lists the tool."""
        return self.listed or self.name


def plain_value(value: str) -> str:
    """Return `value` unchanged. Raises ValueError if NAT would alter it in an agent's configuration."""
    if "${" in value or re.search(r"[\\\x00-\x1f\x7f]", value):
        raise ValueError("must hold no backslash, no control character and no ${, which NAT reads as its own")
    return value


PlainValue = Annotated[str, AfterValidator(plain_value), Field(pattern=r"^[^${}]*$")]


class ServerVariable(BaseModel):
    """A value that a server needs from its user.

    `placeholder` is a harmless one with which the server starts, `default` the one that is used where the user gives
    none. `path` says that it is a folder or a file of the user's, which the server reads or, if `written`, changes.
    """

    model_config = ConfigDict(frozen=True, validate_by_alias=True, validate_by_name=True)

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    description: str = ""
    required: bool = Field(default=False, alias="isRequired")
    secret: bool = Field(default=False, alias="isSecret")
    placeholder: PlainValue = ""
    default: PlainValue = ""
    choices: tuple[PlainValue, ...] = ()
    path: Literal["", "folder", "file"] = ""
    written: bool = False

    @property
    def trial_value(self) -> str:
        """The value with which the server is started where the user has given none."""
        return self.placeholder or self.default


class CatalogueServer(BaseModel):
    """A server at one version; the first word of `command` is a script in its environment's `bin`.

    The other words, and the values of `fixed`, may contain `{NAME}`, the value of one of the `settings`. `fixed` are
    variables of the environment that the user does not choose, `environment` those that the user provides, and
    `read_only` those that keep it from writing, set where an agent uses nothing that does. `network` is "optional"
    where it serves local data as well, and reaches what a call names.
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=SLUG)
    title: str
    description: str
    registry: Literal["pypi", "npm"]
    package: str
    version: str
    as_of: str = Field("", pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    licence: str = ""
    command: tuple[Annotated[str, AfterValidator(plain_value)], ...]
    environment: tuple[ServerVariable, ...]
    settings: tuple[ServerVariable, ...] = ()
    fixed: dict[str, Annotated[str, AfterValidator(plain_value)]] = {}
    read_only: dict[str, Annotated[str, AfterValidator(plain_value)]] = {}
    network: Literal["none", "optional", "egress"]
    categories: tuple[str, ...]
    tools: tuple[ServerTool, ...] = Field(min_length=1)
    tools_sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    shipped: bool = Field(default=False, exclude=True)
    """Whether it ships with AgentHands, which vetted its version; the packages of other servers are vetted first."""

    @property
    def variables(self) -> tuple[ServerVariable, ...]:
        """Everything that the user provides: the server's environment variables and command-line settings."""
        return (*self.environment, *self.settings)

    def placeholders(self) -> dict[str, str]:
        """Return a value with which the server starts for every variable that has one, by the variable's name."""
        return {each.name: each.trial_value for each in self.variables if each.trial_value}

    def stand_ins(self, planned: Mapping[str, str]) -> dict[str, str]:
        """Return the values with which an agent is tried: placeholders for what its plan does not say, and for paths,
        which are the user's and nowhere else."""
        asked = [each for each in self.variables if each.path or not (planned.get(each.name) or each.default)]
        return {each.name: each.placeholder for each in asked if each.placeholder}

    def arguments(self, values: Mapping[str, str]) -> list[str]:
        """Return the command line after the script's name, with `values` in place of the settings."""
        return [self._filled(word, values) for word in self.command[1:]]

    def started_with(self, values: Mapping[str, str], reads_only: bool = False) -> dict[str, str]:
        """Return the variables of the server's environment: those of `values`, the fixed ones, and where it
        `reads_only`, those that keep it from writing."""
        given = {each.name: values[each.name] for each in self.environment if each.name in values}
        fixed = {name: self._filled(value, values) for name, value in self.fixed.items()}
        return given | fixed | (self.read_only if reads_only else {})

    def _filled(self, text: str, values: Mapping[str, str]) -> str:
        names = {each.name for each in self.settings}
        return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "") if found[1] in names else found[0], text)

    def tool(self, name: str) -> ServerTool | None:
        """Return the tool that a plan names so."""
        return next((tool for tool in self.tools if tool.name == name), None)

    def beyond_reading(self, names: Sequence[str]) -> list[ServerTool]:
        """Return those of the named tools that do more than read."""
        return [tool for tool in self.tools if tool.name in names and tool.effect != "reads"]
