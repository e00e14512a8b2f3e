"""What generated code in a sandbox can find of its worker's keys: nothing, wherever they lie."""

import json
import os
import re
import subprocess
from dataclasses import replace
from itertools import takewhile

import pytest
from canaries import BASE, BLOCK, ENVIRONMENT, FALLBACK, FORMS, INDEX, LITERAL, MIRROR, REDIS, has_canary
from patience import patient

from agenthands.sandbox.base import Command, Limits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
SHOW = (
    "env; id; cat /proc/*/environ /proc/*/cmdline /proc/mounts 2>/dev/null | tr '\\0' '\\n'; "
    "ls -laR /home /root /run /var /tmp /mnt /opt /srv 2>/dev/null; "
)
SEARCH = "echo SEARCHED; grep -rlaF -f - -D skip --exclude-dir=proc --exclude-dir=sys {} / 2>/dev/null"


@pytest.fixture
def worker(sandbox, tmp_path, monkeypatch):
    """A sandbox of a worker whose variables and files are full of keys, and the workspace of one of its tools."""
    home, user, work = tmp_path / "home", tmp_path / "user", tmp_path / "home" / "work" / "tools" / "abc"
    workspace = work / "workspace"
    workspace.mkdir(parents=True)
    settings = {"AGENTHANDS_API_BASE": f"http://user:{BASE}@127.0.0.1/v1", "AGENTHANDS_HOME": str(home),
                "AGENTHANDS_LOCKS": f"redis://:{REDIS}@127.0.0.1/0", "HOME": str(user)}  # fmt: skip
    for name, value in {**ENVIRONMENT, **settings}.items():
        monkeypatch.setenv(name, value)
    proxies = {"default": {"httpProxy": f"http://user:{BLOCK}@192.0.2.1:1", "httpsProxy": LITERAL}}
    files = {
        user / ".docker" / "config.json": json.dumps({"proxies": proxies}),
        user / ".aws" / "credentials": ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
        user / ".netrc": f"machine index login user password {INDEX}",
        user / ".config" / "pip" / "pip.conf": f"[global]\nindex-url = https://user:{MIRROR}@pip.example/simple\n",
        home / "models.toml": f'[llm]\napi_key = "{LITERAL}"\n[llm.fallback]\napi_key = "{FALLBACK}"\n',
        home / "prefect.db": BLOCK,
        work / "conversation" / "event-0.json": json.dumps(ENVIRONMENT),
        work / "shell" / "log": BASE,
    }
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o644)
    for folder in (tmp_path, home, user, work.parent.parent, work.parent, work):
        folder.chmod(0o755)
    return sandbox, workspace


def test_a_command_finds_no_key_in_variables_files_or_processes_but_those_laid_out_for_it(worker):
    sandbox, workspace = worker
    (workspace / "laid").write_text(f"so that a key would be found: {LITERAL}")
    known = b"\n".join(sorted(FORMS)) + b"\n"
    host = "" if sandbox.name == "docker" else "--exclude-dir=usr"  # the machine's own system, and as it stands there
    command = Command(
        ["/bin/bash", "-c", SHOW + SEARCH.format(host)], workspace, stdin=known, limits=Limits(seconds=patient(120))
    )
    done = sandbox.run(replace(command, variables={"LAID": BLOCK}))
    shown, _, found = done.stdout.partition(b"SEARCHED\n")
    assert found.decode().splitlines() == [f"{workspace}/laid"], done.stderr
    assert f"LAID={BLOCK}\n".encode() in shown
    assert not has_canary(re.sub(rf"LAID[=\n]{BLOCK}\n".encode(), b"", shown)), "bubblewrap's own command names it too"
    assert b"\n/tmp:\n" in shown


def test_a_shell_finds_none_either(worker, tmp_path):
    sandbox, workspace = worker
    shell = sandbox.shell(Command((), workspace), tmp_path / "control")
    process = subprocess.Popen([shell.path], env=dict(os.environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
    try:
        process.stdin.write(f"{SHOW} echo SEARCHED\n".encode())
        process.stdin.flush()
        shown = b"".join(takewhile(lambda line: line != b"SEARCHED\n", process.stdout))
    finally:
        shell.close()
        process.wait(patient(10))
    assert b"PATH=" in shown
    assert b"\n/tmp:\n" in shown
    assert not has_canary(shown)
