"""MCP servers that a test makes up: scripts that speak the protocol as badly as they are told to."""

import sys
from pathlib import Path

from agenthands.environments.base import Environment
from agenthands.mcp.catalogue import server_of

SCRIPT = """#!{python}
import json, os, sys, time
BEHAVIOUR = {behaviour!r}
TOOLS = {tools!r}


def fetched(url):
    import urllib.request

    request = urllib.request.Request(url)
    if "HTTP_PROXY" in os.environ:  # by hand: NO_PROXY names this machine
        request.set_proxy(os.environ["HTTP_PROXY"].removeprefix("http://"), "http")
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
        return opener.open(request, timeout=100).read().decode()
    except OSError as error:
        return type(error).__name__ + str(getattr(error, "code", ""))


def say(message):
    sys.stdout.write(json.dumps({{"jsonrpc": "2.0", **message}}) + "\\n")
    sys.stdout.flush()


if BEHAVIOUR == "dies":
    sys.exit("CLOCK_KEY is wrong")
if BEHAVIOUR == "silent":
    time.sleep(600)
if BEHAVIOUR == "garbage":
    sys.stdout.buffer.write(b"\\xff\\x00 Listening on port 8000\\n" * 500)
    sys.stdout.flush()
    time.sleep(600)
if BEHAVIOUR == "flood":
    while True:
        sys.stdout.write("x" * 1000)
if BEHAVIOUR == "asks the network":
    import socket
    try:
        socket.getaddrinfo("updates.example.org", 443)
    except OSError:
        pass
if BEHAVIOUR == "deep":
    print("[" * 100_000, flush=True)
if BEHAVIOUR == "meets":
    folder = os.environ["CLOCK_ZONE"]
    open(os.path.join(folder, str(os.getpid())), "w").close()
    while len(os.listdir(folder)) < 2:
        time.sleep(0.05)
if BEHAVIOUR == "noisy":
    print("Welcome!\\n[1, 2]\\nnull\\n" * 500, flush=True)
for line in sys.stdin:
    message = json.loads(line)
    method = message.get("method")
    if method == "initialize":
        if BEHAVIOUR == "asks":
            for question in ("ping", "roots/list"):
                say({{"id": question, "method": question}})
                answer = json.loads(sys.stdin.readline())
                assert answer["id"] == question and ("result" in answer) == (question == "ping")
        say({{"id": message["id"], "result": {{"protocolVersion": "2025-06-18", "capabilities": {{"tools": {{}}}},
             "serverInfo": {{"name": "test", "version": "1"}}}}}})
    elif method == "tools/list":
        if BEHAVIOUR == "refuses":
            say({{"id": message["id"], "error": {{"code": -32603, "message": "no clock here"}}}})
        elif BEHAVIOUR == "nonsense":
            say({{"id": message["id"], "result": {{"tools": "many"}}}})
        elif BEHAVIOUR == "endless":
            say({{"id": message["id"], "result": {{"tools": TOOLS * 100, "nextCursor": "more"}}}})
        elif BEHAVIOUR == "large":
            say({{"id": message["id"], "result": {{"tools": [{{"name": "x", "description": "y" * 30_000_000}}]}}}})
        elif BEHAVIOUR == "pages":
            page = int(message["params"].get("cursor", 0))
            more = {{"nextCursor": str(page + 1)}} if page + 1 < len(TOOLS) else {{}}
            say({{"id": message["id"], "result": {{"tools": [TOOLS[page]], **more}}}})
        elif BEHAVIOUR == "tells":
            seen = {{name: os.environ.get(name) for name in ("CLOCK_KEY", "CLOCK_ZONE", "GEMINI_API_KEY")}}
            say({{"id": message["id"], "result": {{"tools": [{{"name": "seen",
                 "description": json.dumps([sys.argv[1:], seen])}}]}}}})
        else:
            say({{"id": message["id"], "result": {{"tools": TOOLS}}}})
    elif method == "tools/call":
        if BEHAVIOUR == "dies in a call":
            sys.exit("out of order")
        text = fetched(os.environ["CLOCK_ZONE"]) if BEHAVIOUR == "fetches" else "twelve"
        say({{"id": message["id"], "result": {{"content": [{{"type": "text", "text": text}}]}}}})
"""

READ_CLOCK = {
    "name": "read_clock",
    "description": "Read the clock.",
    "inputSchema": {"type": "object", "properties": {"zone": {"type": "string"}}},
}
SET_CLOCK = {"name": "set_clock", "description": "Set the clock.", "inputSchema": {"type": "object"}}


def made_server(folder: Path, behaviour="good", tools=(READ_CLOCK, SET_CLOCK), listed=(), **own):
    """Return the catalogue's entry and the environment of a server that behaves in one way.

    `tools` are those that it lists, `listed` those that the entry says.
    """
    own |= {"tools": listed} if listed else {}
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    script = folder / "bin" / "clock"
    python = Path(sys.executable).resolve()
    script.write_text(SCRIPT.format(python=python, behaviour=behaviour, tools=list(tools)))
    script.chmod(0o755)
    (folder / "requirements.lock").write_text("clock==1.2.3\n")
    return server_of("clock", clock_entry(**own)), Environment(folder, "f" * 64)


def clock_entry(**own):
    """Return a `server.json` document of such a server."""
    zone = {"description": "Zone", "isRequired": True, "placeholder": "UTC"}
    package = {
        "registryType": "pypi",
        "identifier": "clock",
        "version": "1.2.3",
        "transport": {"type": "stdio"},
        "packageArguments": [{"type": "named", "name": "--zone", "value": "{ZONE}", "variables": {"ZONE": zone}}],
        "environmentVariables": [
            {"name": "CLOCK_KEY", "isRequired": True, "isSecret": True, "placeholder": "a key"},
            {"name": "CLOCK_ZONE"},
        ],
    }
    tools = [{"name": "read_clock", "does": "reads"}, {"name": "set_clock", "does": "writes"}]
    extension = {"categories": ["time"], "command": "clock", "network": "none", "tools": tools, **own}
    return {
        "name": "com.example/clock",
        "title": "Clock",
        "description": "Tell what a clock shows",
        "version": "1.2.3",
        "packages": [package],
        "_meta": {"io.agenthands/catalogue": extension},
    }
