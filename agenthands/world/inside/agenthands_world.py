"""Runs inside a sandbox: enters a recorded world, and brings pytest the fixture `world`.

What a world is comes as JSON, from the gate or in the file that AGENTHANDS_WORLDS names:

    {"hosts": [names], "variables": {name: value},
     "worlds": {name: {"number": n, "now": ISO 8601 or "", "fields": {field: value},
                       "secrets": [values], "places": {field: {"path": ..., "write": bool, "database": bool}}}}}

Whoever is in a world asks the hosts at an address that stands for this process, so that runs side by side do not
disturb each other. Standard library only; pytest and time-machine where they are there.
"""

import contextlib
import datetime
import json
import os
import shutil
import socket
import sys
import tempfile

CONTROL, CONTROL_PORT, WEB_PORTS, BEGUN = "world.invalid", 80, (80, 443), "x-begun:"
CONTROL_SECONDS, MOST_PROCESSES = 30, 0xFFFFFF
own_pid, own_resolve, connected = os.getpid, socket.getaddrinfo, socket.create_connection
own_address = socket.gethostbyname
as_now = datetime.datetime.fromisoformat


class Worlds:
    """The worlds of a tool, and the one in which this process is."""

    def __init__(self, described, scratch=""):
        """Take their description; `scratch` is where what a tool may change is laid out anew each time."""
        self.worlds = described["worlds"]
        self.hosts = {host.lower() for host in described["hosts"]}
        self.variables = described["variables"]
        self.scratch = os.path.join(scratch or tempfile.gettempdir(), f"job-world-{own_pid()}")
        self.default = next(iter(self.worlds), "")
        self.address, self.travelling, self.clock = "", None, None
        self.begun = 0  # how often this address has begun a world
        self.loops = ()  # the class of event loops, and how it resolves outside of a world
        self.hidden = False
        if any(each["now"] for each in self.worlds.values()):
            with contextlib.suppress(ImportError):
                import time_machine

                self.clock = time_machine

    def enter(self, name="", fails=False):
        """Begin this world from its start; return the values of the tool's configuration. Raises KeyError.

        Where it `fails`, every host has an outage.
        """
        self.leave()
        world = self.worlds[name or self.default]
        os.environ.update(self.variables)
        if self.hosts:
            self.begin(f"{world['number']}/fails" if fails else world["number"])
            socket.getaddrinfo, socket.gethostbyname = self.resolve, self.address_of
            self.resolve_in_loops()
        fields = {**world["fields"], **{field: self.laid_out(world, field) for field in world["places"]}}
        if world["now"]:
            self.travel(as_now(world["now"]))
        return fields

    def begin(self, number):
        """Have this process's address stand for a world, as it was at its beginning."""
        high, low = divmod(own_pid() % MOST_PROCESSES, 0x10000)
        self.address = f"127.{high}.{low >> 8}.{low & 0xFF}"
        self.control("POST", f"/begin/{number}")

    def leave(self):
        """Be in no world any more."""
        if self.travelling:
            self.travelling.stop()
            self.travelling = None
            if self.hidden:
                sys.modules.pop("time_machine", None)
        socket.getaddrinfo, socket.gethostbyname, self.address = own_resolve, own_address, ""
        if self.loops:
            self.loops[0].getaddrinfo = self.loops[1]
            self.loops = ()

    def travel(self, now):
        """Let it be this time."""
        if self.clock is None:
            raise RuntimeError("time-machine is not there, which this world needs")
        self.hidden = "time_machine" not in sys.modules
        sys.modules["time_machine"] = self.clock  # it looks itself up
        self.travelling = self.clock.travel(now if now.tzinfo else now.replace(tzinfo=datetime.UTC))
        self.travelling.start()

    def knows(self, host):
        """Return whether a host is recorded."""
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        return isinstance(text, str) and text.lower().rstrip(".") in self.hosts

    def resolve(self, host, *arguments, **named):
        """Answer for the recorded hosts with the address of this world and process."""
        return own_resolve(self.address if self.knows(host) else host, *arguments, **named)

    def address_of(self, host):
        """Answer for the recorded hosts with that address."""
        return own_address(self.address if self.knows(host) else host)

    def resolve_in_loops(self):
        """Let event loops do so at once: they begin a thread for it, which takes longer than the whole rest."""
        events = sys.modules.get("asyncio.base_events")
        if events is None:
            return
        before = events.BaseEventLoop.getaddrinfo

        async def getaddrinfo(loop, host, port, **named):
            return self.resolve(host, port, **named)

        self.loops = events.BaseEventLoop, before
        events.BaseEventLoop.getaddrinfo = getaddrinfo

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
            for left in (path, f"{path}-journal", f"{path}-wal", f"{path}-shm", f"{path}.wal"):
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
        return {"files": files, "tables": tables, "also": sorted(self.also_left(world, leaves))}

    def also_left(self, world, leaves):
        """Yield what else is not as it was at the beginning, of all that the tool may change."""
        for field, place in world["places"].items():
            before, after = place["path"], self.place(world, field)
            if not place["write"]:
                continue
            if place["database"]:
                named = leaves.get("tables", {}).get(field, {})
                tables = {*self.tables_of(before), *self.tables_of(after)} - {*named}
                yield from (f"{field}.{each}" for each in tables if rows_in(before, each) != rows_in(after, each))
                continue
            named = leaves.get("files", {})
            for inner in {*files_below(before), *files_below(after)}:
                told = f"{field}/{inner}" in named if inner else any(is_file(path, field) for path in named)
                if not told and bytes_of(before, inner) != bytes_of(after, inner):
                    yield f"{field}/{inner}" if inner else os.path.basename(after)

    def tables_of(self, path):
        """Return the names of the tables in a database."""
        return [row["name"] for row in answered(path, "SELECT name FROM sqlite_master WHERE type = 'table'") or ()]

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
        return rows_in(self.place(world, database), table) if database in world["places"] else None

    def explains(self, event, details):
        """Return whether an audit event is what the worlds are there for: a recorded host, a database of theirs."""
        first = details[0] if details else ""
        if event == "sqlite3.connect":
            path = os.path.realpath(str(first).removeprefix("file:").partition("?")[0])
            return path in self.paths(write=False)
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            address = details[1] if len(details) > 1 else None
            if isinstance(address, tuple):
                return address[0] == self.address != "" and address[1] in WEB_PORTS
        if event in ("socket.getaddrinfo", "socket.gethostbyname"):
            return self.knows(first) or first == self.address != ""
        return False

    def paths(self, *, write):
        """Return the paths that the tool may read, or with `write` change."""
        wanted = [(world, field) for world in self.worlds.values() for field in world["places"]]
        return tuple(
            os.path.realpath(self.place(world, field))
            for world, field in wanted
            if world["places"][field]["write"] or not write
        )


