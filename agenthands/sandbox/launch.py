"""What all kinds of sandboxes share: variables, limits of a process, and relays to the sockets."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from agenthands.sandbox.base import Command, Limits

RELAY = Path(__file__).parent / "relay_script.py"
MASKED = tuple(
    f"/proc/{name}"
    for name in (
        *("acpi", "asound", "bootconfig", "cmdline", "config.gz", "diskstats", "driver", "fs", "iomem", "ioports"),
        *("kallsyms", "kcore", "key-users", "keys", "kmsg", "latency_stats", "locks", "mdstat", "modules"),
        *("partitions", "sched_debug", "scsi", "slabinfo", "swaps", "timer_list", "timer_stats", "vmallocinfo"),
    )
)
"""What is hidden of /proc because it describes the machine, its disks, its users' keys or its kernel's addresses."""
TURNS, TERMINAL_TURNS = 20, 200
"""How often a shell begins anew, from other input and on a terminal, whose agent may end each command with `exit`."""
SHELL = "/bin/bash --noprofile --rcfile /dev/fd/5"
SHELL_START = 'code=$1; shift; exec 5<<<"set +H; exec 5<&-; (exit $code)"; exec env "$@"'
"""bash code that becomes SHELL. Its arguments are the exit code that the first prompt shows, variables, and SHELL."""
_MODEL_PORT = 8765
_EGRESS_PORT = 8766
_ULIMIT = {"RLIMIT_AS": ("v", 1024), "RLIMIT_FSIZE": ("f", 1024), "RLIMIT_NOFILE": ("n", 1), "RLIMIT_CORE": ("c", 1)}


def relayed(command: Command) -> list[tuple[Path, int]]:
    """Return the sockets that the network policy allows, each with its port on the sandbox's loopback."""
    found = []
    if command.network in ("model", "egress") and command.model_socket:
        found.append((command.model_socket, _MODEL_PORT))
    if command.network == "egress" and command.egress_socket:
        found.append((command.egress_socket, _EGRESS_PORT))
    return found


def played(command: Command) -> list[tuple[Path, str]]:
    """Return the sockets of what answers on the loopback, for a relay that tells them which address was asked."""
    loopback = command.loopback
    return [(loopback.path(port), f"*{port}") for port in loopback.ports] if loopback else []


def mounted(command: Command, more: Sequence[tuple[Path, str]] = ()) -> list[Path]:
    """Return all paths to mount read-only: those of the command, and the relay with its sockets and `more`."""
    sockets = [*(socket for socket, _ in relayed(command)), *(socket for socket, _ in more)]
    return [*command.read_only, *([RELAY, *sockets] if sockets else [])]


def argv_inside(command: Command, more: Sequence[tuple[Path, str]] = ()) -> list[str]:
    """Return the command line, run by the relay if the command may reach a socket, one of `more` included."""
    if not (sockets := [*((socket, str(port)) for socket, port in relayed(command)), *more]):
        return list(command.argv)
    pairs = [part for socket, port in sockets for part in (str(socket), port)]
    return [os.path.realpath(sys.executable), "-I", str(RELAY), *pairs, "--", *command.argv]


def code_inside(command: Command) -> str:
    """Return the code of a prepared command; a relay runs beside it if the command may reach a socket."""
    code = command.argv[-1]
    if not (sockets := relayed(command)):
        return code
    pairs = [(str(path), str(port)) for path, port in sockets]
    relay = RELAY.read_text(encoding="utf-8")
    begin = f"relay = {{'__name__': 'relay'}}; exec({relay!r}, relay); relay['listen_beside']({pairs!r}); del relay"
    return f"{begin}\n{code}"


def variables_inside(command: Command) -> dict[str, str]:
    """Return all environment variables of the command; `{model_url}` in a value becomes the gateway's URL."""
    ports = {port for _, port in relayed(command)}
    variables = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "USER": "agent",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
    }
    if _EGRESS_PORT in ports:
        proxy = f"http://127.0.0.1:{_EGRESS_PORT}"
        variables |= {name: proxy for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}
        variables |= {name: "127.0.0.1,localhost" for name in ("NO_PROXY", "no_proxy")}
    variables |= command.variables
    if _MODEL_PORT in ports:
        url = f"http://127.0.0.1:{_MODEL_PORT}/v1"
        variables = {name: value.replace("{model_url}", url) for name, value in variables.items()}
        variables["AGENTHANDS_MODEL_URL"] = url
    return variables


def begun_anew(code: str, gone: str) -> str:
    """Return a line for the terminal of a shell that ended with `code`; `gone` is what ended with it."""
    return f"[The shell has ended with exit code {code}, and a new one has begun: {gone} are gone.]\n"


def ulimits(limits: Limits) -> str:
    """Return shell code that limits the process that runs it, and each process that it starts."""
    return "; ".join(f"ulimit -{_ULIMIT[name][0]} {most // _ULIMIT[name][1]}" for name, most in rlimits(limits).items())


def rlimits(limits: Limits) -> dict[str, int]:
    """Return the same limits by their setrlimit names."""
    return {
        "RLIMIT_AS": limits.memory_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_CORE": 0,
    }
