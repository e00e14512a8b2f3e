"""What the names in a tool's module stand for, as far as its mutants depend on it."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from agenthands.gate.source import FunctionNode, called_function

_LOGGER_MAKERS = {"logging.getLogger", "getLogger", "structlog.get_logger", "structlog.getLogger", "get_logger"}
_LOGGER_MODULES = {"logging", "warnings", "loguru", "structlog"}
_LOGGING = {"debug", "info", "warning", "warn", "error", "exception", "critical", "log"}
_ENUMS = {"Enum", "StrEnum", "IntEnum", "Flag", "IntFlag", "ReprEnum"}
_SEES_EVERY_ERROR = {"__exit__", "__aexit__", "exc_info", "exception", "format_exc", "return_exceptions"}
_READS_TYPES = {"get_args", "TypeAdapter"}
_READS_ANNOTATIONS = {"get_type_hints", "get_annotations", "__annotations__", "__value__", "__metadata__"}


@dataclass(frozen=True)
class ModuleFacts:
    """What is known of a module from its syntax tree alone."""

    tree: ast.Module

    @cached_property
    def own(self) -> set[str]:
        """Names of the functions and classes that the module defines."""
        return {node.name for node in self._all if isinstance(node, FunctionNode | ast.ClassDef)}

    @cached_property
    def bases(self) -> Mapping[str, list[str]]:
        """The last names of the bases of each class of the module."""
        return {node.name: [_last(base) for base in node.bases] for node in self._all if isinstance(node, ast.ClassDef)}

    def is_logging(self, call: ast.expr) -> bool:
        """Return whether this calls a logger, by what the name refers to and not by how it reads."""
        return (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in _LOGGING
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id in self._loggers
        )

    def is_enum(self, name: str) -> bool:
        """Return whether a class of the module is an enumeration."""
        return bool(self._above(name) & _ENUMS)

    def is_model(self, name: str) -> bool:
        """Return whether a class of the module is a model of Pydantic's, NAT's configurations included."""
        return any(base.endswith(("BaseModel", "BaseConfig")) for base in self._above(name))

    @cached_property
    def shown(self) -> set[str]:
        """The classes and aliases that a model is shown as parameters: `schema` compares those."""
        function = called_function(self.tree)
        if function is None:
            return set()
        pending = [name for argument in _arguments(function) if argument.annotation for name in _named(argument)]
        found: set[str] = set()
        while pending:
            name = pending.pop()
            if name in found:
                continue
            found.add(name)
            for node in self.tree.body:
                if isinstance(node, ast.ClassDef) and node.name == name:
                    pending += [each.id for base in node.bases for each in ast.walk(base) if isinstance(each, ast.Name)]
                    pending += [
                        each for field in node.body if isinstance(field, ast.AnnAssign) for each in _named(field)
                    ]
        return found

    def is_carried(self, error: ast.expr | None) -> bool:
        """Return whether what a raised error holds is used by the tool itself: then it is a value, not only wording."""
        return self._all_carried or self._covers(self._carrying, error)

    def is_read(self, alias: str) -> bool:
        """Return whether the code reads what a type alias is made of."""
        return alias in self._read_aliases or self.reads_annotations

    @cached_property
    def reads_annotations(self) -> bool:
        """Whether the code reads annotations, which are data then."""
        return bool(_READS_ANNOTATIONS & self._words)

    @cached_property
    def _all(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def _words(self) -> set[str]:
        names = {node.id for node in self._all if isinstance(node, ast.Name)}
        attributes = {node.attr for node in self._all if isinstance(node, ast.Attribute)}
        keywords = {node.arg for node in self._all if isinstance(node, ast.keyword) and node.arg}
        return names | attributes | keywords | {name for name in self.own if name.startswith("__")}

    @cached_property
    def _loggers(self) -> set[str]:
        bound = Counter(_bound(self._all))
        found = set()
        for node in self._all:
            if isinstance(node, ast.Import):
                found |= {each.asname or each.name for each in node.names if each.name in _LOGGER_MODULES}
            elif isinstance(node, ast.ImportFrom) and node.module == "loguru":
                found |= {each.asname or each.name for each in node.names if each.name == "logger"}
            elif isinstance(node, ast.Assign | ast.AnnAssign) and _makes_logger(node.value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
        return {name for name in found if bound[name] == 1 and name not in self.own}

    def _above(self, name: str) -> set[str]:
        """Return the last names of all classes above one of the module's, as far as the module shows them."""
        found: set[str] = set()
        pending = [name]
        while pending:
            for base in self.bases.get(pending.pop(), ()):
                if base not in found:
                    found.add(base)
                    pending.append(base)
        return found

    @cached_property
    def _all_carried(self) -> bool:
        return bool(_SEES_EVERY_ERROR & self._words)

    @cached_property
    def _carrying(self) -> set[str]:
        """The classes of errors that are caught by name and then used, other than to tell it in the next error."""
        handlers = [node for node in self._all if isinstance(node, ast.ExceptHandler) and node.name]
        carrying: set[str] = set()
        for _ in range(len(handlers) + 1):
            before = len(carrying)
            for handler in handlers:
                if any(self._uses(statement, handler.name or "", carrying) for statement in handler.body):
                    carrying |= _classes(handler.type)
            if len(carrying) == before:
                break
        return carrying

    def _uses(self, node: ast.AST, name: str, carrying: set[str]) -> bool:
        if isinstance(node, ast.Raise) and not self._covers(carrying, node.exc):
            return False
        if isinstance(node, ast.Expr) and self.is_logging(node.value):
            return False
        if isinstance(node, ast.Name) and node.id == name:
            return True
        return any(self._uses(child, name, carrying) for child in ast.iter_child_nodes(node))

    def _covers(self, caught: set[str], error: ast.expr | None) -> bool:
        if not caught:
            return False
        raised = _last(error.func if isinstance(error, ast.Call) else error) if error else ""
        if not raised or raised in caught or caught & {"Exception", "BaseException"}:
            return True
        known = raised in self.bases or isinstance(getattr(builtins, raised, None), type)
        above = self._above(raised) | {raised}
        for name in list(above):
            above |= {each.__name__ for each in getattr(getattr(builtins, name, None), "__mro__", ())}
        pydantic = "ValidationError" in caught and bool(above & {"ValueError", "AssertionError"})
        return not known or pydantic or bool(above & caught)

    @cached_property
    def _read_aliases(self) -> set[str]:
        found = set()
        for node in self._all:
            if isinstance(node, ast.Call) and _last(node.func) in _READS_TYPES:
                found |= {
                    each.id for argument in node.args for each in ast.walk(argument) if isinstance(each, ast.Name)
                }
            elif isinstance(node, ast.Attribute) and node.attr.startswith("__") and isinstance(node.value, ast.Name):
                found.add(node.value.id)
        return found


def _bound(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (each.asname or each.name.partition(".")[0] for each in names)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name


def _makes_logger(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) in _LOGGER_MAKERS


def _classes(caught: ast.expr | None) -> set[str]:
    if caught is None:
        return {"BaseException"}
    return {_last(each) or "BaseException" for each in (caught.elts if isinstance(caught, ast.Tuple) else [caught])}


def _last(node: ast.AST | None) -> str:
    """Return the last part of a dotted name; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _named(node: ast.arg | ast.AnnAssign) -> list[str]:
    """Return the names in an annotation, those in quotation marks too."""
    found = []
    for each in ast.walk(node.annotation or ast.Constant(None)):
        if isinstance(each, ast.Name):
            found.append(each.id)
        elif isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value.isidentifier():
            found.append(each.value)
    return found
