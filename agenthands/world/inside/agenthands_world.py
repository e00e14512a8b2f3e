"""Runs inside a sandbox: enters a recorded world, and brings pytest the fixture `world`.

What a world is comes as JSON, from the gate or in the file that AGENTHANDS_WORLDS names:

    {"hosts": [names], "variables": {name: value},
     "worlds": {name: {"number": n, "now": ISO 8601 or "", "fields": {field: value},
                       "places": {field: {"path": ..., "write": bool, "database": bool}}}}}

Whoever is in a world asks the hosts at an address that stands for the world, for this process and for its turn there,
so that runs side by side do not disturb each other. Standard library only; pytest and time-machine where they are there.
"""

import collections
import contextlib
import datetime
import json
import os
import shutil
import socket
import sys
import tempfile

CONTROL, CONTROL_PORT, WEB_PORTS, BEGUN = "world.invalid", 80, (80, 443), "x-begun:"
CONTROL_SECONDS, TURNS, MOST_PROCESSES = 30, 16, 0x10000
own_pid, own_resolve, connected = os.getpid, socket.getaddrinfo, socket.create_connection
as_now = datetime.datetime.fromisoformat
turns = collections.Counter()  # how often this process has entered each world


class Worlds:
    """The worlds of a tool, and the one in which this process is."""

    def __init__(self, described, scratch="", unused=False):
        """Take their description; `scratch` is where what a tool may change is laid out anew each time.

        `unused` says that no other process with this number has been in these worlds: the sandbox is a new one.
        """
        self.worlds = described["worlds"]
        self.hosts = {host.lower() for host in described["hosts"]}
        self.variables = described["variables"]
        self.scratch = os.path.join(scratch or tempfile.gettempdir(), f"job-world-{own_pid()}")
        self.default = next(iter(self.worlds), "")
        self.address, self.travelling, self.clock = "", None, None
        self.unused, self.begun = unused, 0
        self.hidden = False
        if any(each["now"] for each in self.worlds.values()):
            with contextlib.suppress(ImportError):
                import time_machine

                self.clock = time_machine

    def enter(self, name=""):
        """Begin this world from its start; return the values of the tool's configuration. Raises KeyError."""
        self.leave()
        world = self.worlds[name or self.default]
        os.environ.update(self.variables)
        if self.hosts:
            self.begin(world["number"])
            socket.getaddrinfo = self.resolve
        fields = {**world["fields"], **{field: self.laid_out(world, field) for field in world["places"]}}
        if world["now"]:
            self.travel(as_now(world["now"]))
        return fields

    def begin(self, number):
        """Take an address at which nothing was asked yet; only where there is none, the server must forget one."""
        pid = own_pid()
        turn = turns[pid, number]
        turns[pid, number] += 1
        high, low = divmod(pid % MOST_PROCESSES, 256)
        self.address, self.begun = f"127.{number * TURNS + turn % TURNS}.{high}.{low}", 0
        if not self.unused or turn >= TURNS or pid >= MOST_PROCESSES:
            self.control("POST", "/begin")

    def leave(self):
        """Be in no world any more."""
        if self.travelling:
            self.travelling.stop()
            self.travelling = None
            if self.hidden:
                sys.modules.pop("time_machine", None)
        socket.getaddrinfo, self.address = own_resolve, ""

    def travel(self, now):
        """Let it be this time."""
        if self.clock is None:
            raise RuntimeError("time-machine is not there, which this world needs")
        self.hidden = "time_machine" not in sys.modules
        sys.modules["time_machine"] = self.clock  # it looks itself up
        self.travelling = self.clock.travel(now if now.tzinfo else now.replace(tzinfo=datetime.UTC))
        self.travelling.start()

    def resolve(self, host, *arguments, **named):
        """Answer for the recorded hosts with the address of this world and process."""
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        known = isinstance(text, str) and text.lower().rstrip(".") in self.hosts
        return own_resolve(self.address if known else host, *arguments, **named)

    def place(self, world, field):
        """Return the path of a file, a folder or a database as the tool is given it."""
        place = world["places"][field]
        if not place["write"]:
            return place["path"]
        return os.path.join(self.scratch, str(world["number"]), os.path.basename(place["path"]))

    def laid_out(self, world, field):
        """Lay out what the tool may change, as it was at the beginning; return its path."""
        place, path = world["places"][field], self.place(world, field)
        if place["write"]:
            shutil.rmtree(path, ignore_errors=True)
            for left in (path, f"{path}-journal", f"{path}-wal", f"{path}-shm"):
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    os.unlink(left)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.isdir(place["path"]):
                shutil.copytree(place["path"], path, copy_function=shutil.copyfile)
            elif os.path.exists(place["path"]):
                shutil.copyfile(place["path"], path)
        return path

    def requests(self):
        """Return the requests that were made in this world since it was entered.

        Who has the world forget them is told, too.
        """
        if not self.address:
            return []
        before = self.begun
        made = json.loads(self.control("GET", "/requests"))
        if self.begun != before:
            self.begun, url = before, f"http://{CONTROL}/begin"
            asked = {"method": "POST", "url": url, "place": ["http", CONTROL, "/begin"], "query": [], "headers": {}}
            made.append({**asked, "body": "", "unrecorded": "It has the world forget what was asked."})
        return made

    def control(self, method, path):
        """Ask the server of the worlds itself; return the body of its answer."""
        with connected((self.address, CONTROL_PORT), CONTROL_SECONDS) as link:
            link.sendall(f"{method} {path} HTTP/1.1\r\nHost: {CONTROL}\r\nConnection: close\r\n\r\n".encode())
            answer = bytearray()
            while chunk := link.recv(65536):
                answer += chunk
        head, _, body = bytes(answer).partition(b"\r\n\r\n")
        told = [line for line in head.decode("latin-1").lower().splitlines() if line.startswith(BEGUN)]
        self.begun = int(told[0].removeprefix(BEGUN)) if told else self.begun
        return body

    def left(self, name, leaves):
        """Return what is there now of what an example says must be left."""
        world = self.worlds[name or self.default]
        files = {path: self.text_of(world, path) for path in leaves.get("files", {})}
        tables = {
            database: {table: self.rows_of(world, database, table) for table in named}
            for database, named in leaves.get("tables", {}).items()
        }
        return {"files": files, "tables": tables}

    def text_of(self, world, path):
        """Return the text of a file of the world, None where there is none."""
        first, _, rest = path.partition("/")
        field = first if first in world["places"] else first.partition(".")[0]
        try:
            with open(os.path.join(self.place(world, field), rest) if rest else self.place(world, field)) as file:
                return file.read()
        except (OSError, UnicodeDecodeError, KeyError):
            return None

    def rows_of(self, world, database, table):
        """Return the rows of a table, None where it cannot be read."""
        import sqlite3

        try:
            with contextlib.closing(sqlite3.connect(self.place(world, database))) as connection:
                connection.row_factory = sqlite3.Row
                quoted = table.replace('"', '""')
                return [dict(row) for row in connection.execute(f'SELECT * FROM "{quoted}" ORDER BY rowid')]
        except (sqlite3.Error, KeyError):
            return None

    def explains(self, event, details):
        """Return whether an audit event is what the worlds are there for: a recorded host, a database of theirs."""
        first = details[0] if details else ""
        if event == "sqlite3.connect":
            path = os.path.realpath(str(first).removeprefix("file:").partition("?")[0])
            return path in self.paths(write=False)
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            address = details[1] if len(details) > 1 else None
            if isinstance(address, tuple):
                return bool(self.hosts) and str(address[0]).startswith("127.") and address[1] in WEB_PORTS
        if event in ("socket.getaddrinfo", "socket.gethostbyname"):
            text = first.decode("ascii", "replace") if isinstance(first, bytes) else first
            return isinstance(text, str) and (text.lower().rstrip(".") in self.hosts or text == self.address != "")
        return False

    def paths(self, *, write):
        """Return the paths that the tool may read, or with `write` change."""
        wanted = [(world, field) for world in self.worlds.values() for field in world["places"]]
        return tuple(
            os.path.realpath(self.place(world, field))
            for world, field in wanted
            if world["places"][field]["write"] or not write
        )


def plugin(worlds):
    """Return a plug-in of pytest with the fixture `world`."""
    import pytest

    class Fixture:
        """Enter a world with `world(name)`, which returns the values of the tool's configuration."""

        def __call__(self, name=""):
            if name and name not in worlds.worlds:
                raise KeyError(f"there is no world {name!r}; there are {', '.join(worlds.worlds)}")
            return worlds.enter(name)

        def requests(self):
            """Return the requests that were made since: method, url, headers, body, and `unrecorded` with a reason."""
            return worlds.requests()

    class Plugin:
        @pytest.fixture
        def world(self):
            """Recorded worlds, begun anew in each test."""
            yield Fixture()
            worlds.leave()

    return Plugin()


def pytest_configure(config):
    """Bring the fixture, where this is loaded as a plug-in."""
    if path := os.environ.get("AGENTHANDS_WORLDS"):
        with open(path) as file:
            config.pluginmanager.register(plugin(Worlds(json.load(file))), "agenthands-worlds")
