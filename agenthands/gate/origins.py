"""What a name in a module refers to: `k.kill` is `os.kill` after `import os as k`, and a local variable is nothing."""

from __future__ import annotations

import ast
import builtins
import importlib
from collections.abc import Iterator
from functools import cache, cached_property

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_OF_MODULES = {"__file__", "__spec__", "__loader__", "__builtins__"}
UNSEEN = "*"
"""The last part of the origin of what a module gives under a name that the code does not show."""
# Star imports are looked up in our own process, so only in modules that do nothing when they are imported.
_STARRED = {"abc", "bisect", "cmath", "collections", "collections.abc", "dataclasses", "datetime", "decimal", "enum",
            "fractions", "functools", "heapq", "itertools", "math", "numbers", "operator", "random", "re", "statistics",
            "string", "types", "typing", "unicodedata"}  # fmt: skip


class Origins:
    """The origins of the names of one module.

    Names are bound as Python binds them: by scope, with imports wherever they stand. What is assigned from an import,
    as in `quit = os._exit`, has its origin too. What is handed on through a call, a container or an attribute has none.
    """

    def __init__(self, tree: ast.Module) -> None:
        """Read a module."""
        self.parents: dict[ast.AST, ast.AST] = {}
        self._scope_of: dict[ast.AST, _Scope] = {}
        self._asked: set[tuple[int, str]] = set()
        self._stars: list[str] = []
        self._read(tree, _Scope(None))

    def of(self, node: ast.AST | None) -> str:
        """Return the full dotted name of what an expression refers to; empty where it is the module's own or unknown.

        Names that nothing binds are `builtins.x`.
        """
        if isinstance(node, ast.Name):
            return self._of_name(node.id, self._scope_of.get(node))
        if isinstance(node, ast.Attribute):
            base = self.of(node.value)
            return f"{base}.{node.attr}" if base else ""
        if isinstance(node, ast.NamedExpr):
            return self.of(node.value)
        if isinstance(node, ast.IfExp):
            return self.of(node.body) or self.of(node.orelse)
        if isinstance(node, ast.BoolOp):
            return next(filter(None, map(self.of, node.values)), "")
        return self._of_call(node) if isinstance(node, ast.Call) else ""

    def uses(self, module: str) -> set[str]:
        """Return what the code takes from an imported module, as dotted names below it.

        Empty text among them is the module itself, handed on to who knows whom.
        """
        taken: set[str] = set()
        for node, origin in self.references:
            if origin == module:
                taken |= set() if self.is_on_the_way(node) else {""}
            elif origin.startswith(f"{module}."):
                taken.add(origin.removeprefix(f"{module}."))
        return taken

    @cached_property
    def references(self) -> list[tuple[ast.expr, str]]:
        """Every name and attribute that is read, with its origin."""
        read = [
            node
            for node in self._scope_of
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)
        ]
        return [(node, origin) for node in read if (origin := self.of(node))]

    def is_on_the_way(self, node: ast.AST) -> bool:
        """Return whether a reference only leads to another: the `os` of `os.path`, or of `o = os`."""
        parent = self.parents.get(node)
        if isinstance(parent, ast.Attribute):
            return True
        return isinstance(parent, ast.Assign) and all(isinstance(each, ast.Name) for each in parent.targets)

    def _of_call(self, node: ast.Call) -> str:
        called = self.of(node.func)
        name = node.args[1] if len(node.args) > 1 else None
        if called == "builtins.getattr" and (base := self.of(node.args[0])):
            return f"{base}.{name.value!s}" if isinstance(name, ast.Constant) else f"{base}.{UNSEEN}"
        if called == "importlib.import_module" and node.args and isinstance(node.args[0], ast.Constant):
            return str(node.args[0].value)
        return ""

    def _of_name(self, name: str, scope: _Scope | None) -> str:
        start = scope
        while scope is not None:
            if name in scope.bound and (scope is start or not scope.is_class):
                return self._of_bindings(name, scope)
            scope = scope.parent
        for module in self._stars:
            if name in _public(module):
                return f"{module}.{name}"
        return f"builtins.{name}" if hasattr(builtins, name) or name in _OF_MODULES else ""

    def _of_bindings(self, name: str, scope: _Scope) -> str:
        asked = (id(scope), name)
        if asked in self._asked:  # `eval = eval`
            return f"builtins.{name}" if hasattr(builtins, name) else ""
        self._asked.add(asked)
        try:
            found = (each if isinstance(each, str) else self.of(each) for each in scope.bound[name])
            return next(filter(None, found), "")
        finally:
            self._asked.discard(asked)

    def _read(self, node: ast.AST, scope: _Scope) -> None:
        """Note the bindings of a node in its scope, and go on below it."""
        self._scope_of[node] = scope
        self._bind(node, scope)
        inner = scope
        outside: list[ast.AST] = []
        if isinstance(node, _FUNCTIONS):
            inner = _Scope(scope)
            arguments = node.args
            outside = [*arguments.defaults, *(each for each in arguments.kw_defaults if each)]
            outside += getattr(node, "decorator_list", [])
            for each in ast.walk(arguments):
                if isinstance(each, ast.arg):
                    inner.bind(each.arg, "")
        elif isinstance(node, ast.ClassDef):
            inner = _Scope(scope, is_class=True)
            outside = [*node.bases, *node.keywords, *node.decorator_list]
        elif isinstance(node, _COMPREHENSIONS):
            inner = _Scope(scope)
        for child in ast.iter_child_nodes(node):
            self.parents[child] = node
            if child not in outside:
                self._read(child, inner)
        for child in outside:
            self.parents[child] = node
            self._read(child, scope)

    def _bind(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._bind_import(node, scope)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            scope.elsewhere.update(node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    scope.bind(target.id, node.value or "")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            scope.bind(node.id, "")
        else:
            for field in ("name", "rest"):  # of functions, classes, `except ... as name` and patterns of `match`
                if isinstance(name := getattr(node, field, None), str) and not isinstance(node, ast.alias):
                    scope.bind(name, "")

    def _bind_import(self, node: ast.Import | ast.ImportFrom, scope: _Scope) -> None:
        module = "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            if alias.name == "*":
                self._stars.append(module)
            elif module:
                scope.bind(alias.asname or alias.name, f"{module}.{alias.name}")
            else:
                scope.bind(alias.asname or alias.name.partition(".")[0], _bound_by_import(alias))


class _Scope:
    """The names that one module, function, class or comprehension binds: to a dotted name, a value, or nothing."""

    def __init__(self, parent: _Scope | None, *, is_class: bool = False) -> None:
        self.parent = parent
        self.is_class = is_class
        self.bound: dict[str, list[str | ast.expr]] = {}
        self.elsewhere: set[str] = set()

    def bind(self, name: str, what: str | ast.expr) -> None:
        """Bind a name here, or in the scopes above where `global` or `nonlocal` says so."""
        if name in self.elsewhere and self.parent is not None:
            self.parent.bind(name, what)
        else:
            self.bound.setdefault(name, []).append(what)


def _bound_by_import(alias: ast.alias) -> str:
    return alias.name if alias.asname else alias.name.partition(".")[0]


def imported_modules(tree: ast.Module) -> Iterator[tuple[ast.Import | ast.ImportFrom, str, str]]:
    """Yield each absolute import with its module and the name taken from it; empty where that is the module itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name, ""
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield node, node.module, alias.name


@cache
def _public(module: str) -> frozenset[str]:
    """Return the names that `from module import *` binds; none of modules that are not known to be harmless."""
    if module not in _STARRED:
        return frozenset()
    found = importlib.import_module(module)
    return frozenset(getattr(found, "__all__", [each for each in vars(found) if not each.startswith("_")]))
