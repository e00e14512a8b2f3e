"""A user's catalogue at a URL, served on this machine."""

import contextlib
import http.server
import json
import os
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from mcp_servers import clock_entry

from agenthands.errors import RegistryUnavailable, SettingsInvalid
from agenthands.mcp import remote_catalogue as catalogue_url
from agenthands.mcp.remote_catalogue import FRESH_SECONDS, read_catalogue_url
from agenthands.schemas import BuildOptions
from agenthands.tasks.dependencies import catalogue_for, settings_for


@pytest.fixture
def served():
    """Serve answers: a function from the query to (status, body or JSON, headers)."""
    with contextlib.ExitStack() as stack:

        def served(answer):
            asked = []

            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    query = parse_qs(urlsplit(self.path).query)
                    asked.append(query)
                    status, body, headers = answer(query)
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    with contextlib.suppress(OSError):
                        self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

                def log_message(self, *arguments):
                    pass

            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}/servers?limit=2", asked

        yield served


def always(body, status=200, **headers):
    return lambda _: (status, body, headers)


def aged(home):
    """Make what is kept old."""
    (kept,) = (home / "catalogues").glob("*.json")
    old = time.time() - FRESH_SECONDS - 60
    os.utime(kept, (old, old))


def test_a_list_of_entries_is_read(served, tmp_path):
    url, _ = served(always([clock_entry(), clock_entry(id="wall-clock")]))
    assert read_catalogue_url(url, tmp_path).keys() == {"clock", "wall-clock"}


def test_all_pages_of_a_registry_are_read_and_what_has_no_tools_is_passed_over(served, tmp_path):
    unknown = {**clock_entry(), "name": "com.example/unknown", "_meta": {}}

    def answer(query):
        if "cursor" not in query:
            return 200, {"servers": [{"server": unknown, "_meta": {}}], "metadata": {"nextCursor": "two&more"}}, {}
        return 200, {"servers": [{"server": clock_entry()}], "metadata": {}}, {}

    url, asked = served(answer)
    assert read_catalogue_url(url, tmp_path) == {"clock": clock_entry()}
    assert asked == [{"limit": ["2"]}, {"limit": ["2"], "cursor": ["two&more"]}]


def test_the_setting_takes_the_url(served, tmp_path, monkeypatch):
    url, _ = served(always([clock_entry()]))
    monkeypatch.setenv("AGENTHANDS_CATALOGUE", url)
    monkeypatch.setenv("AGENTHANDS_HOME", str(tmp_path))
    catalogue = catalogue_for(settings_for(BuildOptions()))
    assert catalogue["clock"].package == "clock"
    assert (catalogue["clock"].shipped, catalogue["time"].shipped) == (False, True)


def test_an_entry_that_does_not_fit_is_named(served, tmp_path, monkeypatch):
    url, _ = served(always([clock_entry(network="lan")]))
    monkeypatch.setenv("AGENTHANDS_CATALOGUE", url)
    monkeypatch.setenv("AGENTHANDS_HOME", str(tmp_path))
    with pytest.raises(SettingsInvalid, match="clock: no usable MCP server entry: network"):
        catalogue_for(settings_for(BuildOptions()))


def test_what_was_read_serves_for_a_while_and_then_is_read_again(served, tmp_path):
    url, asked = served(always([clock_entry()]))
    for _ in range(2):
        read_catalogue_url(url, tmp_path)
    assert len(asked) == 1
    aged(tmp_path)
    read_catalogue_url(url, tmp_path)
    assert len(asked) == 2


@pytest.mark.parametrize("broken", [always(b"", status=503), None])
def test_what_was_read_serves_where_the_url_does_not_answer(served, tmp_path, broken):
    answers = [always([clock_entry()])]
    url, _ = served(lambda query: answers[-1](query))
    read_catalogue_url(url, tmp_path)
    aged(tmp_path)
    answers.append(broken or (lambda _: 1 / 0))
    assert read_catalogue_url(url, tmp_path).keys() == {"clock"}


@pytest.mark.parametrize("status", [500, 429])
def test_an_outage_is_no_fault_of_the_user(served, tmp_path, status):
    url, _ = served(always(b"", status=status))
    with pytest.raises(RegistryUnavailable, match=str(status)) as caught:
        read_catalogue_url(url, tmp_path)
    assert caught.value.retryable


def test_nobody_there(tmp_path):
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        read_catalogue_url("http://127.0.0.1:9/", tmp_path)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (always(b"<html>"), "not JSON"),
        (always(b"[" * 100_000), "not JSON"),
        (always({"error": "?"}), "no list of servers"),
        (always("text"), "no list of servers"),
        (always([]), "no entry says"),
        (always([1, None, {"_meta": None}]), "no entry says"),
        (always([{**clock_entry(id="../../x")}]), "no usable id"),
        (always(b"", status=404), "status 404"),
        (always(b"", status=302, Location="http://192.0.2.1/"), "over https only"),
        (always(b"", status=302, Location="/servers"), "too many redirections"),
        (always(b"x" * (catalogue_url.MAX_BYTES + 1)), "more than 8,388,608 bytes"),
        (always({"servers": [], "metadata": {"nextCursor": "again"}}), "more than 50 pages"),
    ],
)
def test_what_is_no_catalogue_is_the_users_to_fix(served, tmp_path, answer, reason):
    url, _ = served(answer)
    with pytest.raises(SettingsInvalid, match=reason) as caught:
        read_catalogue_url(url, tmp_path)
    assert "AGENTHANDS_CATALOGUE" in caught.value.hint
    assert not (tmp_path / "catalogues").exists()


def test_plain_http_is_for_this_machine_alone(tmp_path):
    with pytest.raises(SettingsInvalid, match="over https only"):
        read_catalogue_url("http://192.0.2.1/servers", tmp_path)


def test_a_drip_is_not_waited_for(served, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue_url, "SECONDS", 0.0)
    url, _ = served(always([clock_entry()]))
    with pytest.raises(RegistryUnavailable, match="did not finish within"):
        read_catalogue_url(url, tmp_path)
