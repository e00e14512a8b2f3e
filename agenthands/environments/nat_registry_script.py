"""Runs with the NAT environment's Python, in a sandbox: prints NAT's component types as one line of JSON.

An agent type is a function whose configuration derives from NAT's AgentBaseConfig, that NAT ships in
`nat.plugins.*.agent` or `nat.plugins.*.control_flow`, or that answers by a model with a system prompt of its own.
"""

import json
import typing
from importlib.metadata import version

from nat.cli.type_registry import GlobalTypeRegistry
from nat.data_models import component_ref
from nat.data_models.agent import AgentBaseConfig
from nat.data_models.function import FunctionBaseConfig
from nat.runtime.loader import PluginTypes, discover_and_register_plugins
from pydantic import SecretStr, TypeAdapter

KINDS = {
    component_ref.FunctionRef: "function",
    component_ref.FunctionGroupRef: "group",
    component_ref.LLMRef: "llm",
    component_ref.MemoryRef: "memory",
    str: "text",
    SecretStr: "secret",
}
OF_EVERY_FUNCTION = {*FunctionBaseConfig.model_fields, "verbose"}


def is_agent_type(info):
    """Return whether a registered function drives other functions, or answers by a model alone."""
    module, fields = info.config_type.__module__, info.config_type.model_fields
    drives = issubclass(info.config_type, AgentBaseConfig) or ".agent." in module or ".control_flow." in module
    return drives or {"llm_name", "system_prompt"} <= fields.keys()


def kind_of(annotation):
    """Return what a field names: `function`, `functions`, `functions_and_groups`, `llm`, `memory`, `text`, `other`."""
    members = [each for each in typing.get_args(annotation) if each is not type(None)]
    if typing.get_origin(annotation) is not list:
        known = {KINDS.get(each) for each in members} or {KINDS.get(annotation)}
        return (known.pop() or "other") if len(known) == 1 else "other"
    kinds = {KINDS.get(each) for each in typing.get_args(members[0]) or members}
    if kinds == {"function", "group"}:
        return "functions_and_groups"
    return "functions" if kinds == {"function"} else "other"


def fields_of(info):
    """Return what each field of a function's configuration names, and whether it is required."""
    return {
        name: {"kind": kind_of(field.annotation), "required": field.is_required()}
        for name, field in sorted(info.config_type.model_fields.items())
    }


def agent_type_of(info):
    """Return what a plan and a configuration need to know of an agent type."""
    return {"fields": fields_of(info), "about": about(info)}


def about(info):
    """Return the first paragraph of a configuration's docstring, in one line."""
    return " ".join((info.config_type.__doc__ or "").split("\n\n")[0].split())


def builtin_of(info):
    """Return what a plan needs to know of another function: its fields, each with its JSON schema where it has one."""
    fields = fields_of(info)
    for name, field in info.config_type.model_fields.items():
        fields[name] |= {"accepts": schema_of(field.annotation), "about": field.description or ""}
    own = {name: field for name, field in fields.items() if name not in OF_EVERY_FUNCTION}
    return {"fields": own, "about": about(info)}


def schema_of(annotation):
    """Return the JSON schema of a type; None for one that JSON cannot hold, such as a callable."""
    try:
        return TypeAdapter(annotation).json_schema()
    except Exception:
        return None


discover_and_register_plugins(PluginTypes.ALL)
registry = GlobalTypeRegistry.get()
functions = sorted(registry.get_registered_functions(), key=lambda info: info.config_type.static_type())
agent_types = {info.config_type.static_type(): agent_type_of(info) for info in functions if is_agent_type(info)}
print(  # noqa: T201
    json.dumps(
        {
            "version": version("nvidia-nat"),
            "scaffolds": agent_types,
            "builtins": {
                name: builtin_of(info)
                for info in functions
                if (name := info.config_type.static_type()) not in agent_types
            },
            "memories": sorted(info.config_type.static_type() for info in registry.get_registered_memorys()),
        }
    )
)
