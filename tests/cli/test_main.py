"""What a user's mistakes lead to: a message, a hint, the exit code of the design, and never a traceback."""

import errno
import json
import subprocess
import sys

import httpx
import pytest
from patience import patient
from sample_records import files, whole
from sample_records import record as accepted_record

from agenthands.cli.main import cli, main
from agenthands.store.builds import build_prefix, publish_build
from agenthands.store.fsspec_store import FsspecStore

pytestmark = pytest.mark.usefixtures("ends_without_the_tests")


def test_help_imports_nothing_heavy():
    heavy = ["prefect", "litellm", "openhands", "rich", "pydantic", "jinja2", "fsspec", "yaml"]
    program = f"""
import sys
sys.argv = ["agenthands", "--help"]
from agenthands.cli.main import main
try:
    main()
except SystemExit:
    pass
print([name for name in {heavy} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    for command in ("build", "plan", "revise", "check", "demo", "list", "show", "rm", "fetch", "doctor", "serve"):
        assert command in done.stdout
        assert command in cli.commands
    assert "..." not in done.stdout.split("Make an agent:")[1]


def test_prefect_is_not_imported_before_its_server_and_settings_are_named():
    modules = "agenthands.cli.commands, agenthands.flows.server.embedded, agenthands.tasks.dependencies"
    program = f"import {modules}, sys; print('prefect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", ""], "The request is empty"),
        (["build", "x" * 100_000], "100,000 characters"),
        (["build", "none.yaml"], "cannot be read: No such file"),
        (["build", "x", "--budget", "-1"], "budget"),
        (["build", "x", "--max-attempts", "0"], "max_attempts"),
        (["build", "x", "--config", "none.toml"], "cannot be read"),
        (["build", "x", "--store", "/proc/none"], "/proc/none"),
        (["build", "x", "--sandbox", "vm"], "bubblewrap"),
        (["build", "x", "--agent-model", "a/b", "--agent-model", "c/d"], "more than one model without a role"),
        (["build", "x", "--agent-model", "Writer=a/b"], "Look at --agent-model or"),
        (["build", "x", "--agent-model", "writer="], "it is ROLE=MODEL"),
        (["build", "x", "--sandbox", "none"], "Invalid value"),
        (["build"], "Missing argument"),
        (["frobnicate"], "No such command"),
        (["check", "/no/such/folder"], "is no folder"),
        (["show", "none"], "There is no build 'none'"),
        (["show", "../x"], "no name of a build"),
        (["fetch", "none", "somewhere"], "There is no build 'none'"),
    ],
)
def test_a_mistake_ends_with_a_message_and_exit_code_2(agenthands, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if arguments[0] in ("show", "fetch"):
        arguments = [*arguments, "--store", str(tmp_path / "store")]
    code, out, err = agenthands(*arguments)
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"request: [", "is not YAML"),
        (b"- a\n- b\n", "must be a mapping"),
        (b"request: x\ncolour: blue\n", "colour"),
        (b"options: {}\n", "request"),
        (b"1: 2\n", "request file"),
        (b"\xff\xfe\x00", "is not YAML"),
        (b"a: &a [*a]\n", "request"),
        (b"", "must be a mapping"),
    ],
)
def test_a_bad_request_file_is_named(agenthands, tmp_path, text, message):
    file = tmp_path / "request.yaml"
    file.write_bytes(text)
    code, _, err = agenthands("build", str(file))
    assert code == 2
    assert message in err


def test_without_a_key_nothing_is_done(agenthands, tmp_path):
    code, out, err = agenthands("build", "an agent", "--store", str(tmp_path))
    assert (code, out) == (2, "")
    assert "GEMINI_API_KEY" in err
    for way in ("--planner ollama/", "--api-base", "agenthands demo"):
        assert way in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "message"),
    [("frobnicate", "no model 'frobnicate'"), ("scripted/none", "scripted/financial-research"), ("openai/x", "OPENAI")],
)
def test_an_unusable_model_is_named(agenthands, tmp_path, model, message):
    code, _, err = agenthands("build", "an agent", "--planner", model, "--store", str(tmp_path))
    assert code == 2
    assert message in err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "x"}', "null", '{"name": 1, "examples": "x"}'])
def test_a_workspace_without_a_specification_is_named(agenthands, tmp_path, text):
    (tmp_path / "spec.json").write_text(text)
    code, _, err = agenthands("check", str(tmp_path))
    assert code == 2
    assert "spec.json" in err


def test_builds_are_listed_shown_and_fetched(agenthands, tmp_path):
    from agenthands.packaging.bundle import pack

    store = tmp_path / "store"
    bundle = pack({"README.md": b"# hello\n", "setup_mcp.sh": b"#!/bin/sh\n"}, "agent")
    record = publish_build(accepted_record(), {"bundle.tar.gz": bundle}, FsspecStore(str(store)))
    place = ("--store", str(store))
    assert record.build_id in agenthands("list", *place)[1]
    assert json.loads(agenthands("list", "--json", *place)[1])[0]["build_id"] == record.build_id
    for name in (record.build_id, record.build_id[:12], record.plan.name):
        assert json.loads(agenthands("show", name, "--json", *place)[1])["build_id"] == record.build_id
    assert "ACCEPTED" in agenthands("show", record.build_id, *place)[1]
    folder = tmp_path / "fetched"
    assert agenthands("fetch", record.plan.name, str(folder), *place)[0] == 0
    assert (folder / "README.md").read_text() == "# hello\n"
    assert (folder / "setup_mcp.sh").stat().st_mode & 0o111
    code, _, err = agenthands("fetch", record.plan.name, str(folder), *place)
    assert code == 2
    assert "is not an empty folder" in err


def test_a_build_is_shown_in_full_and_its_report_is_opened(agenthands, tmp_path):
    store, texts = FsspecStore(str(tmp_path / "store")), {name: text.encode() for name, text in files().items()}
    record = publish_build(whole(), texts, store)
    shown = agenthands("show", record.build_id, "--full", "--store", store.url)[1]
    assert "return '<b>'" in shown
    assert "return '<b>'" not in agenthands("show", record.build_id, "--store", store.url)[1]
    browser, said = tmp_path / "browser", tmp_path / "said"
    browser.write_text(f'#!/bin/sh\necho "$1" > {said}.new && mv {said}.new {said}\n')
    browser.chmod(0o755)
    ended = subprocess.run(
        [sys.executable, "-m", "agenthands.cli.main", "show", record.build_id, "--open", "--store", store.url],
        env={"PATH": "/usr/bin:/bin", "BROWSER": f"{browser} %s"},
        capture_output=True,
        text=True,
        timeout=patient(100),
    )
    file = tmp_path / "store" / build_prefix(record) / "report.html"
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", f"Opened {file}\n")
    assert said.read_text() == f"{file.as_uri()}\n"


def test_a_damaged_bundle_is_not_unpacked(agenthands, tmp_path):
    store = FsspecStore(str(tmp_path / "store"))
    record = publish_build(accepted_record(), {"bundle.tar.gz": b"whole"}, store)
    store.put(f"agents/{record.plan.name}/{record.build_id}/bundle.tar.gz", b"torn")
    code, _, err = agenthands("fetch", record.build_id, str(tmp_path / "out"), "--store", store.url)
    assert code == 2
    assert "damaged" in err
    assert not (tmp_path / "out").exists()


def broken(error):
    def use(*_, **__):
        raise error

    return use


def test_a_bug_has_an_exit_code_of_its_own_and_shows_its_traceback_without_keys(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaNobodyMaySee01")
    monkeypatch.setattr("agenthands.api.all_records", broken(KeyError("AIzaNobodyMaySee01")))
    monkeypatch.setattr("sys.argv", ["agenthands", "list", "--store", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (70, "")
    assert err.startswith("Error: This is a bug in AgentHands, not your mistake: KeyError: '***'\nHint: Please ")
    assert "Traceback (most recent call last)" in err
    assert "raise error\nKeyError: '***'" in err
    assert "AIza" not in err


def prefect_says(status):
    """Return the error of Prefect's client where its server answers with `status` for the last time."""
    from prefect.exceptions import PrefectHTTPStatusError

    response = httpx.Response(status, request=httpx.Request("POST", "http://127.0.0.1:4200/api/task_runs/"))
    with pytest.raises(httpx.HTTPStatusError) as raised:
        response.raise_for_status()
    return PrefectHTTPStatusError.from_httpx_error(raised.value)


