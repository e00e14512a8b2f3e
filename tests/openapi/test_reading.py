"""Descriptions that cannot be read are refused with a sentence that says why, in bounded time and memory."""

import contextlib
import http.server
import json
import threading

import pytest

from agenthands.errors import RequestInvalid
from agenthands.openapi import reading
from agenthands.openapi.catalogue import ApiCatalogue
from agenthands.openapi.reading import Source, parse_source, read_source

SMALL = {"openapi": "3.0.0", "info": {"title": "Pets"}, "servers": [{"url": "https://api.example.org"}],
         "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {"200": {}}}}}}  # fmt: skip
BOMB = "openapi: 3.0.0\npaths: {}\na: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{this}: &{this} [{', '.join([f'*{last}'] * 10)}]\n" for last, this in zip("abcdefgh", "bcdefghi", strict=True)
)


def refusal(text):
    with pytest.raises(RequestInvalid) as raised:
        parse_source(Source("api.yaml", text))
    assert raised.value.hint
    return raised.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!DOCTYPE html><html>Sign in</html>", "is a page or XML"),
        ("openapi: 3.0.0\npaths: [\n", "is neither JSON nor YAML"),
        ('{"openapi": "3.0.0", "paths": {', "is not JSON: Expecting property name"),
        ("[" * 100_000, "cannot be read"),
        ('{"openapi":' + "[" * 100_000, "is nested too deeply"),
        (BOMB, "holds more than 3,000,000 values when its aliases are written out"),
        ("openapi: 3.0.0\npaths: &p {a: *p}\n", "holds an anchor that contains itself"),
        ("- just\n- a list\n", "it is no mapping"),
        ("title: notes\n", "says neither `openapi: 3...` nor `swagger: '2.0'`"),
        ('{"openapi": "4.0.0", "paths": {"/": {}}}', "but '4.0.0'"),
        ("openapi: 3.1.0\npaths: {}\n", "there are no `paths`"),
        ("a: !!python/object/apply:os.system [true]\n", "is neither JSON nor YAML"),
    ],
)
def test_what_is_no_description_is_named(text, said):
    assert said in refusal(text)


def test_yaml_means_what_openapi_means():
    text = "openapi: 3.0.0\npaths: {/x: {get: {responses: {200: {description: on}}}}}\nx-day: 2027-03-01\nx-yes: true\n"
    document = parse_source(Source("api.yaml", text))
    assert document["paths"]["/x"]["get"]["responses"] == {"200": {"description": "on"}}
    assert (document["x-day"], document["x-yes"]) == ("2027-03-01", True)


def test_files_and_their_server(tmp_path):
    file = tmp_path / "api.json"
    file.write_text(json.dumps(SMALL))
    assert read_source(f"{file}#https://other.example.org/v2").server == "https://other.example.org/v2"
    with pytest.raises(RequestInvalid, match=r"There is no file .*none\.yaml"):
        read_source(str(tmp_path / "none.yaml"))
    file.write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(RequestInvalid, match="not text in UTF-8"):
        read_source(str(file))
    with pytest.raises(RequestInvalid, match="carries a password"):
        read_source("https://me:secret@example.org/api.yaml")


@pytest.fixture
def served():
    with contextlib.ExitStack() as ends:

        def serve(status, parts):
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(status)
                    self.end_headers()
                    with contextlib.suppress(OSError):
                        for part in parts:
                            self.wfile.write(part)

                def log_message(self, *arguments):
                    pass

            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            ends.callback(server.server_close)
            ends.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}/openapi.json"

        yield serve


def test_urls(served, monkeypatch):
    url = served(200, [json.dumps({**SMALL, "servers": [{"url": "/v3"}]}).encode()])
    with pytest.raises(RequestInvalid, match="a tool asks a named host at its usual port"):
        ApiCatalogue([read_source(url)]).require_usable()  # it is relative to the loopback
    ApiCatalogue([read_source(f"{url}#https://api.example.org")]).require_usable()
    with pytest.raises(RequestInvalid, match="answers with status 404"):
        read_source(served(404, [b"nothing"]))
    with pytest.raises(RequestInvalid, match="is a page or XML"):
        parse_source(read_source(served(200, [b"<html>Sign in</html>"])))
    with pytest.raises(RequestInvalid, match="sends more than"):
        read_source(served(200, iter(lambda: b"x" * 2**20, None)))
    monkeypatch.setattr(reading, "SECONDS", 0.0)
    with pytest.raises(RequestInvalid, match="did not end within"):
        read_source(served(200, iter(lambda: b"x", None)))


@pytest.mark.parametrize(
    ("servers", "said"),
    [
        ([], "names no server that can be asked"),
        ([{"url": "/api/v1"}], "names no server that can be asked"),
        ([{"url": "http://localhost:8080"}], "a tool asks a named host at its usual port"),
        ([{"url": "https://{tenant}.example.org"}], "is no plain URL of a server"),
    ],
)
def test_servers_that_no_tool_can_ask(servers, said):
    with pytest.raises(RequestInvalid) as raised:
        ApiCatalogue([Source("api.json", json.dumps({**SMALL, "servers": servers}))]).require_usable()
    assert said in raised.value.message
    assert '--openapi "api.json#https://HOST/PATH"' in raised.value.message


def test_two_thousand_operations_and_circles_are_read_quickly():
    node = {
        "type": "object",
        "properties": {
            "next": {"$ref": "#/components/schemas/Node"},
            "all": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
            "name": {"type": "string"},
        },
    }
    answer = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}
    paths = {f"/things{n}/{{id}}": {"post": {"requestBody": body, "responses": answer}} for n in range(2000)}
    schemas = {"Node": node, "Self": {"$ref": "#/components/schemas/Self"}}
    whole = {**SMALL, "paths": paths, "components": {"schemas": schemas}}
    apis = ApiCatalogue([Source("large.json", json.dumps(whole))])
    assert len(apis.operations) == len(set(apis.operations)) == 2000
    compiled = apis.compiled("post_things7_by_id")
    assert "circular reference cut" in compiled.notes
    assert compiled.parameters["properties"]["next"] == {"type": "object"}
