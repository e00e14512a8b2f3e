"""What a tool's module remembers, as far as it can be seen, to compare before and after a call."""

import collections
import io
import itertools
import operator
import os
import random
import types

_LEAVES = (str, bytes, int, float, complex, bool, type(None))
_IN_ORDER = (list, tuple, set, frozenset, collections.deque)
_AT_MOST, _DEEPEST = 20_000, 60


def memory_of(module):
    """Return a mapping of the module's top-level names, and of what it may write into elsewhere, to what they hold."""
    seen, found = set(), {}
    left = [_AT_MOST]
    for name, value in list(vars(module).items()):
        if name.startswith("__"):
            continue
        found[name] = _of_module(value) if isinstance(value, types.ModuleType) else _of(value, module, seen, left)
    found["os.environ"] = tuple(sorted(os.environ.items()))
    return found


def changed(before, after):
    """Return the names whose content is another one."""
    return sorted(name for name in before.keys() & after.keys() if before[name] != after[name])


def _of_module(module):
    """Return a module's own values: whoever hides a number in one changes them."""
    return tuple((name, repr(value)) for name, value in list(vars(module).items()) if type(value) in (int, float, str))


def _of(value, module, seen, left, depth=0):
    """Return something that is equal as long as the value holds the same."""
    kind = type(value)
    if kind in _LEAVES:
        return repr(value)
    left[0] -= 1
    if id(value) in seen or left[0] < 0 or depth > _DEEPEST:
        return kind.__name__
    seen.add(id(value))
    return (kind.__name__, *(_of(each, module, seen, left, depth + 1) for each in _parts(value, kind, module)))


def _parts(value, kind, module):
    """Return what a value holds; nothing of what belongs to Python or a package."""
    if issubclass(kind, dict):
        return [part for pair in list(dict.items(value)) for part in pair]
    if issubclass(kind, _IN_ORDER):
        return list(kind.__iter__(value))
    if isinstance(value, types.FunctionType | type):
        return _of_code(value) if value.__module__ == module.__name__ else []
    if kind in _TOLD:
        return _TOLD[kind](value)
    if isinstance(value, random.Random):
        return [hash(random.Random.getstate(value))]
    if hasattr(kind, "__next__"):
        return [operator.length_hint(value, -1)]
    if kind.__module__ in (module.__name__, "types"):
        slots = [name for name in getattr(kind, "__slots__", ()) if isinstance(name, str)]
        return [getattr(value, "__dict__", None), *(getattr(value, name, None) for name in slots)]
    return []


_TOLD = {
    itertools.count: lambda value: [repr(value)],
    bytearray: lambda value: [bytes(value)],
    io.StringIO: lambda value: [value.getvalue(), value.tell()],
    io.BytesIO: lambda value: [value.getvalue(), value.tell()],
    types.MethodType: lambda value: [value.__self__, value.__func__],
    types.GeneratorType: lambda value: (
        [value.gi_frame.f_lasti, *value.gi_frame.f_locals.values()] if value.gi_frame else []
    ),
}


def _of_code(value):
    """Return what a function or a class remembers."""
    if isinstance(value, type):
        return [each for name, each in list(vars(value).items()) if not name.startswith("__")]
    cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
    return [value.__defaults__, value.__kwdefaults__, vars(value), *cells]


def _is_filled(cell):
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
