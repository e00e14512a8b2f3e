"""One suite for every sandbox: a recorded world is seen inside by unmodified clients, and by nobody else."""

import json
import shutil
import subprocess
import time
from contextlib import closing
from dataclasses import replace

import pytest
from patience import patient
from sandbox_support import sh
from world_support import HOST, WORLDS, weather

from agenthands.sandbox.base import Command, Limits
from agenthands.world.staging import INSIDE, staged

pytestmark = pytest.mark.slow

CLIENTS = """
import asyncio, json, sys, urllib.error, urllib.request
import aiohttp, httpx, requests
url = "https://api.weather.example/v1/now"
key, query = {"X-Api-Key": "dummy-key"}, {"city": "Bonn"}
async def asked_by_aiohttp():
    async with aiohttp.ClientSession() as session, session.get(url, params=query, headers=key) as answer:
        return await answer.json()
def asked_by_urllib():
    with urllib.request.urlopen(urllib.request.Request(f"{url}?city=Bonn", headers=key)) as answer:
        return json.load(answer)
found = {
    "httpx": httpx.get(url, params=query, headers=key).json(),
    "requests": requests.get(url, params=query, headers=key).json(),
    "urllib": asked_by_urllib(),
    "aiohttp": asyncio.run(asked_by_aiohttp()),
    "plain": httpx.get("http://api.weather.example/v1/now").json()["error"],
}
unrecorded = httpx.get(url, params={"city": "Paris"}, headers=key)
found["status"], found["told"] = unrecorded.status_code, unrecorded.json()["message"]
found["log"] = [each["method"] + " " + each["url"] for each in httpx.get("http://world.invalid/requests").json()]
try:
    httpx.get("https://other.example/")
except httpx.ConnectError as error:
    found["elsewhere"] = "refused"
print(json.dumps(found))
"""
NODE = f"""
fetch("https://{HOST}/v1/now?city=Bonn", {{headers: {{"X-Api-Key": "dummy-key"}}}})
  .then(answer => answer.json()).then(found => console.log(JSON.stringify(found)))
"""
APART = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from agenthands_world import Worlds
import urllib.error, urllib.request
worlds = Worlds(json.load(open(sys.argv[2])))
def ask(city):
    url = f"https://api.weather.example/v1/now?city={city}"
    request = urllib.request.Request(url, headers={"X-Api-Key": "dummy-key"})
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code
found = []
for number in range(3):  # processes side by side, each with a state of its own
    if not os.fork():
        worlds.enter("busy")
        print(ask("Bonn"), ask("Bonn"), len(worlds.requests()), end="; ", flush=True)
        os._exit(0)
for number in range(3):
    os.wait()
worlds.enter("usual")
print(ask("Bonn"), ask("Atlantis"))
worlds.enter("busy")
print(ask("Bonn"))
worlds.enter("busy")
print(ask("Bonn"), [each["url"] for each in worlds.requests()])
"""
AGAIN = """
import http.client, json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from agenthands_world import Worlds
import urllib.error, urllib.request
worlds = Worlds(json.load(open(sys.argv[2])))
def ask():
    url = "https://api.weather.example/v1/now?city=Bonn"
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers={"X-Api-Key": "dummy-key"})).status
    except urllib.error.HTTPError as error:
        return error.code
def turns(times):
    found = set()
    for _ in range(times):
        worlds.enter("busy")
        found.add((ask(), ask(), len(worlds.requests())))
    return found
print(turns(40), flush=True)
if not os.fork():
    print(turns(3), flush=True)
    os._exit(0)
os.wait()
kept = http.client.HTTPSConnection("api.weather.example")
heard = []
for name in ("usual", "busy", "broken"):
    worlds.enter(name)
    kept.request("GET", "/v1/now?city=Bonn", headers={"X-Api-Key": "dummy-key"})
    answer = kept.getresponse()
    heard.append((answer.status, len(answer.read()), len(worlds.requests())))
print([status for status, _, _ in heard], [made for _, _, made in heard], flush=True)
worlds.enter("busy")
ask()
own = socket.getaddrinfo("api.weather.example", 80)[0][4]
with socket.create_connection(own) as link:
    link.sendall(b"POST /begin/1 HTTP/1.1\\r\\nHost: world.invalid\\r\\nConnection: close\\r\\n\\r\\n")
    while link.recv(65536):
        pass
print([each["unrecorded"] for each in worlds.requests()])
"""


@pytest.fixture
def stage(tmp_path):
    with staged(weather(), tmp_path / "world") as laid_out:
        yield laid_out


@pytest.fixture
def inside(sandbox, stage, tmp_path, nat_environment):
    """Run in the worlds, with NAT's environment, which has the clients."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()

    def run(*argv, **changes):
        limits = Limits(seconds=patient(60))
        command = Command(argv, workspace, read_only=[nat_environment.path, INSIDE], limits=limits)
        return sandbox.run(replace(stage.around(command), **changes))

    return run


