"""Part of the check `files`: what neither a tool nor its tests may touch, because with it they could judge themselves.

What counts is what a name refers to, not how it is spelled: `match.kill` of an ordinary object is nobody's business,
and `k.kill` after `import os as k` is.

This is a fence, not a wall: Python has no isolation within a process. The walls are the sandbox, the examples whose
expected values never enter it, and the changed versions of the tool that the tests must notice (decision 006).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cached_property

from agenthands.gate.origins import UNSEEN, Origins, imported_modules

_PROCESSES = "A tool and its tests run in one process."
_REFLECTION = "It looks into the running interpreter."
_DESCRIPTORS = "It reaches for descriptors."
_PYTEST = "It reaches into pytest."
_AROUND = "It reaches around Python."
_IMPORTS_EVERYWHERE = {
    "_pytest": _PYTEST,
    "aiq": "The packages aiq.* are gone; use nat.*.",
    "ctypes": _AROUND,
    "_ctypes": _AROUND,
    "cffi": _AROUND,
    "mmap": _AROUND,
    "fcntl": _AROUND,
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
_NOT_OF_THE_TOOL = {"eval", "exec", "compile", "__import__", "globals", "breakpoint", "__file__", "__spec__",
                    "__loader__"}  # fmt: skip
_NOT_OF_TESTS = {"pytest_plugins", "__import__", "__builtins__", "__loader__", "pytestconfig"}
# What may be taken from the modules above: numbers, names and questions about a value.
_HARMLESS = {
    "signal": {"Signals", "Handlers", "Sigmasks", "strsignal", "valid_signals"},
    "inspect": {"signature", "Signature", "Parameter", "cleandoc", "getdoc", "isclass", "isfunction", "isawaitable",
                "iscoroutine", "iscoroutinefunction", "isgenerator", "isasyncgen", "isasyncgenfunction"},
    "ctypes": {f"c_{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)} | {"c_float", "c_double"},
    "importlib": {"metadata", "resources"},
    "subprocess": {"list2cmdline", "CalledProcessError", "TimeoutExpired"},
    "multiprocessing": {"cpu_count"},
    "gc": {"collect"},
}  # fmt: skip
_TAKEN = {
    "os": {
        **dict.fromkeys(["_exit", "abort"], "It ends the process."),
        **dict.fromkeys(["fork", "forkpty", "kill", "killpg", "setsid", "system", "popen", "posix_spawn",
                         "posix_spawnp", "execl", "execle", "execlp", "execlpe", "execv", "execve", "execvp", "execvpe",
                         "spawnl", "spawnle", "spawnlp", "spawnlpe", "spawnv", "spawnve", "spawnvp", "spawnvpe",
                         "pidfd_open"], _PROCESSES),
        **dict.fromkeys(["dup", "dup2", "closerange", "fdopen", "write", "open", "pipe", "pipe2", "memfd_create"],
                        _DESCRIPTORS),
        "__dict__": _REFLECTION,
    },
    "sys": dict.fromkeys(["_getframe", "_getframemodulename", "_current_frames", "settrace", "setprofile",
                          "monitoring", "meta_path", "path_hooks", "path_importer_cache", "modules", "addaudithook",
                          "__dict__"], _REFLECTION),
    "threading": dict.fromkeys(["settrace", "setprofile", "settrace_all_threads", "setprofile_all_threads"],
                               _REFLECTION),
    "asyncio": dict.fromkeys(["create_subprocess_exec", "create_subprocess_shell"], _PROCESSES),
}  # fmt: skip
_POWERS = {name for names in _TAKEN.values() for name in names} - {"open", "write", "__dict__"}
# Nothing but Python's own inside has attributes of these names, so what they are read from does not matter.
_INSIDES = {"__globals__", "__builtins__", "__code__", "__closure__", "__loader__", "__spec__", "f_back", "f_globals",
            "f_locals", "f_builtins", "f_code", "tb_frame", "gi_frame", "gi_code", "cr_frame", "cr_code", "ag_frame",
            "ag_code", "co_code", "co_consts"}  # fmt: skip
_MEMORY = {"from_address", "from_buffer", "in_dll"}
_ALIASES = {"posix": "os", "_thread": "threading", "nt": "os"}
_PASSED_ON = {"os", "sys", "importlib"}
_MAY_TAKE_A_MODULE = {"setattr", "delattr", "object", "reload", "hasattr", "getattr"}
# Modules of Python that only calculate: whatever an expression takes from them is a value.
_CALM = {"array", "base64", "binascii", "bisect", "calendar", "cmath", "collections", "colorsys", "copy", "dataclasses",
         "datetime", "decimal", "difflib", "enum", "fractions", "functools", "hashlib", "heapq", "hmac", "html", "http",
         "ipaddress", "itertools", "json", "math", "numbers", "operator", "random", "re", "secrets", "statistics",
         "string", "struct", "textwrap", "time", "typing", "unicodedata", "urllib", "uuid", "zlib",
         "zoneinfo"}  # fmt: skip
_OURS = {"nat", "pytest", "_pytest", "pluggy", "coverage", "time_machine"}
_PLACES = ("/proc", "/dev/", "/sys/", "/tmp/job")
_NOTHING_THERE = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"}
_ONLY_NAMES = {"join", "basename", "dirname", "normpath", "split", "splitext", "isabs", "commonpath", "relpath"}
_READERS = ("open", "io.open", "codecs.open", "pathlib.Path", "pathlib.PosixPath", "glob.", "shutil.", "os.",
            "fileinput.", "linecache.", "mimetypes.", "tempfile.", "numpy.", "pandas.")  # fmt: skip


def tampering_findings(tree: ast.Module, *, in_tests: bool) -> list[tuple[int, str]]:
    """Return line and reason of everything in a module that may not be there."""
    return sorted(set(_Fence(tree, in_tests=in_tests).findings()))


class _Fence:
    """One module, with what its names refer to."""

    def __init__(self, tree: ast.Module, *, in_tests: bool) -> None:
        self.tree = tree
        self.in_tests = in_tests
        self.origins = Origins(tree)
        self.forbidden = _IMPORTS_EVERYWHERE if in_tests else {**_IMPORTS_EVERYWHERE, **_IMPORTS_IN_TOOL}

    def findings(self) -> Iterator[tuple[int, str]]:
        yield from self._imports()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.Attribute | ast.arg):
                yield from self._taken(node)
            if isinstance(node, ast.Call):
                yield from self._indirect(node)
                yield from self._places(node)
            yield from self._patches(node)

    @cached_property
    def _uses(self) -> dict[str, set[str]]:
        """What the code takes from each forbidden module, by its name; empty text for the module itself."""
        found: dict[str, set[str]] = {}
        for node, origin in self.origins.references:
            module, name = _module_and_name(origin)
            if module in self.forbidden and (name or not self.origins.is_on_the_way(node)):
                found.setdefault(module, set()).add(name)
        return found

    def _imports(self) -> Iterator[tuple[int, str]]:
        for node, module, name in imported_modules(self.tree):
            top = module.partition(".")[0]
            full = f"{module}.{name}" if name and name != "*" else module
            if top in self.forbidden:
                taken = {full.split(".")[1]} if full != top else self._uses.get(top, {""})
                if not all(_is_harmless(top, each) for each in taken):
                    yield node.lineno, f"import {module}. {self.forbidden[top]}"
            elif name == "*" and top in sys.stdlib_module_names | _OURS and top not in _CALM:
                yield node.lineno, f"from {module} import *. Name them."
            elif name and (why := self._power(full)):
                yield node.lineno, f"from {module} import {name}. {why}"

    def _taken(self, node: ast.Name | ast.Attribute | ast.arg) -> Iterator[tuple[int, str]]:
        """Judge one name or attribute by what it refers to."""
        if isinstance(node, ast.arg):
            if node.arg in _NOT_OF_TESTS:
                yield node.lineno, f"{node.arg}. {_PYTEST}"
            return
        said = ast.unparse(node)[:60]
        if isinstance(node, ast.Attribute):
            if node.attr in _INSIDES or self._is_class_hunt(node) or (node.attr in _MEMORY and "ctypes" in self._uses):
                yield node.lineno, f"{said}. {_REFLECTION}"
            elif self.in_tests and node.attr in ("pluginmanager", "pytestconfig"):
                yield node.lineno, f"{said}. {_PYTEST}"
        elif node.id in _NOT_OF_TESTS and self.origins.of(node).startswith("builtins."):
            yield node.lineno, f"{node.id}. {_REFLECTION}"
        elif node.id in ("pytest_plugins", "__builtins__"):
            yield node.lineno, f"{node.id}. {_PYTEST}"
        if isinstance(node.ctx, ast.Load) and (why := self._power(self.origins.of(node))):
            yield node.lineno, f"{said}. {why}"
        elif self._is_passed_on(node):
            yield node.lineno, f"{said}. Take what you need from the module by its name; do not pass it on."

    def _power(self, origin: str) -> str:
        """Return why nothing of this origin may be used; empty where it may."""
        module, name = _module_and_name(origin)
        first = name.partition(".")[0]
        if module == "builtins":
            forbidden = _NOT_OF_TESTS if self.in_tests else _NOT_OF_THE_TOOL
            return _REFLECTION if first in forbidden else ""
        if name.endswith(f".{UNSEEN}") or UNSEEN in name.split(".")[:-1]:
            last = name.rpartition(".")[2]
            return "What is taken from a module must be visible in the code." if last in _POWERS | {UNSEEN} else ""
        if module in self.forbidden and first and not _is_harmless(module, first):
            return self.forbidden[module]
        return _TAKEN.get(module, {}).get(first, "")

    def _is_class_hunt(self, node: ast.Attribute) -> bool:
        """Return whether this asks for the subclasses of something that is not the module's own class."""
        if node.attr != "__subclasses__":
            return False
        own = {each.name for each in self.tree.body if isinstance(each, ast.ClassDef)} | {"cls"}
        return not (isinstance(node.value, ast.Name) and node.value.id in own)

    def _is_in_function(self, node: ast.AST) -> bool:
        while (parent := self.origins.parents.get(node)) is not None:
            if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                return True
            node = parent
        return False

    def _is_passed_on(self, node: ast.AST) -> bool:
        if self.origins.of(node) not in _PASSED_ON or self.origins.is_on_the_way(node) or not _is_loaded(node):
            return False
        parent = self.origins.parents.get(node)
        called = getattr(parent.func, "attr", getattr(parent.func, "id", "")) if isinstance(parent, ast.Call) else ""
        return called not in _MAY_TAKE_A_MODULE

    def _indirect(self, node: ast.Call) -> Iterator[tuple[int, str]]:
        """Judge attributes that are named by a text."""
        called = self.origins.of(node.func)
        said = ast.unparse(node)[:60]
        is_globals = called in ("builtins.vars", "builtins.locals") and not node.args and not self._is_in_function(node)
        if is_globals and not self.in_tests:
            yield node.lineno, f"{said}. {_REFLECTION}"
        if called in ("operator.attrgetter", "operator.methodcaller"):
            named = [each.value for each in node.args if isinstance(each, ast.Constant)]
            if any(part in _INSIDES | {"__subclasses__"} for name in named for part in str(name).split(".")):
                yield node.lineno, f"{said}. {_REFLECTION}"
        if called not in ("builtins.getattr", "builtins.setattr", "builtins.delattr", "builtins.hasattr"):
            return
        name = node.args[1] if len(node.args) > 1 else None
        if isinstance(name, ast.Constant):
            if name.value in _INSIDES | {"__subclasses__"}:
                yield node.lineno, f"{said}. {_REFLECTION}"
            elif called == "builtins.getattr" and (why := self._power(self.origins.of(node))):
                yield node.lineno, f"{said}. {why}"
        elif node.args and self._is_strong(self.origins.of(node.args[0])):
            yield node.lineno, f"{said}. What is taken from a module must be visible in the code."

    def _is_strong(self, origin: str) -> bool:
        """Return whether an attribute that nobody sees could be of the interpreter, pytest or NAT."""
        if not origin or UNSEEN in origin.split("."):
            return bool(origin)
        module, name = _module_and_name(origin)
        if module == "builtins":
            return name in ("__builtins__", "__loader__", "__spec__")
        return (module in sys.stdlib_module_names | _OURS | set(self.forbidden)) and module not in _CALM

    def _places(self, node: ast.Call) -> Iterator[tuple[int, str]]:
        """Find calls that open what the system shows of itself."""
        called = self.origins.of(node.func).removeprefix("builtins.")
        if called.startswith("os.path.") and called.rpartition(".")[2] in _ONLY_NAMES:
            return
        if not any(called == each or (each.endswith(".") and called.startswith(each)) for each in _READERS):
            return
        for text in self._texts([*node.args, *(each.value for each in node.keywords)]):
            if text.startswith(_PLACES) and text not in _NOTHING_THERE:
                yield node.lineno, f"{text[:40]!r}. There is nothing for a tool."

    def _texts(self, nodes: list[ast.expr]) -> Iterator[str]:
        """Return the texts in expressions, with those that their names stand for."""
        names = {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}
        values = list(nodes)
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Assign)
                and {each.id for each in node.targets if isinstance(each, ast.Name)} & names
            ):
                values.append(node.value)
            elif isinstance(node, ast.For | ast.comprehension) and isinstance(node.target, ast.Name):
                values += [node.iter] if node.target.id in names else []
        for each in (found for value in values for found in ast.walk(value)):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield each.value

    def _patches(self, node: ast.AST) -> Iterator[tuple[int, str]]:
        """Find assignments to what belongs to a module that was imported, as in `pytest.raises = ...`."""
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and self.origins.of(node.func) in ("builtins.setattr", "builtins.delattr"):
            targets = node.args[:1]
        for target in targets:
            owner = target.value if isinstance(target, ast.Attribute) else target
            origin = self.origins.of(owner)
            is_patch = isinstance(target, ast.Attribute) or isinstance(node, ast.Call)
            if is_patch and origin and not origin.startswith("builtins."):
                way = "use monkeypatch" if self.in_tests else "keep it in a variable of the tool"
                yield target.lineno, f"{ast.unparse(target)[:60]} = ... changes a module for everybody; {way}."


def _module_and_name(origin: str) -> tuple[str, str]:
    """Return the module that gives something, and its name there: `random._os.kill` is `kill` of `os`."""
    parts = origin.split(".")
    parts[0] = _ALIASES.get(parts[0], parts[0])
    for place in range(len(parts) - 1, 0, -1):
        hidden = _ALIASES.get(parts[place].lstrip("_"), parts[place].lstrip("_"))
        if parts[0] in sys.stdlib_module_names and hidden in {*_TAKEN, "subprocess", "builtins", "signal", "gc"}:
            return hidden, ".".join(parts[place + 1 :])
    return parts[0], ".".join(parts[1:])


def _is_harmless(module: str, name: str) -> bool:
    first = name.partition(".")[0]
    if module == "builtins":
        return bool(first) and first not in _NOT_OF_THE_TOOL | _NOT_OF_TESTS
    return first in _HARMLESS.get(module, ()) or (module == "signal" and first.isupper())


def _is_loaded(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Load)
