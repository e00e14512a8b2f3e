"""How a tool's module is read: which function NAT registers, and which one it calls."""

from __future__ import annotations

import ast
from collections import Counter

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def is_registered(node: ast.AST) -> bool:
    """Return whether NAT registers this function."""
    return isinstance(node, FunctionNode) and any(
        "register_function" in ast.unparse(decorator) for decorator in node.decorator_list
    )


def nodes_of(function: FunctionNode) -> list[ast.AST]:
    """Return the nodes of a function without those of functions inside it."""
    found: list[ast.AST] = []
    pending: list[ast.AST] = list(function.body)
    while pending:
        current = pending.pop()
        found.append(current)
        if not isinstance(current, FunctionNode | ast.Lambda):
            pending += ast.iter_child_nodes(current)
    return found


def called_function(tree: ast.Module) -> FunctionNode | None:
    """Return the function that the registered one hands to NAT; None where the code does not show it.

    A method, as in `from_fn(service.run)`, counts where its class is the only one in the module that has it.
    """
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, FunctionNode)}
    methods = [each for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for each in node.body]
    named_once = Counter(each.name for each in methods if isinstance(each, FunctionNode))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("FunctionInfo."):
            named = [keyword.value for keyword in node.keywords if keyword.arg in ("fn", "single_fn", "stream_fn")]
            for target in [*node.args[:1], *named]:
                if isinstance(target, ast.Name) and target.id in functions:
                    return functions[target.id]
                if isinstance(target, ast.Attribute) and named_once[target.attr] == 1:
                    return next(each for each in methods if isinstance(each, FunctionNode) and each.name == target.attr)
    return None
