"""The filter of system calls as the kernel reads it: a program of classic BPF, for bubblewrap and the fork server.

The instructions and what they read are those of Documentation/userspace-api/seccomp_filter.rst and of
include/uapi/linux/{filter,seccomp,audit}.h. Calls are found by halving, in about eight comparisons.
"""

from __future__ import annotations

import errno
import functools
import platform
import struct
from collections.abc import Mapping, Sequence

from agenthands.errors import SandboxUnavailable
from agenthands.sandbox.seccomp.calls import ALLOWED, CONDITIONS, MACHINES, REFUSED, Condition

# What the kernel shows a filter: struct seccomp_data { int nr; __u32 arch; __u64 instruction_pointer, args[6]; }
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000  # calls of x32 have the architecture of x86_64, and this bit
_LOAD, _AND, _JUMP, _IF_EQUAL, _IF_NOT_LESS, _RETURN = 0x20, 0x54, 0x05, 0x15, 0x35, 0x06
_FARTHEST = 255  # the farthest that a comparison can jump

Code = list[tuple[int, int, int, int]]
_ALLOW: Code = [(_RETURN, 0, 0, 0x7FFF0000)]
_KILL: Code = [(_RETURN, 0, 0, 0x80000000)]


@functools.cache
def filter_program(machine: str = "") -> bytes:
    """Return the filter for `machine`, this one if empty, as an array of the kernel's struct sock_filter.

    Raises SandboxUnavailable for a machine whose calls are not known.
    """
    machine = machine or platform.machine()
    if machine not in MACHINES:
        raise SandboxUnavailable(
            f"No filter of system calls for {machine}: sandboxes run on {' and '.join(MACHINES)}.",
            "Build on such a machine.",
        )
    actions: dict[int, Code] = {}
    for numbers in REFUSED.values():
        if machine in numbers:
            actions[numbers[machine]] = _error(errno.EPERM)
    for name, numbers in ALLOWED.items():
        if machine in numbers:
            actions[numbers[machine]] = _when(CONDITIONS[name]) if name in CONDITIONS else _ALLOW
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        *_if((_IF_EQUAL, _AUDIT[machine]), [(_LOAD, 0, 0, _NUMBER)], _KILL),
        *_if((_IF_NOT_LESS, _X32), _KILL, []),
        *_search(_ranges(actions)),
    ]
    return b"".join(struct.pack("=HBBI", *each) for each in code)


def _error(number: int) -> Code:
    return [(_RETURN, 0, 0, 0x00050000 | number)]


def _when(condition: Condition) -> Code:
    """Return the code that decides by an argument; both supported machines have the low half first."""
    equal, other = (_error(condition.error), _ALLOW) if condition.negated else (_ALLOW, _error(condition.error))
    code: Code = [(_LOAD, 0, 0, _ARGUMENTS + 8 * condition.argument), (_AND, 0, 0, condition.mask)]
    for value in condition.values:
        code += _if((_IF_EQUAL, value), equal, [])
    return code + other


def _ranges(actions: Mapping[int, Code]) -> list[tuple[int, Code]]:
    """Return what happens from which number on, until the next one."""
    found: list[tuple[int, Code]] = []
    for number in range(max(actions) + 2):
        action = actions.get(number, _error(errno.ENOSYS))
        if not found or found[-1][1] != action:
            found.append((number, action))
    return found


def _search(ranges: Sequence[tuple[int, Code]]) -> Code:
    """Return the code that finds the range of the loaded number by halving, and does what it says."""
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    return _if((_IF_NOT_LESS, ranges[middle][0]), _search(ranges[middle:]), _search(ranges[:middle]))


def _if(test: tuple[int, int], then: Code, otherwise: Code) -> Code:
    """Return the code of a comparison; one without `otherwise` goes on with what follows.

    `otherwise` comes first, and must return.
    """
    comparison, value = test
    if not otherwise:
        return [(comparison, 0, len(then), value), *then]
    if len(otherwise) <= _FARTHEST:
        return [(comparison, len(otherwise), 0, value), *otherwise, *then]
    return [(comparison, 0, 1, value), (_JUMP, 0, 0, len(otherwise)), *otherwise, *then]
