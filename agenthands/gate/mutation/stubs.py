"""Hollow versions of a tool that its tests must notice."""

from __future__ import annotations

import ast
import copy

from agenthands.gate.source import FunctionNode, called_function, is_registered

_BODIES = {
    "returns None": "return None",
    "echoes its arguments": "return {first}.model_dump() if hasattr({first}, 'model_dump') else {first}",
    "echoes its first argument": "return next(iter({first}.model_dump().values()), None) "
    "if hasattr({first}, 'model_dump') else {first}",
    "raises": "raise RuntimeError('stub')",
}


def stubs(source: str) -> dict[str, str]:
    """Return the module with the function that NAT calls replaced, by what the replacement does.

    Empty where the code does not show which function that is.
    """
    tree = ast.parse(source)
    function = called_function(tree)
    if function is None:
        return {}
    arguments = [*function.args.posonlyargs, *function.args.args][_is_bound(tree, function) :]
    first = arguments[0].arg if arguments else "None"
    return {what: _with_body(source, function.lineno, body.format(first=first)) for what, body in _BODIES.items()}


def hollow(source: str) -> str:
    """Return the module with every function but the registered one returning None: what a test says about the tool's
    results fails with it. Functions that the module itself calls when it is imported stay."""
    tree = ast.parse(source)
    needed = _called_at_import(tree)
    for node in ast.walk(tree):
        if isinstance(node, FunctionNode) and not is_registered(node) and node.name not in needed:
            node.body = ast.parse("return None").body
    return ast.unparse(ast.fix_missing_locations(tree))


def _is_bound(tree: ast.Module, function: FunctionNode) -> bool:
    """Return whether a function is a method that gets its object or class first."""
    is_method = any(isinstance(node, ast.ClassDef) and function in node.body for node in ast.walk(tree))
    return is_method and "staticmethod" not in map(ast.unparse, function.decorator_list)


def _with_body(source: str, line: int, body: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, FunctionNode) and node.lineno == line:
            node.body = ast.parse(body).body
    return ast.unparse(ast.fix_missing_locations(tree))


def _called_at_import(tree: ast.Module) -> set[str]:
    top = copy.deepcopy(tree)
    for node in ast.walk(top):
        if isinstance(node, FunctionNode):
            node.body = []
    asked = [node for node in ast.walk(top) if isinstance(node, ast.Call)]  # a table of functions calls none of them
    asked += [each for node in ast.walk(top) for each in getattr(node, "decorator_list", ())]
    names = {node.id for call in asked for node in ast.walk(call) if isinstance(node, ast.Name)}
    functions = {node.name: node for node in tree.body if isinstance(node, FunctionNode)}
    needed: set[str] = set()
    pending = [name for name in names if name in functions]
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            inner = {node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)}
            pending += [each for each in inner if each in functions]
    return needed
