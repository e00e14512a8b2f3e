"""Placebos of a tool: the same tool, written differently. Its tests must pass with them.

Who judges tests by changed tools must be sure that they look at what the tool does. Tests that look at how it is
written (source, bytecode, names, line numbers, how it is loaded) notice every mutant and say nothing: they notice
placebos too. The idea is that of the control group; in mutation testing such changes are known as equivalent mutants.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping

from agenthands.gate.source import FunctionNode

_READS_NAMES = {"locals", "vars", "dir", "eval", "exec", "globals", "f_locals", "co_varnames", "co_names"}
_AS_FUNCTION: Mapping[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip
_FRESH = "_other"


def placebos(source: str) -> dict[str, str]:
    """Return versions of a tool's module that do what it does, by how they differ from it.

    What may be read by name stays: parameters, attributes, what the module defines, docstrings, annotations.
    """
    return {what: ast.unparse(ast.fix_missing_locations(made(ast.parse(source)))) for what, made in _MAKERS.items()}


def _laid_out(tree: ast.Module) -> ast.Module:
    """Lay the module out differently: other lines, no comments, functions that stand side by side in another order."""
    body: list[ast.stmt] = []
    for statement in tree.body:
        before = body[-1] if body else None
        if _is_free(statement) and before is not None and _is_free(before) and not _mentions(statement, before):
            body.insert(-1, statement)
        else:
            body.append(statement)
    tree.body = body
    return _with_head(tree, "")


def _renamed(tree: ast.Module) -> ast.Module:
    """Give local variables other names, and every constant in a function a name; add what does nothing."""
    outside = _names_outside_functions(tree)
    prefix = _free_prefix(tree)
    if not any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in tree.body):
        for function in _outermost(tree):
            _rename_locals(function, outside)
    constants = _Constants(prefix)
    constants.everywhere(tree)
    for function in _outermost(tree):
        place = _after_docstring(function)
        if _words(function) & _READS_NAMES:
            continue
        function.body[place:place] = ast.parse(f"{prefix}idle = ()").body
    return _with_head(tree, constants.head())


def _respelled(tree: ast.Module) -> ast.Module:
    """Spell operators as functions and attributes as names, and turn conditions around; constants get names again."""
    prefix = _free_prefix(tree)
    _Respelling(f"{prefix}op").everywhere(tree)
    constants = _Constants(prefix)
    constants.everywhere(tree)
    return _with_head(tree, f"import operator as {prefix}op\n{constants.head()}")


_MAKERS: Mapping[str, Callable[[ast.Module], ast.Module]] = {
    "other lines": _laid_out,
    "other names": _renamed,
    "other words": _respelled,
}


def _with_head(tree: ast.Module, head: str) -> ast.Module:
    """Put statements behind the docstring and the imports from `__future__`."""
    place = 0
    for number, statement in enumerate(tree.body):
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        is_future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if is_future or (is_text and number == 0):
            place = number + 1
    # a few lines more, so that nothing stands where it stood
    tree.body[place:place] = ast.parse(f"{head}\nif False:\n    pass\n    pass\n    pass").body
    return tree


def _is_free(statement: ast.stmt) -> bool:
    """Return whether a function may stand elsewhere: nothing runs when it is defined, beside its defaults."""
    return isinstance(statement, FunctionNode) and not statement.decorator_list


def _mentions(statement: ast.stmt, before: ast.stmt) -> bool:
    """Return whether the definition of one of two functions asks for the other, or for a name that may be it."""
    ours, theirs = getattr(statement, "name", ""), getattr(before, "name", "")
    return ours == theirs or theirs in _asked_for(statement) or ours in _asked_for(before)


def _asked_for(function: ast.stmt) -> set[str]:
    assert isinstance(function, FunctionNode)
    asked = [function.args, *([function.returns] if function.returns else [])]
    return {node.id for each in asked for node in ast.walk(each) if isinstance(node, ast.Name)}


def _outermost(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            yield child
        else:
            yield from _outermost(child)


def _top_functions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda]:
    """Return the outermost functions below a node, lambdas included."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode | ast.Lambda):
            yield child
        else:
            yield from _top_functions(child)


def _names_outside_functions(tree: ast.Module) -> set[str]:
    """Return every name that code outside of functions uses, or that a function shares with it by `global`."""
    found: set[str] = set()
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, FunctionNode):
            found.add(node.name)
            pending += [node.args, *node.decorator_list]
            continue
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        pending += ast.iter_child_nodes(node)
    return found


def _rename_locals(function: ast.FunctionDef | ast.AsyncFunctionDef, outside: set[str]) -> None:
    """Rename variables throughout a function. One name means the same afterwards wherever it meant the same before."""
    nodes = list(ast.walk(function))
    words = _words(function)
    if words & _READS_NAMES:
        return
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    fixed = outside | set(dir(builtins)) | set(_fixed(nodes))
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in stored and node.id not in fixed:
            node.id = f"{node.id}{_FRESH}" if f"{node.id}{_FRESH}" not in words else node.id


