"""One suite for every sandbox: real hosts are reached through a gateway outside, which alone has the keys."""

import json
import os
import shutil

import pytest
from gateway_support import short_folder
from patience import patient
from real_host import KEY, real_host

from agenthands.outside.keys import Key
from agenthands.outside.network import network
from agenthands.outside.rights import HostRight
from agenthands.sandbox.base import Command, Limits

pytestmark = pytest.mark.slow
HOST = "api.weather.example"

CLIENTS = """
import asyncio, base64, json, os, sys, urllib.error, urllib.request
import aiohttp, httpx, requests
url, key = "https://api.weather.example/v1/now", os.environ["WEATHER_API_KEY"]
headers = {"X-Api-Key": key}
async def asked_by_aiohttp():
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return await answer.json()
def asked_by_urllib():
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return json.load(answer)
answers = {
    "httpx": httpx.get(url, headers=headers).json(),
    "requests": requests.get(url, headers=headers).json(),
    "urllib": asked_by_urllib(),
    "aiohttp": asyncio.run(asked_by_aiohttp()),
    "basic": httpx.get(url, auth=("user", key)).json(),
    "proxied": httpx.Client(proxy="http://127.0.0.1:8766", trust_env=True).get(url, headers=headers).json(),
}
def told(answer):
    return [answer.status_code, answer.json()["error"]]
found = {
    "posted": told(httpx.post(url, headers=headers)),
    "in url": told(httpx.get(url, params={"key": key})),
    "in body": told(httpx.request("GET", url, content=key)),
    "over http": told(httpx.get(url.replace("https", "http"), headers=headers)),
    "seen": requests.get(url, headers=headers).headers["X-Seen"] == key,
}
try:
    httpx.get("https://other.example/", trust_env=False)
except httpx.ConnectError:
    found["elsewhere"] = "refused"
memory = open("/proc/self/environ").read()
print(json.dumps({**found, "answers": answers, "key": key, "environ": memory}))
"""
MEMORY = """
import os, sys
import requests
requests.get("https://api.weather.example/v1/now", headers={"X-Api-Key": os.environ["WEATHER_API_KEY"]})
backwards = bytes.fromhex(sys.argv[1])  # else what is looked for would be here
found = 0
with open("/proc/self/mem", "rb", 0) as memory:
    for line in open("/proc/self/maps"):
        area, rights = line.split()[:2]
        start, end = (int(each, 16) for each in area.split("-"))
        if rights.startswith("rw") and "[v" not in line:
            try:
                memory.seek(start)
                found += backwards in memory.read(end - start)[::-1]
            except (OSError, ValueError):
                pass
print(found)
"""
NODE = f"""
fetch("https://{HOST}/v1/now", {{headers: {{"X-Api-Key": process.env.WEATHER_API_KEY}}}})
  .then(answer => answer.json()).then(found => console.log(JSON.stringify(found)))
"""


@pytest.fixture
def inside(sandbox, tmp_path, nat_environment, monkeypatch):
    """Run with a real host that may be asked with GET, and its key."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with short_folder() as short, real_host(tmp_path, HOST) as (server, store):
        monkeypatch.setenv("SSL_CERT_FILE", str(store))
        right = HostRight(HOST, ["GET"], keys=[Key.of("WEATHER_API_KEY", KEY)])
        with network([server.rule(HOST)], [right], short) as opened:

            def run(*argv):
                command = Command(
                    argv,
                    workspace,
                    read_only=[nat_environment.path, *opened.outside.read_only],
                    variables=opened.outside.variables,
                    limits=Limits(seconds=patient(60), memory_bytes=32 * 1024**3),
                    network="egress",
                    egress_socket=opened.egress,
                    loopback=opened.outside.gateway,
                )
                return sandbox.run(command)

            run.server, run.gateway, run.python = server, opened.outside.gateway, str(nat_environment.python)
            run.workspace, run.folder = workspace, short
            yield run


def test_unmodified_clients_reach_it_and_the_key_is_added_outside(inside):
    result = inside(inside.python, "-P", "-c", CLIENTS)
    assert result.exit_code == 0, result.stderr[-2000:]
    assert KEY.encode() not in result.stdout + result.stderr
    found = json.loads(result.stdout)
    for name in ("httpx", "requests", "urllib", "aiohttp", "proxied"):
        assert found["answers"][name]["headers"]["x-api-key"] == found["key"], name  # what was sent back is masked
    assert found["posted"] == [403, "method_undeclared"]
    assert found["in url"] == found["in body"] == found["over http"] == [403, "key_misplaced"]
    assert found["seen"]
    assert found["elsewhere"] == "refused"
    asked = [each["headers"] for each in inside.server.asked]
    assert [each.get("x-api-key") for each in asked] == [KEY] * 4 + [None] + [KEY] * 2
    assert asked[4]["authorization"] == "Basic dXNlcjprM3ktMGYtdGhlLXdlYXRoZXItU2VydmljZQ=="
    assert {each["host"] for each in asked} == {HOST}
    met = inside.gateway.recorder.since(0)
    assert KEY not in repr(met)
    assert [each.fault for each in met if each.fault] == ["method_undeclared"] + ["key_misplaced"] * 3
    files = [path for folder in (inside.workspace, inside.folder) for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_the_key_is_not_in_the_memory_of_who_asks(inside):
    result = inside(inside.python, "-P", "-c", MEMORY, KEY[::-1].encode().hex())
    assert result.stdout.strip() == b"0", result.stderr[-2000:]
    assert inside.server.asked[0]["headers"]["x-api-key"] == KEY
    placeholder = inside.gateway.rights[HOST].keys[0].placeholder
    seen = inside(inside.python, "-P", "-c", MEMORY, placeholder[::-1].encode().hex())
    assert int(seen.stdout) > 0  # what is looked for is found


def test_node_reaches_it_too(inside):
    if not shutil.which("node"):
        pytest.skip("there is no Node here")
    result = inside("/bin/bash", "-c", f"command -v node >/dev/null || exit 77; node -e '{NODE}'")
    if result.exit_code == 77:
        pytest.skip("there is no Node in the sandbox")
    assert json.loads(result.stdout)["headers"]["host"] == HOST, result.stderr[-2000:]
    assert inside.server.asked[0]["headers"]["x-api-key"] == KEY
    assert os.fsencode(KEY) not in result.stdout
