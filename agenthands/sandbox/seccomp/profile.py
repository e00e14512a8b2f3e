"""The same filter as docker reads it: a seccomp profile in JSON, which the daemon compiles for its own machine."""

from __future__ import annotations

import errno
import functools
import json
from collections.abc import Mapping
from typing import Any

from agenthands.sandbox.seccomp.calls import ABSENT, ALLOWED, CONDITIONS, REFUSED, Condition

_ARCHITECTURES = ("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64")


@functools.cache
def docker_profile() -> str:
    """Return the profile as JSON, for docker's option `seccomp=`.

    docker has no "none of these" for an argument, so a call of which something is excluded is allowed whole (TIOCSTI: a
    container has a terminal of its own), and other arguments return EPERM, docker's default.
    """
    plain = [name for name in ALLOWED if name not in CONDITIONS or CONDITIONS[name].negated]
    rules: list[Mapping[str, Any]] = [
        {"names": plain, "action": "SCMP_ACT_ALLOW"},
        {"names": list(REFUSED), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM},
        {"names": list(ABSENT), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
    ]
    for name, condition in CONDITIONS.items():
        if not condition.negated:
            rules += _rules(name, condition)
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": _ARCHITECTURES,  # the others of a machine are killed
        "syscalls": rules,
    }
    return json.dumps(profile)


def _rules(name: str, condition: Condition) -> list[Mapping[str, Any]]:
    masked = {"index": condition.argument, "value": condition.mask, "op": "SCMP_CMP_MASKED_EQ"}
    return [
        {"names": [name], "action": "SCMP_ACT_ALLOW", "args": [{**masked, "valueTwo": value}]}
        for value in condition.values
    ]
