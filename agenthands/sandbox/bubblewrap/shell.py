"""The shell of a coding agent in a bubblewrap sandbox."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import subprocess
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agenthands.sandbox.base import Limits, Loopback
from agenthands.sandbox.bubblewrap.doors import keep_doors_open
from agenthands.sandbox.bubblewrap.host import nproc
from agenthands.sandbox.forkserver.client import ForkServer, enter_beside, first_inside
from agenthands.sandbox.launch import SHELL, SHELL_START, TERMINAL_TURNS, TURNS, begun_anew, ulimits
from agenthands.sandbox.limits.usage import tree
from agenthands.sandbox.limits.watchdog import Watchdog, kill_each, watch_shell
from agenthands.sandbox.seccomp.program import filter_program
from agenthands.sandbox.subprocesses import kill_group

FILTER = 4
"""The descriptor from which a shell's bwrap reads the filter of system calls."""
_GONE = "variables, functions, background processes, the current folder and what was in /tmp"

# Waits for the end of its standard input, which comes when the worker ends in any way, then kills the shell. A shell
# that is just starting looks for `closing` after it has written its process id.
_SURVIVOR = """\
read -r _
: > "$2"
read -r pid < "$1" && mapfile -d '' -t words < "/proc/$pid/cmdline" && [ "${words[1]}" = "$3" ] && kill -KILL -- "-$pid"
"""


# A non-interactive bash drops the prompts of its terminal: they are read again, and passed as arguments. PS1 is as bash
# reads it between double quotes: OpenHands types PROMPT_COMMAND so, and never into a second shell.
_PROMPTS = (
    "mapfile -d '' -t all < /proc/$$/environ; prompts=()\n"
    'for each in "${all[@]}"; do case $each in\n'
    '  PS1=*) prompts+=("$each" "PROMPT_COMMAND=export PS1=\\"${each#PS1=}\\"") ;;\n'
    '  PS2=*) prompts+=("$each") ;;\nesac; done\n'
)


class BubblewrapShell:
    """A shell in a bubblewrap sandbox, and the means to end everything in it."""

    def __init__(
        self, namespaces: Sequence[str], limits: Limits, bounds: Watchdog, folder: Path, end: Callable[[], None]
    ) -> None:
        """Write the program into `folder`, which is outside the workspace, and watch what it starts.

        `end` is called after the shell has ended.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "shell"
        own = secrets.token_hex(4)  # the survivor of a killed worker knows only its own shell
        self._pid, self._closing, note = (folder / f"{own}.{name}" for name in ("pid", "closing", "note"))
        calls = folder / f"{own}.calls"
        calls.write_bytes(filter_program())
        inner = shlex.join(["/bin/bash", "-c", f"{nproc(limits)}; {SHELL_START}", "bash"])
        pid, closing, said, filtered = (shlex.quote(str(path)) for path in (self._pid, self._closing, note, calls))
        # bash stays between the terminal and bwrap: --die-with-parent follows the thread that started bwrap, and
        # OpenHands opens terminals in a short-lived one. The loop begins a new shell when the agent's has ended.
        self.path.write_text(
            f"#!/bin/bash\n{bounds.entry} || exit 1\necho $$ > {pid}\n{ulimits(limits)}\n{_PROMPTS}turns=0 code=0\n"
            f"[ -t 0 ] && most={TERMINAL_TURNS} || most={TURNS}\n"
            "exec 3>&2 2>/dev/null\n"  # bash reports killed children, with their whole command line
            f"while [ $turns -lt $most ] && [ ! -e {closing} ]; do\n"
            f'  env -i {shlex.join(namespaces)} {inner} $code "${{prompts[@]}}" {SHELL} "$@" '
            f"2>&3 3>&- {FILTER}<{filtered}\n"
            f"  code=$? turns=$((turns + 1))\n  [ ! -e {said} ] || {{ cat {said}; rm -f {said}; }}\n"
            f"  [ ! -t 0 ] || [ -e {closing} ] || printf {shlex.quote(begun_anew('%d', _GONE))} $code\ndone\n"
        )
        self.path.chmod(0o700)
        # When a worker is killed, its end of the terminal closes and the hang-up ends the shell, but not under nohup.
        # This process is no child of the shell, so it holds no terminal and counts toward no limit.
        survivor = subprocess.Popen(
            ["/bin/bash", "-c", _SURVIVOR, "shell-of-a-dead-worker", self._pid, self._closing, self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            start_new_session=True,
        )
        self._ended = threading.Event()
        watcher = threading.Thread(target=watch_shell, args=(bounds, self._pid, note, self._ended), daemon=True)
        watcher.start()
        # also if nobody closes the shell
        self._end = weakref.finalize(self, _end_watching, self._ended, watcher, survivor, end)

    def beside(self, interpreter: ForkServer, request: Mapping[str, object], word: str) -> None:
        """Let a fork of `interpreter` enter the shell's first sandbox, whose bwrap has `word` among its arguments."""
        arguments = (interpreter, request, self._pid, word, self._ended)
        threading.Thread(target=enter_beside, args=arguments, daemon=True).start()

    def answered_by(self, loopback: Loopback, word: str) -> None:
        """Let `loopback` answer in each sandbox of the shell, whose bwrap has `word` among its arguments."""

        def inside() -> int:
            return first_inside(int(self._pid.read_text()), word)

        threading.Thread(target=keep_doors_open, args=(loopback, inside, self._ended), daemon=True).start()

    def close(self) -> None:
        """Kill the shell and everything in its sandbox."""
        self._closing.touch()
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._pid.read_text())
            below = list(tree(pid))
            kill_group(pid)  # before its descendants: its loop must not see a shell end
            kill_each(below)
        self._end()


def _end_watching(
    ended: threading.Event, watcher: threading.Thread, survivor: subprocess.Popen[bytes], end: Callable[[], None]
) -> None:
    ended.set()
    watcher.join(5)
    survivor.communicate()  # it sees the end of its input, and kills a shell that nobody has closed
    end()
