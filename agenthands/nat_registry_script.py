"""Runs with the NAT environment's Python, in a sandbox: prints NAT's component types as one line of JSON.

An agent scaffold is a function whose configuration derives from NAT's AgentBaseConfig, or that NAT ships in
`nat.plugins.*.agent` or `nat.plugins.*.control_flow`.
"""

import json
from importlib.metadata import version

from nat.cli.type_registry import GlobalTypeRegistry
from nat.data_models.agent import AgentBaseConfig
from nat.runtime.loader import PluginTypes, discover_and_register_plugins


def is_scaffold(info):
    """Say whether a registered function drives other functions."""
    module = info.config_type.__module__
    return issubclass(info.config_type, AgentBaseConfig) or ".agent." in module or ".control_flow." in module


discover_and_register_plugins(PluginTypes.ALL)
functions = GlobalTypeRegistry.get().get_registered_functions()
scaffolds = {
    info.config_type.static_type(): {
        name: field.is_required() for name, field in sorted(info.config_type.model_fields.items())
    }
    for info in sorted(functions, key=lambda info: info.config_type.static_type())
    if is_scaffold(info)
}
others = sorted(info.config_type.static_type() for info in functions if not is_scaffold(info))
print(json.dumps({"version": version("nvidia-nat"), "scaffolds": scaffolds, "functions": others}))  # noqa: T201
