"""Reads the blocks of a page of docs/, and runs them as a reader does: one after the other, in one terminal."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from conftest_paths import ROOT
from patience import patient

DOCS = ROOT / "docs"
_BLOCK = re.compile(r"(?:^<!-- (not run|file): ([^\n]*) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS = 300
# Variables and the folder go on from block to block; a command that fails ends the block with its exit code.
_TERMINAL = """
[ -e {state} ] && . {state}
cd "$(cat {state}.folder 2>/dev/null || pwd)"
trap 'code=$?; export -p > {state}; pwd > {state}.folder; exit $code' EXIT
set -e
. {block}
"""


@dataclass(frozen=True)
class Block:
    """A fenced block: `note` is what the comment before it says, `kind` which comment, `language` what is in it."""

    kind: str
    note: str
    language: str
    text: str

    @property
    def is_run(self):
        return self.language in ("sh", "console") and self.kind != "not run"

    def commands(self):
        """Return the commands, each with the exit code and the lines of output that are shown."""
        if self.language == "sh":
            return [(self.text, 0, [])]
        shown = [part.split("\n") for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]]
        commands = []
        for command, *lines in shown:
            if command == "echo $?":
                before, _, output = commands.pop()
                commands.append((before, int(lines[0]), output))
            else:
                commands.append((command, 0, [line for line in lines if line.strip()]))
        return commands


def blocks(page):
    return [Block(*found) for found in _BLOCK.findall((DOCS / page).read_text())]


def follow(page, folder, variables, addresses):
    """Run a page in `folder`, and say what went wrong first; `addresses` says where the servers that it names are."""
    folder.parent.joinpath("terminal").mkdir(exist_ok=True)
    state = folder.parent / "terminal" / Path(page).name
    state.unlink(missing_ok=True)
    for block in blocks(page):
        if block.kind == "file":
            (folder / block.note).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.note).write_text(block.text)
        elif block.is_run:
            for command, code, lines in block.commands():
                for shown, real in addresses.items():
                    command = command.replace(shown, real)
                wrong = _run(command, code, lines, (state, folder, variables))
                if wrong:
                    return f"{page}: {command}\n{wrong}"
    return ""


def _run(command, code, lines, where):
    """Run a command, and say how it does not end as it is shown."""
    state, folder, variables = where
    block = state.with_suffix(".block")
    block.write_text(command)
    variables = {} if state.exists() else variables  # what was unset stays unset
    script = ["/bin/bash", "-c", _TERMINAL.format(state=state, block=block)]
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, "text": True}
    try:
        done = subprocess.run(script, cwd=folder, env=variables, timeout=patient(_SECONDS), check=False, **both)
    except subprocess.TimeoutExpired as error:
        return f"does not end: {error.stdout}"
    if done.returncode != code:
        return f"ends with {done.returncode}, not {code}:\n{done.stdout}"
    missing = [line for line in lines if not re.search(pattern(line), done.stdout)]
    return f"does not say {missing[0]!r}:\n{done.stdout}" if missing else ""


def pattern(line):
    """Return what finds a shown line in the output of another run: figures and what is left out may differ."""
    parts = re.split(r"(\s+|\.\.\.|…|\d[\d.,a-f-]*)", line.strip())
    return "".join(
        r"\s+" if part.isspace() else ".*?" if part in ("...", "…") else r"[\d.,a-f-]+" if part[:1].isdigit()
        else re.escape(part)
        for part in parts
        if part
    )  # fmt: skip
