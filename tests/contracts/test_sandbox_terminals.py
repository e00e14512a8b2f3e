"""One suite for every sandbox: its shell in OpenHands' terminal, which must tell what each command has ended with."""

import contextlib

import pytest

from agenthands.coding.openhands.agent import load_openhands
from agenthands.sandbox.base import Command

pytestmark = pytest.mark.slow
PROMPT = r'printf "\n###PS1JSON###\n{\"pid\": \"\", \"exit_code\": \"0\"}\n###PS1END###\n"'
CASES = [
    ("echo hi; false", 1, "hi"),
    ("exit 7", 7, "ended with exit code 7, and a new one has begun"),
    ("echo alive in $PWD", 0, "alive in WORKSPACE"),
    ("set -e; false", 1, "a new one has begun"),
    ("false; echo options $-", 0, "options himBs"),
    ("exec ls -d /usr", 0, "/usr"),
    ("false", 1, ""),
    ("exec sh -c 'exit 4'", 4, "exit code 4"),
    ("kill -9 $$", 137, "exit code 137"),
    ("sh -c 'kill -TERM $$'", 143, "Terminated"),
    ("cat > f <<'EOF'\na\nb\nEOF\nwc -l f", 0, "2 f"),
    ("printf abc", 0, "abc"),
    ("printf abc; exit 5", 5, "abc"),
    ("trap 'echo bye' EXIT; exit 3", 3, "bye"),
    (f"{PROMPT}; sleep 1; echo later; (exit 6)", 6, "later"),
    ("env; set; false", 1, "PS1="),
    ("mkdir 'a\"b\\'; cd 'a\"b\\'; (exit 9)", 9, ""),
    ("pwd", 0, 'WORKSPACE/a"b\\'),
    ("echo '!!'; no-such-command", 127, "!!"),
    ("exit", 127, "a new one has begun"),
]


@pytest.fixture
def openhands(tmp_path_factory):
    load_openhands(tmp_path_factory.mktemp("home"))


@contextlib.contextmanager
def terminal(workspace, program):
    """Yield what runs a command in a new terminal of OpenHands, and returns its exit code and what it said."""
    from openhands.tools.terminal.definition import TerminalAction
    from openhands.tools.terminal.impl import TerminalExecutor

    executor = TerminalExecutor(
        working_dir=str(workspace), terminal_type="subprocess", shell_path=str(program), no_change_timeout_seconds=100
    )

    def run(command):
        done = executor(TerminalAction(command=command))
        return done.exit_code, done.text

    try:
        yield run
    finally:
        executor.close()


@pytest.fixture(params=["bubblewrap", "docker"])
def sandbox(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def shell(sandbox, tmp_path):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with contextlib.closing(sandbox.shell(Command((), workspace), tmp_path / "control")) as shell:
        shell.workspace = workspace
        yield shell


def test_every_command_is_told_with_its_own_exit_code(openhands, shell):
    with terminal(shell.workspace, shell.path) as run:
        for command, code, said in CASES:
            found, text = run(command)
            assert (command, found) == (command, code), text
            assert said.replace("WORKSPACE", str(shell.workspace)) in text, command
            assert "###PS1" not in text, command


def test_no_prompt_of_a_command_is_taken_for_that_of_the_next(openhands, shell):
    """Shells that begin anew, one after the other: a prompt too many would shift all that follows."""
    with terminal(shell.workspace, shell.path) as run:
        for turn in range(5):
            assert [run(f"exit {turn}")[0], run("echo a"), run("set -e; false")[0], run(f"(exit 4{turn})")[0]] == [
                turn, (0, "a"), 1, 40 + turn,
            ]  # fmt: skip


def test_the_second_prompt_of_a_here_document_belongs_to_it_however_late_it_comes(openhands, bubblewrap, tmp_path):
    """OpenHands types a command of its own behind a here-document, and takes what that prints for its end."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    text = "cat <<'EOF'\na\nEOF\n(exit 4)"
    shell = bubblewrap.shell(Command((), workspace), tmp_path / "control")
    with contextlib.closing(shell), terminal(workspace, shell.path) as run:
        assert run('PROMPT_COMMAND="$PROMPT_COMMAND; sleep 1"')[0] == 0
        assert [run(text)[0], run("(exit 5)")[0], run("echo b")] == [4, 5, (0, "b")]
        assert run("exec 2>/dev/null; " + text)[0] == 4, "no prompt comes"


def test_a_shell_that_starts_late_is_waited_for(openhands, bubblewrap, tmp_path):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with contextlib.closing(bubblewrap.shell(Command((), workspace), tmp_path / "control")) as shell:
        late = tmp_path / "late"
        late.write_text(f'#!/bin/sh\nsleep 3\nexec {shell.path} "$@"\n')
        late.chmod(0o700)
        with terminal(workspace, late) as run:
            assert [run("echo a; false"), run("(exit 5)")[0], run("echo b")] == [(1, "a"), 5, (0, "b")]