def test_unmodified_clients_read_what_is_recorded(inside, nat_environment):
    result = inside(str(nat_environment.python), "-P", "-c", CLIENTS)
    assert result.exit_code == 0, result.stderr[-2000:]
    found = json.loads(result.stdout)
    bonn = WORLDS["usual"]["http"][0]["response"]["json"]
    assert [found[name] for name in ("httpx", "requests", "urllib", "aiohttp")] == [bonn] * 4
    assert (found["status"], found["plain"], found["elsewhere"]) == (599, "not recorded", "refused")
    assert "its query has also city=Bonn" in found["told"]
    assert found["log"].count(f"GET https://{HOST}/v1/now?city=Bonn") == 4


def test_node_reads_it_too(inside):
    if not shutil.which("node"):
        pytest.skip("there is no Node here")
    result = inside(
        "/bin/bash",
        "-c",
        f"command -v node >/dev/null || exit 77; node -e '{NODE}'",
        limits=Limits(memory_bytes=32 * 1024**3),
    )
    if result.exit_code == 77:
        pytest.skip("there is no Node in the sandbox")
    assert json.loads(result.stdout) == WORLDS["usual"]["http"][0]["response"]["json"], result.stderr[-2000:]


def test_worlds_are_told_apart_and_begun_anew_for_each_process(inside, stage, nat_environment):
    argv = (str(nat_environment.python), "-P", "-c", APART, str(INSIDE), str(stage.description_file))
    result = inside(*argv)
    assert result.exit_code == 0, result.stderr[-2000:]
    first, *rest = result.stdout.decode().splitlines()
    assert first == "429 200 2; " * 3 + "200 404"
    assert rest == ["429", f"429 ['https://{HOST}/v1/now?city=Bonn']"]


def test_a_world_is_as_new_however_often_it_is_entered_and_says_who_has_it_forget(inside, stage, nat_environment):
    result = inside(str(nat_environment.python), "-P", "-c", AGAIN, str(INSIDE), str(stage.description_file))
    assert result.exit_code == 0, result.stderr[-2000:]
    own, forked, kept, told = result.stdout.decode().splitlines()
    assert own == forked == "{(429, 200, 2)}"
    assert kept == "[200, 429, 500] [1, 1, 1]"
    assert told == "['It has the world forget what was asked.']"


def test_a_shell_sees_it_and_still_does_after_it_has_begun_anew(sandbox, stage, tmp_path, nat_environment):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    key = "{'X-Api-Key': 'dummy-key'}"
    url = f"https://{HOST}/v1/now?city=Oslo"
    ask = f"import urllib.request as r; print(r.urlopen(r.Request('{url}', headers={key})).read())"
    command = stage.around(Command((), workspace, read_only=[nat_environment.path], limits=Limits()))
    shell = sandbox.shell(command, tmp_path / "control")
    text = (
        f'for i in $(seq 40); do {nat_environment.python} -c "{ask}" && break; sleep 0.2; done 2>/dev/null; echo over\n'
    )
    with (
        closing(shell),
        subprocess.Popen(
            [shell.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        ) as process,
    ):  # fmt: skip
        for _ in range(2):
            process.stdin.write(text)
            process.stdin.flush()
            lines = list(iter(process.stdout.readline, "over\n"))
            assert any("-4.0" in line for line in lines), lines
            process.stdin.write("exit 3\n")
            process.stdin.flush()
            time.sleep(1)  # what is typed before the new shell is there goes to the old one
        shell.close()


def test_without_a_world_nothing_listens(sandbox, tmp_path):
    result = sandbox.run(Command(sh("exec 3<>/dev/tcp/127.0.0.1/443 && echo open"), tmp_path))
    assert b"open" not in result.stdout


def test_a_thousand_exchanges_and_fifty_megabytes_are_there_at_once(tmp_path):
    request = {"url": f"https://{HOST}/v1/items"}
    http = [
        {"request": {**request, "query": {"page": str(page)}}, "response": {"json": {"page": page}}}
        for page in range(1000)
    ]
    files = {f"exports/{number}.csv": "a,b\n" * 250_000 for number in range(50)}
    effects = {"http": [{"host": HOST}], "files": [{"name": "exports"}]}
    call = {"arguments": {"city": "Bonn"}, "world": "large", "expected": {}}
    tool = weather(effects=effects, worlds={"large": {"http": http, "files": files}}, examples=[call])
    with staged(tool, tmp_path / "world") as stage:
        assert sum(file.stat().st_size for file in (tmp_path / "world" / "0" / "exports").iterdir()) == 50_000_000
        assert stage.server
