"""OpenHands' terminal, which knows its own prompts from output that looks like them.

OpenHands learns from the prompt that a command has ended, with which exit code, and in which folder: bash prints a
block of JSON between two markers. A command that prints such markers, as `env` or the log of an agent does, ends early
for OpenHands, with another's exit code. So the markers of our shells are drawn for each terminal, PS1 holds them in
octal, and what comes out is translated.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from typing import Any

from openhands.tools.terminal.constants import CMD_OUTPUT_PS1_BEGIN, CMD_OUTPUT_PS1_END
from openhands.tools.terminal.terminal import subprocess_terminal

_STARTING_SECONDS, _TICK = 60.0, 0.2
_FIELD = re.compile(r'^(\s*"\w+": )"(.*)"(,?)$')
_BOUNDARY_SECONDS = 10.0
_BOUNDARY_START = "__OH_COMMAND_FINISHED_"
_BOUNDARY = re.compile(_BOUNDARY_START + r"[0-9a-f]+_\d+__")
_UNFINISHED_BOUNDARY = re.compile(_BOUNDARY_START + r"[0-9a-f]*(_\d*_?)?$")
_CUT_ECHO = re.compile(r'^<[^\n]*exit "\$__openhands_status"\)\r?\n', re.MULTILINE)
_MARKERS = [marker.strip() for marker in (CMD_OUTPUT_PS1_BEGIN, CMD_OUTPUT_PS1_END)]


class Prompts:
    """Translates the output of one terminal: its own markers to those of OpenHands, and others to what is none.

    A prompt is let through as a whole, with its line end: OpenHands takes a prompt that grows for a new one. After a
    here-document OpenHands types a command of its own, which prints a boundary, and takes its words for the end of
    both. The prompt behind them would be taken for that of the next command, so they wait for it.
    """

    def __init__(self) -> None:
        """Draw the markers."""
        word = secrets.token_hex(8)
        self._own = [f"##{word}{index}##" for index in range(len(_MARKERS))]
        begin, end = map(re.escape, self._own)
        self._prompt = re.compile(rf"{begin}(.*?){end}\r?\n", re.DOTALL)
        self._held = ""
        self._held_since = 0.0

    def prompt(self, usual: str) -> str:
        """Return the prompt of OpenHands with the drawn markers; `set` shows their first character in octal."""
        for own, marker in zip(self._own, _MARKERS, strict=True):
            usual = usual.replace(marker, rf"\{ord(own[0]):03o}{own[1:]}")
        return usual

    def translated(self, text: str) -> str:
        """Return the translation; what may be the beginning of a marker or a prompt is held back until more comes."""
        done, text = "", self._held + text
        while found := self._prompt.search(text):
            done += _plain(text[: found.start()]) + _readable(found[1])
            text = text[found.end() :]
        start = text.find(self._own[0])
        if start < 0:
            longest = max(map(len, [*self._own, *_MARKERS]))
            last = range(max(0, len(text) - longest), len(text))
            start = next((at for at in last if self._may_begin(text[at:])), len(text))
        if boundary := _BOUNDARY.search(text) or _UNFINISHED_BOUNDARY.search(text):
            start = min(start, boundary.start())
        if not self._held:
            self._held_since = time.monotonic()
        self._held = text[start:]
        return done + _plain(text[:start])

    def overdue(self) -> str:
        """Return a boundary whose prompt does not come: the command has sent all prompts elsewhere, with `exec 2>`."""
        if time.monotonic() - self._held_since < _BOUNDARY_SECONDS or not _BOUNDARY.match(self._held):
            return ""
        held, self._held = self._held, ""
        return _plain(held)

    def _may_begin(self, rest: str) -> bool:
        markers = (*self._own, *_MARKERS, _BOUNDARY_START)
        return any(marker != rest and marker.startswith(rest) for marker in markers)


def _plain(output: str) -> str:
    """Return output without markers of OpenHands, and without its echo where the terminal is too narrow for it."""
    for marker in _MARKERS:
        output = output.replace(marker, f"{marker[:3]} {marker[3:]}")
    return _CUT_ECHO.sub("", output)


def _readable(fields: str) -> str:
    """Return a prompt of OpenHands whose values are JSON, whatever is in the name of a folder.

    Its lines end as OpenHands looks for them, without the carriage returns of a terminal.
    """
    lines = [_FIELD.sub(_quoted, line) for line in fields.replace("\r", "").split("\n")]
    return _MARKERS[0] + "\n".join(lines) + _MARKERS[1] + "\n"


def _quoted(field: re.Match[str]) -> str:
    return f"{field[1]}{json.dumps(field[2])}{field[3]}"


class PromptingTerminal(subprocess_terminal.SubprocessTerminal):
    """A terminal of OpenHands for the shells of our sandboxes, which set their prompts themselves.

    OpenHands types the prompt into the first shell, and an empty line where it finds no prompt on the screen. Each
    makes one more prompt; on a busy machine that comes when the next command is running, which then ends early with
    the exit code of the one before. So nothing is typed until the first prompt is here.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what SubprocessTerminal takes."""
        super().__init__(*arguments, **options)
        self._prompts = Prompts()
        self.PS1 = self._prompts.prompt(self.PS1)
        self._ready = False

    def initialize(self) -> None:
        """Start the shell, and wait for its first prompt."""
        if self._initialized:
            return
        super().initialize()
        deadline = time.monotonic() + _STARTING_SECONDS
        while time.monotonic() < deadline and self.process and self.process.poll() is None:
            if self._wait_for_prompt(_TICK):
                break
        self._ready = True

    def _write_pty(self, data: bytes) -> None:
        if self._ready:
            super()._write_pty(data)

    def _add_text_to_buffer(self, text: str) -> None:
        super()._add_text_to_buffer(self._prompts.translated(text))

    def read_screen(self) -> str:
        """Return what is on the screen."""
        with self.output_lock:
            super()._add_text_to_buffer(self._prompts.overdue())
        return super().read_screen()


def use_own_prompts() -> None:
    """Let OpenHands open such terminals: it makes one at the start, and one at each reset, and none can be given."""
    setattr(subprocess_terminal, "SubprocessTerminal", PromptingTerminal)  # noqa: B010 - for mypy, a class is no variable
