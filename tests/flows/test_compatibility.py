"""A Prefect server of the user's that refuses, or is another version: named, and no bug of ours."""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import pytest
from command_support import agenthands
from many_machines import running
from package_support import free_port
from served_support import answers, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
MAJOR = version("prefect").partition(".")[0]


@contextmanager
def serving(pages, otherwise):
    """Serve these answers, each a status and a text, by path, and for all others one; gives the URL of the API."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            asked.append((self.path, self.headers.get("Authorization")))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, text = pages.get(self.path, otherwise)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PATCH = do_PUT = answer

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/api", asked
    server.shutdown()
    server.server_close()


def build(tmp_path, url, **variables):
    done = agenthands("build", "a report", "--planner", "scripted/data-report", store=tmp_path / "store",
                      PREFECT_API_URL=url, **variables)  # fmt: skip
    assert "Traceback" not in done.stderr
    assert list(tmp_path.rglob("build.json")) == []
    return done


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_refuses_the_key_is_named_and_what_to_set(tmp_path, status):
    with serving({}, (status, '{"exception_message": "Unauthorized"}')) as (url, asked):
        done = build(tmp_path, url, PREFECT_API_AUTH_STRING="admin:wrong-password")
    assert done.returncode == 2
    assert f"The Prefect server at {url.removesuffix('/api')} refuses to work for you: {status}" in done.stderr
    assert "PREFECT_API_AUTH_STRING" in done.stderr
    assert "wrong-password" not in done.stderr
    assert [sent for _, sent in asked] == ["Basic YWRtaW46d3JvbmctcGFzc3dvcmQ="], "it is asked once"


def test_a_server_of_another_major_version_is_named_with_both(tmp_path):
    with serving({"/api/admin/version": (200, '"2.20.4"')}, (404, "{}")) as (url, _):
        done = build(tmp_path, url)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert f"{url} is of version 2.20.4, and Prefect here of version {version('prefect')}" in said


def test_a_server_that_does_not_know_what_is_sent_is_named_with_both_versions(tmp_path):
    older, answer = f"{MAJOR}.0.0", json.dumps({"exception_detail": [{"loc": ["body", "x"], "msg": "extra"}]})
    with serving({"/api/admin/version": (200, json.dumps(older))}, (422, answer)) as (url, _):
        done = build(tmp_path, url)
    assert done.returncode == 3
    said = " ".join(done.stderr.split())
    assert f"of version {older}, does not take a request of Prefect {version('prefect')}, which is here: 422" in said


@pytest.mark.parametrize("page", ["<html>welcome</html>", ""])
def test_what_is_no_prefect_api_is_named(tmp_path, page):
    with serving({}, (200, page)) as (url, _):
        done = build(tmp_path, url)
    assert done.returncode == 3
    assert f"What answers at {url} is no Prefect API." in " ".join(done.stderr.split())


ASK = """
from agenthands.flows.server.compatibility import check_server
check_server()
print("taken")
"""


@pytest.mark.long
def test_a_real_server_with_a_password_takes_those_who_know_it(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    server = [sys.executable, "-m", "uvicorn", "--factory", "agenthands.flows.server.app:create_app"]
    address = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    own = {"PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_SERVER_API_AUTH_STRING": "admin:right"}
    with running(*server, *address, env={**os.environ, **own, "PREFECT_UI_ENABLED": "0"}):
        until(lambda: answers(url), 200)
        knowing = {**os.environ, "PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": "admin:right"}
        done = subprocess.run([sys.executable, "-c", ASK], env=knowing, capture_output=True, text=True, timeout=100)
        assert done.stdout == "taken\n", done.stderr
        refused = build(tmp_path, url)
    assert refused.returncode == 2
    assert "refuses to work for you: 401 Unauthorized" in refused.stderr