def _words(function: ast.AST) -> set[str]:
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}


def _fixed(nodes: list[ast.AST]) -> Iterator[str]:
    """Return the names in a function that are bound in other ways than as variables, or can be read by name."""
    for node in nodes:
        match node:
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.MatchMapping(rest=str(name)) | ast.TypeVar(name=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield (other or name).partition(".")[0]
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
            case ast.ClassDef(name=name):
                yield name
                yield from (each.id for each in ast.walk(node) if isinstance(each, ast.Name))
            case ast.AnnAssign(annotation=annotation):
                yield from (each.id for each in ast.walk(annotation) if isinstance(each, ast.Name))


def _free_prefix(tree: ast.Module) -> str:
    """Return the beginning of names that the module does not use."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return next(
        name
        for name in (f"_k{'_' * number}" for number in range(99))
        if not any(each.startswith(name) for each in used)
    )


def _after_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return 1 if ast.get_docstring(function, clean=False) is not None else 0


class _InFunctions(ast.NodeTransformer):
    """Changes what runs in functions: neither docstrings nor types, patterns, defaults or what runs at the import."""

    def everywhere(self, tree: ast.Module) -> None:
        """Change every function and lambda of a module."""
        for node in list(_top_functions(tree)):
            if isinstance(node, ast.Lambda):
                node.body = self.visit(node.body)
            else:
                self.inside(node)

    def inside(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Change the body of a function."""
        start = _after_docstring(function)
        changed: list[ast.stmt] = []
        for statement in function.body[start:]:
            found = self.visit(statement)
            changed += found if isinstance(found, list) else [found]
        function.body[start:] = changed

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Go into the body."""
        self.inside(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Go into the body."""
        self.inside(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Leave it as it is."""
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        """Leave the defaults as they are."""
        node.body = self.visit(node.body)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Leave the annotation as it is."""
        if node.value:
            node.value = self.visit(node.value)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """Leave it as it is: its pieces are no expressions of their own."""
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        """Leave the pattern as it is."""
        start = node.body
        node.body = []
        for statement in start:
            found = self.visit(statement)
            node.body += found if isinstance(found, list) else [found]
        return node


class _Constants(_InFunctions):
    """Gives each constant of a function a name at the top of the module, where it is put together."""

    def __init__(self, prefix: str) -> None:
        self._names: dict[str, str] = {}
        self._prefix = prefix

    def head(self) -> str:
        """Return the statements that bind the names."""
        return "\n".join(f"{name} = {text}" for text, name in self._names.items())

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """Leave texts that only stand there."""
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Read it from a name."""
        text = _put_together(node.value)
        if text is None:
            return node
        return ast.Name(self._names.setdefault(text, f"{self._prefix}{len(self._names)}"), ast.Load())


def _put_together(value: object) -> str | None:
    """Return an expression for a constant in which the constant does not occur; None for what stays."""
    match value:
        case bool() | None:
            return None
        case int():
            return f"int({hex(value + 1)!r}, 16) - 1"
        case float():
            return f"float.fromhex({value.hex()!r})"
        case str():
            return f"''.join(reversed({value[::-1]!r}))"
        case bytes():
            return f"bytes(reversed({value[::-1]!r}))"
    return None


class _Respelling(_InFunctions):
    """Spells operators as functions of the module `operator`, which take both sides in the same order."""

    def __init__(self, operator: str) -> None:
        self._operator = operator

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Call the operator."""
        self.generic_visit(node)
        name = _AS_FUNCTION.get(type(node.op))
        return self._call(name, node.left, node.right) if name else node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """Call the operator that changes its left side in place, where that is a variable."""
        self.generic_visit(node)
        name = _AS_FUNCTION.get(type(node.op))
        if not name or not isinstance(node.target, ast.Name):
            return node
        value = self._call(f"i{name}", ast.Name(node.target.id, ast.Load()), node.value)
        return ast.Assign([node.target], value)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Call the comparison of two."""
        self.generic_visit(node)
        name = _AS_FUNCTION.get(type(node.ops[0])) if len(node.ops) == 1 else None
        return self._call(name, node.left, node.comparators[0]) if name else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Call a method by the text of its name; one that begins with two underscores may mean another in a class."""
        self.generic_visit(node)
        called = node.func
        if isinstance(called, ast.Attribute) and not called.attr.startswith("__"):
            name = ast.Constant(called.attr)
            node.func = ast.Call(ast.Name("getattr", ast.Load()), [called.value, name], [])
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        """Turn it around."""
        self.generic_visit(node)
        node.test = ast.UnaryOp(ast.Not(), node.test)
        node.body, node.orelse = node.orelse or [ast.Pass()], node.body
        return node

    def _call(self, name: str, left: ast.expr, right: ast.expr) -> ast.Call:
        function = ast.Attribute(ast.Name(self._operator, ast.Load()), name, ast.Load())
        return ast.Call(function, [left, right], [])
