"""Runs with the NAT environment's Python, in a sandbox: prints NAT's component types as one line of JSON.

An agent scaffold is a function whose configuration derives from NAT's AgentBaseConfig, or that NAT ships in
`nat.plugins.*.agent` or `nat.plugins.*.control_flow`.
"""

import json
import typing
from importlib.metadata import version

from nat.cli.type_registry import GlobalTypeRegistry
from nat.data_models import component_ref
from nat.data_models.agent import AgentBaseConfig
from nat.runtime.loader import PluginTypes, discover_and_register_plugins

KINDS = {
    component_ref.FunctionRef: "function",
    component_ref.FunctionGroupRef: "group",
    component_ref.LLMRef: "llm",
    component_ref.MemoryRef: "memory",
    str: "text",
}


def is_scaffold(info):
    """Return whether a registered function drives other functions."""
    module = info.config_type.__module__
    return issubclass(info.config_type, AgentBaseConfig) or ".agent." in module or ".control_flow." in module


def kind_of(annotation):
    """Return what a field names: `function`, `functions`, `functions_and_groups`, `llm`, `memory`, `text`, `other`."""
    if typing.get_origin(annotation) is not list:
        return KINDS.get(annotation, "other")
    (member,) = typing.get_args(annotation)
    kinds = {KINDS.get(each) for each in typing.get_args(member) or [member]}
    if kinds == {"function", "group"}:
        return "functions_and_groups"
    return "functions" if kinds == {"function"} else "other"


def scaffold_of(info):
    """Return what a plan and a configuration need to know of a scaffold."""
    fields = {
        name: {"kind": kind_of(field.annotation), "required": field.is_required()}
        for name, field in sorted(info.config_type.model_fields.items())
    }
    about = " ".join((info.config_type.__doc__ or "").split("\n\n")[0].split())
    return {"fields": fields, "about": about}


discover_and_register_plugins(PluginTypes.ALL)
registry = GlobalTypeRegistry.get()
functions = sorted(registry.get_registered_functions(), key=lambda info: info.config_type.static_type())
print(  # noqa: T201
    json.dumps(
        {
            "version": version("nvidia-nat"),
            "scaffolds": {info.config_type.static_type(): scaffold_of(info) for info in functions if is_scaffold(info)},
            "functions": [info.config_type.static_type() for info in functions if not is_scaffold(info)],
            "memories": sorted(info.config_type.static_type() for info in registry.get_registered_memorys()),
        }
    )
)
