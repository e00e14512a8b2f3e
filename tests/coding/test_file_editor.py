"""The file editor of a coding agent, on a workspace in which code of a model changes what it wants meanwhile."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from patience import patient

from agenthands.coding.openhands.agent import load_openhands
from agenthands.coding.openhands.line_ends import with_ends, without_ends

pytestmark = pytest.mark.timeout(120)
SWAPS = 80
# renames a folder away, puts a link to OUTSIDE in its place, and takes it back, as fast as it can; what the editor has
# made in its place meanwhile goes elsewhere
SWAPPING = """
import contextlib, itertools, os, sys
a, outside = sys.argv[1:]
print("ready", flush=True)
for turn in itertools.count():
    with contextlib.suppress(OSError):
        os.rename(a, a + ".away")
    with contextlib.suppress(OSError):
        os.symlink(outside, a)
    with contextlib.suppress(OSError):
        os.unlink(a)
    try:
        os.rename(a + ".away", a)
    except OSError:
        os.rename(a, f"{a}.made{turn}")
"""


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def edit(tmp_path, workspace, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # what others make in /tmp is none of ours
    load_openhands(tmp_path / "home")
    from openhands.tools.file_editor.definition import FileEditorAction
    from openhands.tools.file_editor.impl import FileEditorExecutor

    from agenthands.coding.openhands.file_editor import ConfinedExecutor

    editor = ConfinedExecutor(FileEditorExecutor(workspace_root=str(workspace)), str(workspace))

    def edit(command, path, **arguments):
        return editor(FileEditorAction(command=command, path=str(workspace / path), **arguments))

    edit.editor = editor
    yield edit
    editor.close()
    assert not editor._copy.exists()


COMMANDS = [
    ("view", {}),
    ("create", {"file_text": "x"}),
    ("str_replace", {"old_str": "secret", "new_str": "b"}),
    ("insert", {"insert_line": 0, "new_str": "b"}),
    ("undo_edit", {}),
]


@pytest.mark.parametrize(("command", "arguments"), COMMANDS)
def test_a_pipe_is_refused_at_once(edit, workspace, command, arguments):
    os.mkfifo(workspace / "pipe.py")
    done = []
    thread = threading.Thread(target=lambda: done.append(edit(command, "pipe.py", **arguments)), daemon=True)
    thread.start()
    thread.join(patient(20))
    assert done
    assert done[0].is_error
    assert "no regular file" in done[0].text


@pytest.mark.parametrize(("command", "arguments"), COMMANDS)
@pytest.mark.parametrize("link", ["inside/secret.txt", "secret.txt"])
def test_links_are_refused_wherever_they_lead(edit, workspace, tmp_path, command, arguments, link):
    for place in (tmp_path / "outside", workspace / "real"):
        place.mkdir()
        (place / "secret.txt").write_text("secret")
        (workspace / "inside").unlink(missing_ok=True)
        (workspace / "secret.txt").unlink(missing_ok=True)
        (workspace / "inside").symlink_to(place)
        (workspace / "secret.txt").symlink_to(place / "secret.txt")
        done = edit(command, link, **arguments)
        assert done.is_error
        assert "link" in done.text
        assert (place / "secret.txt").read_text() == "secret"
        assert [each.name for each in place.iterdir()] == ["secret.txt"]


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/hostname", "a/../../outside.txt"])
def test_paths_that_lead_out_are_refused(edit, workspace, path):
    for command, arguments in COMMANDS:
        done = edit(command, path, **arguments)
        assert done.is_error
        assert "outside the workspace" in done.text


def test_a_folder_that_is_swapped_for_a_link_leads_nowhere(edit, workspace, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("HOST SECRET")
    (workspace / "a").mkdir()
    (workspace / "a" / "secret.txt").write_text("inside")
    argv = [sys.executable, "-I", "-S", "-c", SWAPPING, str(workspace / "a"), str(outside)]
    seen = set()
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as swapping:
        try:
            assert swapping.stdout.readline() == b"ready\n"
            for number in range(SWAPS):
                seen.add("HOST" in edit("view", "a/secret.txt").text)
                edit("create", f"a/new{number}.txt", file_text="from the sandbox")
                edit("str_replace", "a/secret.txt", old_str="inside", new_str="inside")
                assert swapping.poll() is None
        finally:
            swapping.kill()
    assert seen == {False}
    assert [each.name for each in outside.iterdir()] == ["secret.txt"]
    assert (outside / "secret.txt").read_text() == "HOST SECRET"
    written = [*workspace.glob("a*/new*")]
    assert written, "no attempt hit the folder itself: the test shows nothing"


@pytest.mark.parametrize(
    ("before", "command", "arguments", "after"),
    [
        (b"a = 1\r\nb = 2\r\nc = 3\r\n", "str_replace", {"old_str": "a = 1\nb = 2", "new_str": "a = 9\nb = 8"},
         b"a = 9\r\nb = 8\r\nc = 3\r\n"),
        (b"a = 1\r\nb = 2\r\n", "str_replace", {"old_str": "a = 1\r\nb = 2", "new_str": "b"}, b"b\r\n"),
        (b"a = 1\r\nb = 2\r\n", "insert", {"insert_line": 1, "new_str": "z = 0\ny = 0"},
         b"a = 1\r\nz = 0\r\ny = 0\r\nb = 2\r\n"),
        (b"a = 1\nb = 2\r\nc = 3\n", "str_replace", {"old_str": "a = 1", "new_str": "a = 7"},
         b"a = 7\nb = 2\r\nc = 3\n"),
        (b"a = 1\nb = 2\r\nc = 3\n", "str_replace", {"old_str": "b = 2", "new_str": "b = 7\nd = 8"},
         b"a = 1\nb = 7\r\nd = 8\r\nc = 3\n"),
        (b"one\rtwo\rdone\nend\n", "str_replace", {"old_str": "end", "new_str": "END"}, b"one\rtwo\rdone\nEND\n"),
        (b"\xef\xbb\xbfa = 1\r\nb = 2\r\n", "str_replace", {"old_str": "b = 2", "new_str": "b = 3"},
         b"\xef\xbb\xbfa = 1\r\nb = 3\r\n"),
        ("Größe = 1\r\nEnde\r\n".encode("latin-1"), "str_replace", {"old_str": "Ende", "new_str": "Schluß"},
         "Größe = 1\r\nSchluß\r\n".encode("latin-1")),
        ("Größe = 1\nEnde\n".encode("latin-1"), "str_replace", {"old_str": "Ende", "new_str": "Schluß"},
         "Größe = 1\nSchluß\n".encode("latin-1")),
        ("Größe = 1\r\nEnde\r\n".encode("latin-1"), "str_replace", {"old_str": "Ende", "new_str": "数"},
         "Größe = 1\r\n数\r\n".encode()),
        (b"a\r\nb", "str_replace", {"old_str": "b", "new_str": "c"}, b"a\r\nc"),
        (b"a\nb\n", "str_replace", {"old_str": "b", "new_str": "c\r\nd"}, b"a\nc\r\nd\n"),
    ],
)  # fmt: skip
def test_line_ends_and_encodings_stay_and_an_undone_edit_leaves_every_byte(
    edit, workspace, before, command, arguments, after
):
    file = workspace / "file.txt"
    file.write_bytes(before)
    file.chmod(0o755)
    done = edit(command, "file.txt", **arguments)
    assert not done.is_error, done.text
    assert file.read_bytes() == after
    assert file.stat().st_mode & 0o777 == 0o755
    assert not edit("undo_edit", "file.txt").is_error
    if b"\r" in before:  # OpenHands undoes an edit of a file with line feeds by itself
        assert file.read_bytes() == before


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_of_lines_that_did_not_change_are_kept_whatever_was_done(end):
    before = "".join(f"line {n}{end if n % 3 else chr(10)}" for n in range(40))
    assert with_ends(without_ends(before), before) == before
    shorter = without_ends(before).replace("line 7\nline 8\n", "")
    kept = before.replace(f"line 7{end}line 8{end}", "")
    assert with_ends(shorter, before) == kept
    assert with_ends("", before) == ""
    assert with_ends("new\n", "") == "new\n"


def test_a_file_is_made_with_its_folders_and_never_over_another(edit, workspace):
    assert not edit("create", "新しい/名前.py", file_text="s = '👩‍👩‍👧 ü'\r\nt\n").is_error
    assert (workspace / "新しい" / "名前.py").read_bytes().decode() == "s = '👩‍👩‍👧 ü'\r\nt\n"
    again = edit("create", "新しい/名前.py", file_text="other")
    assert again.is_error
    assert str(workspace) in again.text
    assert "already exists" in again.text
    assert [each.name for each in (workspace / "新しい").iterdir()] == ["名前.py"]


def test_folders_are_shown_with_two_levels(edit, workspace):
    (workspace / "a" / "b" / "c").mkdir(parents=True)
    (workspace / "a" / "file.py").touch()
    (workspace / ".hidden").touch()
    (workspace / "link").symlink_to("/etc")
    os.mkfifo(workspace / "pipe")
    shown = edit("view", ".").text
    expected = ["", "/a/", "/a/b/", "/a/file.py", "/link", "/pipe"]
    assert shown.splitlines()[1:7] == [f"{workspace}{each}" if each else f"{workspace}/" for each in expected]
    assert "1 hidden" in shown
    assert "c/" not in shown


def test_what_the_editor_says_is_about_the_workspace(edit, workspace):
    (workspace / "a.py").write_text("a = 1\nb = 2\n")
    for done in (
        edit("view", "a.py"),
        edit("view", "missing.py"),
        edit("str_replace", "a.py", old_str="a = 1", new_str="a = 2"),
        edit("str_replace", "a.py", old_str="nothing", new_str="x"),
        edit("view", "."),
    ):
        assert str(workspace) in done.text
        assert str(edit.editor._copy) not in done.model_dump_json()


def test_too_large_a_file_is_refused(edit, workspace):
    with (workspace / "large.txt").open("wb") as file:
        file.truncate(2**40)
    done = edit("view", "large.txt")
    assert done.is_error
    assert "too large" in done.text


def test_it_leaves_no_file_behind(edit, workspace):
    before = {each.name for each in Path(edit.editor._copy).parent.glob("agenthands-editor-*")}
    (workspace / "a.py").write_text("a = 1\n")
    edit("view", "a.py")
    edit("str_replace", "a.py", old_str="1", new_str="2")
    assert list(edit.editor._copy.iterdir()) == []
    assert {each.name for each in Path(edit.editor._copy).parent.glob("agenthands-editor-*")} == before
    assert [each.name for each in workspace.iterdir()] == ["a.py"]
