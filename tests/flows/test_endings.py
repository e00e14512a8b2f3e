"""How the process of a command ends."""

import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
from command_support import COMMAND, agenthands
from patience import patient
from sample_records import record as accepted_record
from scripted_server import serve_model

from agenthands.schemas import BuildRecord
from agenthands.store.builds import publish_build
from agenthands.store.fsspec_store import FsspecStore
from agenthands.store.recovery import REASON


def whole_build(test):
    return pytest.mark.slow(pytest.mark.timeout(900)(test))


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        ("errors.ModelNotUsable('No key.')", 2, "Error: No key.\n"),
        ("errors.ModelUnavailable('It is away.')", 3, "Error: It is away.\n"),
        ("KeyError('x')", 70, "Error: This is a bug in AgentHands, not your mistake: KeyError: 'x'\n"),
        ("KeyboardInterrupt()", 130, ""),
    ],
)
def test_a_build_that_fails_waits_for_no_thread_and_says_all_it_had_to_say(error, code, message):
    program = f"""
import sys, threading
from agenthands import errors
from agenthands.cli import main as command_line
from agenthands.cli import commands as running

def fail(*_):
    threading.Thread(target=threading.Event().wait).start()
    print("said before", end="")
    raise {error}

running.run_build = fail
sys.argv = ["agenthands", "build", "an agent"]
command_line.main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=patient(100))
    assert (done.returncode, done.stdout) == (code, "said before")
    assert done.stderr.startswith(f"AgentHands is getting ready.\n{message}")
    assert ("Traceback" in done.stderr) is (code == 70)


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["show", "{}", "--full"], ["--help"]])
def test_a_command_whose_reader_has_ended_ends_quietly(tmp_path, command):
    record = publish_build(accepted_record(), {}, FsspecStore(str(tmp_path)))
    command = [part.format(record.build_id) for part in command]
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [sys.executable, "-m", "agenthands.cli.main", *command],
        env={**os.environ, "AGENTHANDS_STORE": str(tmp_path)},
        stdout=writes,
        stderr=subprocess.PIPE,
        timeout=patient(100),
    )
    os.close(writes)
    assert (done.returncode, done.stderr) == (141, b"")


def later(moment):
    return pytest.param(moment, marks=pytest.mark.long)


@whole_build
@pytest.mark.parametrize(
    "moment", ["scripted", later("plan: done"), later("coding"), "checking", later("accept: started")]
)
def test_an_interrupted_build_leaves_nothing_and_exits_130(tmp_path, prefect_api, moment):
    """At the first moment and the last one with the server that it has started for itself."""
    api = prefect_api if moment in ("plan: done", "coding", "checking") else {}
    process = subprocess.Popen(
        [COMMAND, "build", "a report", "--planner", "scripted/data-report"],
        env={**os.environ, **api, "AGENTHANDS_STORE": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + patient(200)
    build_id = ""
    for line in process.stderr:
        assert time.monotonic() < deadline
        if started := re.search(r"build (\S+) started", line):
            build_id = started.group(1)
        if moment in line:
            break
    time.sleep(0.7)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(patient(30)) == 130
    assert "Interrupted" in rest
    assert "Traceback" not in rest
    _, alive = psutil.wait_procs(children, timeout=patient(5))
    assert alive == []
    if build_id:
        commands = [" ".join(other.info["cmdline"] or []) for other in psutil.process_iter(["cmdline"])]
        assert [command for command in commands if build_id in command] == []
    records = [each.read_text() for each in tmp_path.rglob("build.json")]
    assert [each for each in records if REASON not in each] == [], "but a build of another test may tell what it spent"


@whole_build
def test_a_planner_that_answers_nonsense_ends_with_3_and_the_answer_is_kept(tmp_path, warm):
    poem = {"content": "I would rather write a poem.", "tool_calls": []}
    with serve_model(lambda call: poem) as poet:
        named = ["--planner", "openai/poet", "--api-base", poet.url]
        done = warm.run("build", "a report", *named, AGENTHANDS_STORE=tmp_path, OPENAI_API_KEY="x")
    assert done.returncode == 3
    assert "gave no plan that can be built in 3 answers" in done.stderr
    assert "Traceback" not in done.stderr
    (kept,) = tmp_path.glob("agents/unplanned/*/last-answer.txt")
    assert kept.read_text() == "I would rather write a poem."
    record = BuildRecord.model_validate_json((kept.parent / "build.json").read_bytes())
    assert record.status == "failed"
    assert record.plan is None


@whole_build
def test_a_configured_prefect_server_that_does_not_answer_is_named(tmp_path):
    url = "http://127.0.0.1:9/api"
    done = agenthands("build", "x", "--planner", "scripted/data-report", store=tmp_path, PREFECT_API_URL=url)
    assert done.returncode == 3
    assert url in done.stderr
    assert "Traceback" not in done.stderr
