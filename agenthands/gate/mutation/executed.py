"""Which parts of a tool's module are code that runs and does something: those that its mutants change."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agenthands.gate.mutation.module_facts import ModuleFacts
from agenthands.gate.source import is_registered

_HIDES_CODE = ast.Lambda | ast.NamedExpr | ast.comprehension | ast.Await | ast.Yield | ast.YieldFrom
_NEVER_HERE = {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
_CHANGES_SOMETHING = {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "put", "remove",
                      "send", "setdefault", "update", "write", "__setitem__"}  # fmt: skip
_TYPE_MAKERS = {"TypeVar", "NewType", "ParamSpec", "TypeVarTuple", "TypeAliasType"}
_GENERIC = {"Literal", "Union", "Optional", "Annotated", "Callable", "Type", "ClassVar", "Final", "Required",
            "NotRequired", "Sequence", "Mapping", "MutableMapping", "Iterable", "Iterator", "Awaitable", "Coroutine",
            "Dict", "List", "Set", "Tuple", "FrozenSet", "dict", "list", "set", "tuple", "frozenset",
            "type"}  # fmt: skip
_SIMPLE = {"int", "str", "float", "bool", "bytes", "complex", "object", "Any", "None"} | _GENERIC
# arguments that say how something is done, and not what comes out
_IDLE_KEYWORDS = {
    "": {
        "usedforsecurity",
        "encoding",
        "stacklevel",
        "exc_info",
        "check_same_thread",
        "daemon",
        "max_workers",
        "timeout",
    },
    "zip": {"strict"},
    "lru_cache": {"maxsize"},
    "dataclass": {"slots", "kw_only", "frozen", "repr", "eq", "order"},
    "Field": {"description", "title", "examples", "json_schema_extra", "deprecated"},
    "field": {"repr", "compare", "hash"},
}
_IDLE_ARGUMENTS = {"encode", "decode", "lru_cache", "getLogger", "cast", "sleep"}
_MANY = 6


@dataclass(frozen=True)
class Part:
    """A node that may change. `table` is the literal of many values that it belongs to.

    `statement` is the line of its statement, 0 in a lambda that is defined by the import: whether it runs, lines do
    not say.
    """

    node: ast.AST
    statement: int
    table: ast.AST | None = None


def executed_parts(tree: ast.Module) -> Iterator[Part]:
    """Return every part of the module that runs and does something, from the top.

    Left out are what no test should pin or the gate sees elsewhere: docstrings, types, what is logged, the wording of
    errors that the tool does not read itself, arguments without effect, the registration with NAT, and the constants
    of the classes that the parameters are made of (`schema` compares those). Code that runs in such a place, a lambda
    for instance, is not left out.
    """
    walk = _Walk(ModuleFacts(tree))
    for statement in tree.body:
        yield from walk.statement(statement)


class _Walk:
    """Goes through a module. `line` is that of the statement that it is in."""

    def __init__(self, facts: ModuleFacts) -> None:
        self.facts = facts
        self.line = 1
        self.table: ast.AST | None = None
        self.functions = 0
        self.put_off = False

    def part(self, node: ast.AST) -> Part:
        """Return a part at this place."""
        return Part(node, 0 if self.put_off else self.line, self.table)

    def statement(self, node: ast.stmt) -> Iterator[Part]:
        """Return the parts of a statement."""
        self.line = node.lineno
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Global() | ast.Nonlocal() | ast.Pass():
                return
            case ast.Expr():
                yield from self.lone(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self.function(node)
            case ast.ClassDef():
                yield from self.class_(node)
            case ast.Assign() | ast.AnnAssign():
                yield from self.assignment(node)
            case ast.TypeAlias(name=ast.Name(id=name), value=value):
                yield from self.types(value, [name])
            case ast.If(test=test) if ast.unparse(test) in _NEVER_HERE or _asks_for_main(test):
                yield from self.block(node.orelse)
            case ast.Raise() | ast.Assert():
                yield from self.failure(node)
            case _:
                yield self.part(node)
                yield from self.inside(node)

    def lone(self, node: ast.Expr) -> Iterator[Part]:
        """Return the parts of an expression that is a statement: none of a docstring, a log entry, the registration."""
        match node.value:
            case ast.Constant():
                return
            case ast.Yield(value=ast.Call(args=args) as call) if _names_nat(call):
                for each in [*args, *(keyword.value for keyword in call.keywords)]:
                    yield from self.hidden(each)
            case value if self.facts.is_logging(value):
                yield from self.hidden(value)
            case value:
                yield self.part(node)
                yield from self.expression(value)

    def failure(self, node: ast.Raise | ast.Assert) -> Iterator[Part]:
        """Return the parts of what raises an error; its wording counts where the tool reads it."""
        yield self.part(node)
        if isinstance(node, ast.Raise):
            yield from self.expression(node.exc, wording=not self.facts.is_carried(node.exc))
            yield from self.hidden(node.cause)
        else:
            yield from self.expression(node.test)
            yield from self.expression(node.msg, wording=True)

    def block(self, statements: Iterable[ast.AST]) -> Iterator[Part]:
        for each in statements:
            if isinstance(each, ast.stmt):
                yield from self.statement(each)

    def inside(self, node: ast.AST, *, wording: bool = False) -> Iterator[Part]:
        """Return the parts of what a node is made of."""
        line = self.line
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                yield from self.statement(child)
                self.line = line
            else:
                yield from self.expression(child, wording=wording)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Part]:
        for decorator in node.decorator_list if not is_registered(node) else []:
            own = any(isinstance(each, ast.Name) and each.id in self.facts.own for each in ast.walk(decorator))
            yield from self.expression(decorator) if own else self.hidden(decorator)
        arguments = node.args
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            yield from self.annotation(argument.annotation)
        yield from self.annotation(node.returns)
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            yield from self.expression(default)
        self.functions += 1
        yield from self.block(node.body)
        self.functions -= 1

    def class_(self, node: ast.ClassDef) -> Iterator[Part]:
        own = any(base in self.facts.own for base in self.facts.bases.get(node.name, ()))
        for each in [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]:
            yield from self.expression(each) if own else self.hidden(each)
        idle = node.name in self.facts.shown and (self.facts.is_model(node.name) or self.facts.is_enum(node.name))
        for statement in node.body:
            self.line = statement.lineno
            if idle and isinstance(statement, ast.Assign | ast.AnnAssign):
                yield from self.hidden(statement)
            else:
                yield from self.statement(statement)

    def assignment(self, node: ast.Assign | ast.AnnAssign) -> Iterator[Part]:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if isinstance(node, ast.AnnAssign):
            yield from self.annotation(node.annotation)
            if ast.unparse(node.annotation).endswith("TypeAlias"):
                yield from self.types(node.value, names)
                return
        if names and all(name.startswith("__") and name.endswith("__") for name in names):
            yield from self.hidden(node.value)
        elif self.is_type(node.value):
            yield from self.types(node.value, names)
        else:
            yield self.part(node)
            for target in targets:
                yield from self.expression(target)
            yield from self.expression(node.value)

    def types(self, value: ast.AST | None, names: list[str]) -> Iterator[Part]:
        """Return the parts of what stands for a type: none, unless the tool reads it."""
        yield from self.expression(value) if any(map(self.facts.is_read, names)) else self.hidden(value)

    def annotation(self, node: ast.expr | None) -> Iterator[Part]:
        yield from self.expression(node) if self.facts.reads_annotations else self.hidden(node)

    def is_type(self, node: ast.AST | None) -> bool:
        match node:
            case ast.Call(func=func):
                return _last(func) in _TYPE_MAKERS and _last(func) not in self.facts.own
            case ast.Subscript(value=value):
                return _last(value) in _GENERIC and _last(value) not in self.facts.own
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                return self.is_type_name(left) and self.is_type_name(right)
        return False

    def is_type_name(self, node: ast.AST) -> bool:
        return (
            self.is_type(node)
            or (isinstance(node, ast.Constant) and node.value is None)
            or _last(node) in _SIMPLE
            or (isinstance(node, ast.Name) and node.id in self.facts.bases)
        )

    def expression(self, node: ast.AST | None, *, wording: bool = False) -> Iterator[Part]:
        """Return the parts of an expression; of `wording` the texts are left out."""
        if node is None:
            return
        if wording and _is_text(node):
            yield from self.hidden(node)
            return
        outer, before = self.table, self.put_off
        self.put_off |= isinstance(node, ast.Lambda) and not self.functions
        if outer is None and _is_table(node):
            self.table = node
        yield self.part(node)
        if isinstance(node, ast.Call):
            yield from self.call(node, wording=wording)
        elif isinstance(node, ast.JoinedStr):
            for value in node.values:
                if isinstance(value, ast.FormattedValue):
                    yield from self.expression(value.value)
                    yield from self.hidden(value.format_spec)
        else:
            yield from self.inside(node, wording=wording)
        self.table, self.put_off = outer, before

    def call(self, node: ast.Call, *, wording: bool) -> Iterator[Part]:
        name = _last(node.func)
        yield from self.expression(node.func, wording=wording)
        for number, argument in enumerate(node.args):
            idle = number == 0 and name in _IDLE_ARGUMENTS and name not in self.facts.own
            yield from self.hidden(argument) if idle else self.expression(argument, wording=wording)
        for keyword in node.keywords:
            idle = name not in self.facts.own and (
                keyword.arg in _IDLE_KEYWORDS[""] or keyword.arg in _IDLE_KEYWORDS.get(name, ())
            )
            yield from self.hidden(keyword.value) if idle else self.expression(keyword.value, wording=wording)

    def hidden(self, node: ast.AST | None) -> Iterator[Part]:
        """Return the parts of code that runs in a place that is otherwise left out."""
        if node is None:
            return
        called = _last(node.func) if isinstance(node, ast.Call) else ""
        if (
            isinstance(node, _HIDES_CODE)
            or called in self.facts.own - set(self.facts.bases)
            or (called in _CHANGES_SOMETHING)
        ):
            yield from self.expression(node)
        else:
            for child in ast.iter_child_nodes(node):
                yield from self.hidden(child)


def _asks_for_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _names_nat(call: ast.Call) -> bool:
    return ast.unparse(call.func).startswith("FunctionInfo.")


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_text(node: ast.AST) -> bool:
    """Return whether this is a text, or puts one together."""
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _is_text(left) or _is_text(right)
        case ast.BinOp(op=ast.Mod(), left=left):
            return _is_text(left)
        case ast.Call(func=ast.Attribute(value=value)):
            return _is_text(value)
    return False


def _is_table(node: ast.AST) -> bool:
    """Return whether this is a literal of many values, of which no test can be expected to look at each."""
    if not isinstance(node, ast.Dict | ast.List | ast.Set | ast.Tuple):
        return False
    found = list(ast.walk(node))
    plain = (
        ast.Dict, ast.List, ast.Set, ast.Tuple, ast.Constant, ast.Name, ast.Attribute, ast.Call, ast.keyword,
        ast.UnaryOp, ast.USub, ast.Load,
    )  # fmt: skip
    return (
        all(isinstance(each, plain) for each in found)
        and sum(isinstance(each, ast.Constant) for each in found) >= _MANY
    )
