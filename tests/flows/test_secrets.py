"""Canaries in every place where a key can be, and a provider that quotes them: nothing that is written has one.

The demo with the same canaries is in `test_end_to_end`.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from canaries import (
    BLOCK,
    ENVIRONMENT,
    FALLBACK,
    KEYS,
    REDIS,
    addresses_with_passwords,
    has_canary,
    leaks,
    models_with_keys,
    written_since,
)
from echoing_server import echoing_server
from fakeredis import TcpFakeServer
from many_machines import running
from package_support import free_port
from patience import patient
from served_support import answers, until

from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]
COMMAND = str(Path(sys.executable).parent / "agenthands")
BLOCKS = """
from prefect.blocks.system import Secret
from agenthands.errors import ModelNotUsable
from agenthands.tasks.dependencies import read_secret_block
Secret(value={!r}).save("canary")
Secret(value="").save("empty")
for name in ("canary", "empty", "absent"):
    try:
        print(name, len(read_secret_block(name)))
    except ModelNotUsable as error:
        print(error.message)
"""


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """A build that fails at its coder: the folder of all it wrote, when it began, the process, what the model
    was sent, and the process that made the Secret blocks.

    Prefect's log is complete, and the locks are in a Redis with a password.
    """
    folder, start = tmp_path_factory.mktemp("secrets"), time.time()
    redis = TcpFakeServer(("127.0.0.1", 0))
    threading.Thread(target=redis.serve_forever, daemon=True).start()
    (folder / "scratch").mkdir()
    port = free_port()
    variables = {
        **os.environ,
        **ENVIRONMENT,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "AGENTHANDS_STORE": str(folder / "store"),
        "AGENTHANDS_LOCKS": f"redis://:{quote(REDIS)}@127.0.0.1:{redis.server_address[1]}/0",
        "TMPDIR": str(folder / "scratch"),
    }

    def run(*command):
        return subprocess.run(command, capture_output=True, text=True, env=variables, timeout=patient(400))

    server = ["-m", "uvicorn", "--factory", "agenthands.flows.server.app:create_app", "--port", port]
    with running(sys.executable, *server, "--log-level", "error", env=variables):
        until(lambda: answers(variables["PREFECT_API_URL"]), 200)
        saved = run(sys.executable, "-c", BLOCKS.format(BLOCK))
        done, sent = _failed(run, variables, tmp_path_factory)
    redis.shutdown()
    assert saved.stdout.splitlines()[0] == f"canary {len(BLOCK)}", saved.stderr
    return folder, start, done, sent, saved


def _failed(run, variables, tmp_path_factory):
    addresses = addresses_with_passwords(tmp_path_factory.mktemp("catalogue"))
    with echoing_server(KEYS) as (port, sent), addresses as more:
        variables.update(more)
        config = tmp_path_factory.mktemp("config") / "models.toml"
        config.write_text(models_with_keys(port))
        return run(COMMAND, "build", "a report", "--config", str(config)), sent


def test_the_key_of_the_block_and_the_password_of_the_url_were_used(failed):
    sent = failed[3]
    assert sent[:2] == [f"Bearer {BLOCK}", f"Bearer {FALLBACK}"]
    assert sent[-1].startswith("Basic ")
    assert has_canary(sent[-1].encode())


def test_a_block_that_is_missing_or_empty_is_named(failed):
    _, empty, absent = failed[4].stdout.splitlines()
    assert empty == "The Prefect Secret block 'empty' holds no text."
    assert absent.startswith("The key cannot be read from the Prefect Secret block 'absent': ")


def test_the_message_says_what_happened_without_the_key(failed):
    done = failed[2]
    assert done.returncode == 2, done.stderr
    assert "refuses the request" in done.stderr
    assert "Incorrect API key provided: ***" in done.stderr
    assert not has_canary((done.stdout + done.stderr).encode())


def test_no_key_is_in_the_store_the_database_or_what_is_left_of_the_build(failed):
    folder, start, *_ = failed
    (record,) = (folder / "store").glob("agents/data-report/*/build.json")
    assert "Incorrect API key provided: ***" in BuildRecord.model_validate_json(record.read_bytes()).reason
    (database,) = folder.glob("prefect/prefect.db")
    assert b"Incorrect API key provided" in b"".join(path.read_bytes() for path in folder.glob("prefect/prefect.db*"))
    assert database.stat().st_size > 0
    left = written_since(start)
    assert any(b"Incorrect API key provided" in path.read_bytes() for path in left), "the conversation is kept"
    assert leaks([*folder.rglob("*"), *left]) == []


@pytest.fixture(scope="module")
def seen(failed):
    """What the coder was shown of its sandbox, bubblewrap's."""
    (trajectory,) = (failed[0] / "store").rglob("trajectories/column_summary.jsonl")
    events = [json.loads(line) for line in trajectory.read_text().splitlines()]
    (seen,) = [event["observation"] for event in events if event["kind"] == "ObservationEvent"]
    return "".join(part["text"] for part in seen["content"])


def test_the_coder_asked_for_the_environment_and_saw_no_key(seen):
    assert "PATH=" in seen
    assert "HOME=" in seen
    assert "***" not in seen, "nothing had to be masked"


def test_the_coder_searched_all_files_and_found_what_it_laid_alone(seen):
    found = seen.partition("\nSEARCHED\n")[2].partition("FOUND")[0]
    assert [Path(line).name for line in found.split()] == ["laid"]


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("AGENTHANDS_STORE", "ftp://user:{}@127.0.0.1:9/store", "ftp://127.0.0.1:9/store"),
        ("PREFECT_API_URL", "http://prefect:{}@127.0.0.1:9/api", "127.0.0.1:9/api does not answer"),
    ],
)
def test_an_address_that_does_not_answer_is_named_without_its_password(tmp_path, name, address, said):
    variables = {
        **os.environ,
        "AGENTHANDS_STORE": str(tmp_path / "store"),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        name: address.format(quote(REDIS)),
    }
    command = [COMMAND, "build", "a report", "--planner", "scripted/data-report"]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=patient(200))
    assert done.returncode in (2, 3), done.stderr
    assert said in done.stderr
    assert not has_canary((done.stdout + done.stderr).encode())
    assert leaks(tmp_path.rglob("*")) == []
