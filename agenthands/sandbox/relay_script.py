"""Runs inside a sandbox: lets a program reach Unix sockets of the factory, each as http://127.0.0.1:PORT.

    python relay_script.py SOCKET PORT [SOCKET PORT]... -- PROGRAM ARGUMENT...

With `listen_beside`, a fork of the program's own process relays instead, where that has no command line.

A socket leads to the model gateway, to the egress proxy, or with `*` before its port to a recorded world, which answers
on every address of the loopback and is told which one, by a line of the PROXY protocol. The sandbox has its own network
namespace, so nothing else can be reached. Standard library only. Exits with the program's exit code (128 + signal if a
signal ended it; 126 or 127 if it cannot be started), or with 125 if the relay cannot listen. SIGTERM, SIGINT and SIGHUP
are passed on to the program.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from functools import partial

CHUNK = 65536
USAGE = "usage: sandbox_relay.py SOCKET PORT [SOCKET PORT]... -- PROGRAM ..."


def fail(message: str, code: int) -> int:
    """Print what went wrong, and return the exit code `code`."""
    print(f"sandbox_relay: {message}", file=sys.stderr)  # noqa: T201
    return code


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, then close the other side's input; its output may continue."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def forward(path: str, told: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Connect one client to the socket until both sides have finished."""
    far_writer = None
    try:
        far_reader, far_writer = await asyncio.open_unix_connection(path)
        if told:
            (near, port), (far, at) = (writer.get_extra_info(name) for name in ("sockname", "peername"))
            far_writer.write(f"PROXY TCP4 {far} {near} {at} {port}\r\n".encode())
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
    except OSError as error:
        fail(f"{path}: {error.strerror or error}", 0)
    finally:
        writer.close()
        if far_writer:
            far_writer.close()


async def main(sockets: list[tuple[str, str]], argv: list[str]) -> int:
    """Forward connections while the program runs, and return its exit code."""
    servers = []
    for path, port in sockets:
        try:
            told = port.startswith("*")
            servers.append(await asyncio.start_server(partial(forward, path, told), sock=listening_on(port)))
        except OSError as error:
            return fail(f"port {port}: {error.strerror}", 125)
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*argv))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # before it runs: no signal may end the relay alone
        asyncio.get_running_loop().add_signal_handler(number, pass_on, starting, number)
    try:
        program = await starting
    except OSError as error:
        return fail(f"{argv[0]}: {error.strerror}", 127 if isinstance(error, FileNotFoundError) else 126)
    code = await program.wait()
    for server in servers:
        server.close()
    return code if code >= 0 else 128 - code


def listen_beside(pairs: list[tuple[str, str]]) -> None:
    """Relay in a child of this process, from now on; it ends with the sandbox."""
    listening = [(path, port, listening_on(port)) for path, port in pairs]
    if os.fork():
        for _, _, each in listening:
            each.close()
        return
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)

    async def relay() -> None:
        for path, port, each in listening:
            await asyncio.start_server(partial(forward, path, port.startswith("*")), sock=each)
        await asyncio.Event().wait()

    asyncio.run(relay())


def listening_on(port: str) -> socket.socket:
    """Return a socket that listens: on all addresses for a recorded world, else on the usual loopback."""
    at = "0.0.0.0" if port.startswith("*") else "127.0.0.1"
    return socket.create_server((at, int(port.lstrip("*"))))


def pass_on(starting: asyncio.Future[asyncio.subprocess.Process], number: int) -> None:
    """Send a signal to the program once it has started, if it is still running."""

    def send(done: asyncio.Future[asyncio.subprocess.Process]) -> None:
        with contextlib.suppress(OSError):
            done.result().send_signal(number)

    starting.add_done_callback(send)


def parse(arguments: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the sockets with their ports, and the program; both are empty if the arguments are invalid."""
    end = arguments.index("--") if "--" in arguments else 0
    names, ports, program = arguments[0:end:2], arguments[1:end:2], arguments[end + 1 :]
    if (
        not program
        or not names
        or len(names) != len(ports)
        or not all(port.removeprefix("*").isdigit() for port in ports)
    ):
        return [], []
    return list(zip(names, ports, strict=True)), program


if __name__ == "__main__":
    wanted, program = parse(sys.argv[1:])
    sys.exit(asyncio.run(main(wanted, program)) if program else fail(USAGE, 2))