def _from(cause, error):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/store/x"), "The disk is full: [Errno 28] No space left"),
        (httpx.ConnectError("refused"), "does not answer: refused"),
        (
            _from(httpx.ConnectError("refused"), RuntimeError("Failed to reach API at http://x")),
            "not answer: Failed to",
        ),
        (prefect_says(503), "however often it was asked: Server error '503 Service Unavailable'"),
        (prefect_says(422), "refuses a request: Client error '422 Unprocessable"),
    ],
)
def test_a_full_disk_and_a_server_that_is_away_are_no_bugs(agenthands, monkeypatch, tmp_path, error, message):
    monkeypatch.setattr("agenthands.api.all_records", broken(error))
    code, _, err = agenthands("list", "--store", str(tmp_path))
    assert code == 3
    assert message in err


def test_messages_are_broken_between_words(agenthands, monkeypatch, tmp_path):
    _, _, whole = agenthands("build", "an agent", "--store", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "60")
    _, _, err = agenthands("build", "an agent", "--store", str(tmp_path))
    assert max(len(line) for line in whole.splitlines()) > 80 > 60 >= max(len(line) for line in err.splitlines())
    assert whole.split() == err.split()


@pytest.mark.parametrize("config", ["", "[llm]\nmodel = 'scripted/financial-research'\n"])
def test_a_scripted_model_is_named_however_it_was_chosen(agenthands, monkeypatch, tmp_path, config):
    (tmp_path / "models.toml").write_text(config)
    monkeypatch.setenv(*("AGENTHANDS_CONFIG", str(tmp_path / "models.toml")) if config
                       else ("AGENTHANDS_PLANNER", "scripted/data-report"))  # fmt: skip
    _, _, err = agenthands("build", "x", "--store", "/proc/none")
    _, second, *_ = err.splitlines()
    assert second.startswith(f"The model is scripted (scripted/{'financial-research' if config else 'data-report'})")