def rows_in(path, table):
    """Return the rows of a table in the order in which they were written, None where it cannot be read."""
    quoted = table.replace('"', '""')
    return answered(path, f'SELECT * FROM "{quoted}" ORDER BY rowid')


def answered(path, question):
    """Return the rows that a database answers, None where it does not."""
    if not os.path.exists(path):
        return None
    read = rows_in_duckdb if path.endswith(".duckdb") else rows_in_sqlite
    try:
        return read(path, question)
    except Exception:  # each kind has a class of its own for what it cannot read
        return None


def rows_in_sqlite(path, question):
    """Return the rows that a database of SQLite answers."""
    import sqlite3

    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(question)]


def rows_in_duckdb(path, question):
    """Return the rows that a database of DuckDB answers; values that are no JSON as texts."""
    import duckdb

    with duckdb.connect(path, read_only=True) as connection:
        found = connection.execute(question)
        names = [each[0] for each in found.description]
        rows = [map(as_json_value, row) for row in found.fetchall()]
        return [dict(zip(names, row, strict=True)) for row in rows]


def as_json_value(value):
    """Return a value of a table as JSON has it."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def is_file(path, field):
    """Return whether a path of a world is the one file of this field, which may have a suffix."""
    return "/" not in path and path.partition(".")[0] == field


def files_below(path):
    """Return the paths of all files in a folder, relative to it; an empty one for a file."""
    if not os.path.isdir(path):
        return [""] if os.path.lexists(path) else []
    found = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    return [os.path.relpath(each, path) for each in found]


def bytes_of(path, inner):
    """Return the content of a file, None where there is none."""
    try:
        with open(os.path.join(path, inner) if inner else path, "rb") as file:
            return file.read()
    except OSError:
        return None


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
