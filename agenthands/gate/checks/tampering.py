"""Part of the check `files`: what neither a tool nor its tests may touch, because with it they could judge themselves.

This is a fence, not a wall: Python has no isolation within a process. The walls are the sandbox, the examples whose
expected values never enter it, and the changed versions of the tool that the tests must notice (decision 006).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_PROCESSES = "A tool and its tests run in one process."
_REFLECTION = "It looks into the running interpreter."
_IMPORTS_EVERYWHERE = {
    "_pytest": "It reaches into pytest.",
    "aiq": "The packages aiq.* are gone; use nat.*.",
    "ctypes": "It reaches around Python.",
    "cffi": "It reaches around Python.",
    "mmap": "It reaches around Python.",
    "fcntl": "It reaches around Python.",
    "gc": _REFLECTION,
    "inspect": _REFLECTION,
    "dis": _REFLECTION,
    "builtins": _REFLECTION,
    "__main__": _REFLECTION,
    "coverage": _REFLECTION,
    "time_machine": "It reaches into the gate's clock; pass the time as an argument.",
    "subprocess": _PROCESSES,
    "multiprocessing": _PROCESSES,
    "pty": _PROCESSES,
    "signal": _PROCESSES,
    "atexit": "It runs after the verdict.",
}
_IMPORTS_IN_TOOL = {
    "pytest": "A tool must work without pytest.",
    "unittest": "A tool must work without unittest.",
    "tests": "A tool must not import its tests.",
    "importlib": "A tool imports what it needs at its top.",
}
_ATTRIBUTES = {
    "_exit": "It ends the process.",
    "fork": _PROCESSES,
    "forkpty": _PROCESSES,
    "kill": _PROCESSES,
    "killpg": _PROCESSES,
    "execv": _PROCESSES,
    "execve": _PROCESSES,
    "posix_spawn": _PROCESSES,
    "setsid": _PROCESSES,
    "dup": "It reaches for descriptors.",
    "dup2": "It reaches for descriptors.",
    "closerange": "It reaches for descriptors.",
    "fdopen": "It reaches for descriptors.",
    "_getframe": _REFLECTION,
    "settrace": _REFLECTION,
    "setprofile": _REFLECTION,
    "monitoring": _REFLECTION,
    "meta_path": _REFLECTION,
    "__subclasses__": _REFLECTION,
    "__globals__": _REFLECTION,
    "__builtins__": _REFLECTION,
    "__code__": _REFLECTION,
    "__closure__": _REFLECTION,
    "__loader__": _REFLECTION,
    "f_back": _REFLECTION,
    "f_globals": _REFLECTION,
    "pluginmanager": "It reaches into pytest.",
    "pytestconfig": "It reaches into pytest.",
}
_FULL_NAMES = {
    "sys.modules": _REFLECTION,
    "os.write": "It reaches for descriptors.",
    "os.open": "It reaches for descriptors.",
    "os.pipe": "It reaches for descriptors.",
}
_NAMES_IN_TOOL = {"eval", "exec", "compile", "__import__", "globals", "locals", "vars", "breakpoint", "__file__",
                  "__spec__", "__loader__"}  # fmt: skip
_NAMES_EVERYWHERE = {"pytest_plugins", "__import__", "__builtins__", "__loader__", "pytestconfig"}
_PLACES = ("/proc", "/dev/", "/sys/", "/tmp/job")


def tampering_findings(tree: ast.Module, *, in_tests: bool) -> list[tuple[int, str]]:
    """Return line and reason of everything in a module that may not be there."""
    forbidden = _IMPORTS_EVERYWHERE if in_tests else {**_IMPORTS_EVERYWHERE, **_IMPORTS_IN_TOOL}
    modules = _imported_modules(tree)
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        found += _imports(node, forbidden)
        found += _names(node, modules, in_tests)
        found += _patches(node, modules)
    return sorted(set(found))


def _imports(node: ast.AST, forbidden: dict[str, str]) -> Iterator[tuple[int, str]]:
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        names = [node.module]
        for alias in node.names:
            if alias.name in _ATTRIBUTES or alias.name == "*":
                yield (
                    node.lineno,
                    f"from {node.module} import {alias.name}. {_ATTRIBUTES.get(alias.name, 'Name them.')}",
                )
    for name in names:
        if (top := name.partition(".")[0]) in forbidden:
            yield node.lineno, f"import {name}. {forbidden[top]}"  # type: ignore[attr-defined]


def _names(node: ast.AST, modules: set[str], in_tests: bool) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Attribute) and node.attr in _ATTRIBUTES:
        yield node.lineno, f"{ast.unparse(node)[:60]}. {_ATTRIBUTES[node.attr]}"
    elif isinstance(node, ast.Attribute) and (name := ast.unparse(node)) in _FULL_NAMES:
        yield node.lineno, f"{name}. {_FULL_NAMES[name]}"
    elif isinstance(node, ast.arg) and node.arg in _NAMES_EVERYWHERE:
        yield node.lineno, f"{node.arg}. It reaches into pytest."
    elif isinstance(node, ast.Name) and node.id in (_NAMES_EVERYWHERE if in_tests else _NAMES_IN_TOOL):
        yield node.lineno, f"{node.id}. {_REFLECTION}"
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(_PLACES):
        yield node.lineno, f"{node.value[:40]!r}. There is nothing for a tool."
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "delattr"):
        yield from _indirect(node, modules)


def _indirect(node: ast.Call, modules: set[str]) -> Iterator[tuple[int, str]]:
    name = node.args[1] if len(node.args) > 1 else None
    if isinstance(name, ast.Constant):
        if name.value in _ATTRIBUTES:
            yield node.lineno, f"{ast.unparse(node)[:60]}. {_ATTRIBUTES[name.value]}"
    elif node.args and ast.unparse(node.args[0]).partition(".")[0] in modules:
        yield node.lineno, f"{ast.unparse(node)[:60]}. What is taken from a module must be visible in the code."


def _patches(node: ast.AST, modules: set[str]) -> Iterator[tuple[int, str]]:
    """Find assignments to what belongs to a module that was imported, as in `pytest.raises = ...`."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Delete):
        targets = node.targets
    for target in targets:
        if isinstance(target, ast.Attribute) and ast.unparse(target).partition(".")[0] in modules:
            yield target.lineno, f"{ast.unparse(target)[:60]} = ... changes a module for everybody; use monkeypatch."
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "delattr") and node.args:
        owner = ast.unparse(node.args[0]).partition(".")[0]
        if owner in modules:
            yield node.lineno, f"{ast.unparse(node)[:60]} changes a module for everybody; use monkeypatch."


def _imported_modules(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names
