"""How a tool's module is read: which function NAT registers, which one it calls, and which text is only wording."""

from __future__ import annotations

import ast
from collections.abc import Iterator

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_LOGGERS = {"logger", "log", "logging", "_logger", "LOGGER", "warnings"}


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
    """Return the function that the registered one hands to NAT; None where the code does not show it."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, FunctionNode)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("FunctionInfo."):
            named = [keyword.value for keyword in node.keywords if keyword.arg in ("fn", "single_fn", "stream_fn")]
            for target in [*node.args[:1], *named]:
                if isinstance(target, ast.Name) and target.id in functions:
                    return functions[target.id]
    return None


def parts_outside_messages(node: ast.AST) -> Iterator[ast.AST]:
    """Return `node` and all below it, without docstrings, annotations, decorators, logging and the text of errors."""
    if _is_wording(node):
        return
    yield node
    if isinstance(node, ast.Raise):
        return  # what it says is wording, and that it is there shows when it is removed
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params", "format_spec"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or (isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)):
                continue
            yield from parts_outside_messages(child)


def _is_wording(node: ast.AST) -> bool:
    if not isinstance(node, ast.Expr):
        return False
    if isinstance(node.value, ast.Constant):
        return True
    called = node.value.func if isinstance(node.value, ast.Call) else None
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id in _LOGGERS
