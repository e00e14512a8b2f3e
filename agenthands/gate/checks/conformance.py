"""The check `conformance`: NAT can use the tool. Each common mistake gets its own message, before anything is run."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, override

from agenthands._util.json_values import same_json
from agenthands.gate.checks.base import MORE_ATTEMPTS, STRONGER_CODER, Finding, GateCheck
from agenthands.gate.harness_jobs import IMPORT, Job
from agenthands.gate.origins import Origins
from agenthands.gate.source import FunctionNode, is_registered, nodes_of
from agenthands.schemas import Effects, ToolSpec

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged

_BLOCKING = {"time.sleep", "input", "requests.get", "requests.post", "requests.request", "urllib.request.urlopen",
             "subprocess.run", "subprocess.check_output", "os.system"}  # fmt: skip


class Conformance(GateCheck):
    """NAT imports the tool and finds one function in it."""

    name = "conformance"
    order = 20
    headline = True
    summary = "NAT imports it and registers exactly this one function: async, typed, described"
    fix = "The message names the line. Compare with the tool above."
    remedy = MORE_ATTEMPTS
    change = f"ask for simpler arguments and results, or {STRONGER_CODER}"

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Import the tool under NAT."""
        return [IMPORT]

    def run(self, evidence: Evidence) -> Finding:
        """Look at the code, and run it only where nothing is wrong with it."""
        if complaints := static_complaints(evidence.source, evidence.tool.name):
            return Finding(False, "\n".join(complaints))
        return import_finding(evidence.answers.first[IMPORT.id], evidence.tool)


def import_finding(answer: Mapping[str, Any], tool: ToolSpec | None = None) -> Finding:
    """Judge the import under NAT and what was registered; with `tool`, whether it has the settings of its effects."""
    if not answer["ok"]:
        what = "The gate could not finish" if answer.get("lost") else "NAT cannot use the tool"
        return Finding(False, f"{what}: {answer['error']}")
    if len(answer["description"]) < 10:
        return Finding(False, "NAT shows no description of the tool to a model.")
    if tool and (complaints := setting_complaints(tool.effects, answer.get("settings", {}))):
        return Finding(False, "\n".join(complaints))
    return Finding(True, "One function, registered and described.")


def setting_complaints(effects: Effects, found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return which settings of the effects the configuration class lacks, or has otherwise than specified.

    `found` has its fields: whether the default is a SecretStr, and what it is.
    """
    secrets = {name.lower(): name for name in effects.secrets}
    complaints = []
    for name, default in effects.fields().items() if found else ():
        field = found.get(name)
        if field is None:
            complaints.append(f"The configuration class has no field {name!r}, which the effects ask for.")
        elif name in secrets and not (field["secret"] and not field["default"]):
            complaints.append(f'The field {name!r} must be a secret: `{name}: SecretStr = SecretStr("")`.')
        elif name not in secrets and not same_json(field["default"], default):
            complaints.append(f"The default of the field {name!r} must be {json.dumps(default)[:200]}.")
    return complaints


def static_complaints(source: str, tool: str) -> list[str]:
    """Return what keeps `source` from being the NAT tool `tool`, with line numbers; empty where nothing was found."""
    tree = ast.parse(source)
    registered = [node for node in ast.walk(tree) if isinstance(node, FunctionNode) and is_registered(node)]
    complaints = _config_complaints(tree, tool)
    if not registered:
        complaints.append("No function is decorated with @register_function(config_type=...).")
    if len(registered) > 1:
        lines = ", ".join(str(node.lineno) for node in registered)
        complaints.append(f"Exactly one function may be registered; there are {len(registered)} (lines {lines}).")
    for node in registered:
        complaints += _registered_complaints(node)
    complaints += _other_registrations(tree)
    return complaints + _blocking_complaints(tree)


def _other_registrations(tree: ast.Module) -> list[str]:
    return [
        f"Line {node.lineno}: @{called}: a tool registers one function with @register_function and nothing else."
        for node in ast.walk(tree)
        if isinstance(node, FunctionNode)
        for decorator in node.decorator_list
        if (called := ast.unparse(decorator).partition("(")[0]).rpartition(".")[2].startswith("register_")
        and not called.endswith("register_function")
    ]


def _config_complaints(tree: ast.Module, tool: str) -> list[str]:
    configs = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any("FunctionBaseConfig" in ast.unparse(base) for base in node.bases)
    ]
    if not configs:
        return [f'No configuration class: class Config(FunctionBaseConfig, name="{tool}").']
    complaints = []
    for node in configs:
        name = next((keyword.value for keyword in node.keywords if keyword.arg == "name"), None)
        if name is None:
            complaints.append(f'Line {node.lineno}: {node.name} lacks its name: (FunctionBaseConfig, name="{tool}").')
        elif isinstance(name, ast.Constant) and name.value != tool:
            complaints.append(f"Line {node.lineno}: the registered name is {name.value!r} and must be {tool!r}.")
    return complaints


def _registered_complaints(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    complaints = []
    where = f"Line {node.lineno}: {node.name}"
    if not isinstance(node, ast.AsyncFunctionDef):
        complaints.append(f"{where} must be `async def`.")
    if len(node.args.args) != 2:
        complaints.append(f"{where} must take exactly (config, builder).")
    own = nodes_of(node)
    if not any(isinstance(each, ast.Yield) for each in own):
        complaints.append(f"{where} must `yield` a FunctionInfo, not return it.")
    if not any(isinstance(each, ast.Attribute | ast.Name) and "FunctionInfo" in ast.unparse(each) for each in own):
        complaints.append(f"{where} must yield FunctionInfo.from_fn(...) or FunctionInfo.create(...).")
    for each in own:
        if isinstance(each, ast.Call) and ast.unparse(each.func).endswith("FunctionInfo.from_fn"):
            complaints += _from_fn_complaints(node, each)
    return complaints


def _from_fn_complaints(node: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call) -> list[str]:
    complaints: list[str] = []
    inner = {each.name: each for each in ast.walk(node) if isinstance(each, FunctionNode) and each is not node}
    target = call.args[0] if call.args else None
    function = inner.get(target.id) if isinstance(target, ast.Name) else None
    described = any(keyword.arg == "description" for keyword in call.keywords)
    if function is None:
        return complaints
    if not described and not ast.get_docstring(function):
        complaints.append(f"Line {call.lineno}: give from_fn a description, or {function.name} a docstring.")
    if not isinstance(function, ast.AsyncFunctionDef):
        complaints.append(f"Line {function.lineno}: {function.name} must be `async def`.")
    untyped = [argument.arg for argument in function.args.args if argument.annotation is None]
    if untyped:
        complaints.append(f"Line {function.lineno}: annotate {', '.join(untyped)} of {function.name}.")
    if function.returns is None:
        complaints.append(f"Line {function.lineno}: annotate what {function.name} returns.")
    return complaints


def _blocking_complaints(tree: ast.Module) -> list[str]:
    origins = Origins(tree)
    complaints = []
    for function in ast.walk(tree):
        for call in nodes_of(function) if isinstance(function, ast.AsyncFunctionDef) else ():
            called = origins.of(call.func).removeprefix("builtins.") if isinstance(call, ast.Call) else ""
            if isinstance(call, ast.Call) and called in _BLOCKING:
                said = f"Line {call.lineno}: {called}() blocks the event loop of all tools; use an async way."
                complaints.append(said)
    return complaints
