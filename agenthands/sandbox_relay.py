"""Runs inside a sandbox: lets a program reach the model gateway's Unix socket as http://127.0.0.1:PORT.

    python sandbox_relay.py SOCKET PORT -- PROGRAM ARGUMENT...

The sandbox has a network namespace of its own, so nothing else is to be reached. Standard library only. Ends with
the program's exit code (128 + signal where a signal ended it; 126 or 127 where it cannot be started; 125 where the
relay itself cannot listen). A signal that asks the relay to end is passed on to the program.
"""

import asyncio
import contextlib
import signal
import sys

CHUNK = 65536
USAGE = "usage: sandbox_relay.py SOCKET PORT -- PROGRAM ..."


def fail(message: str, code: int) -> int:
    """Say what went wrong and give the exit code for it."""
    print(f"sandbox_relay: {message}", file=sys.stderr)  # noqa: T201
    return code


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, then end the other side's input; its output may go on."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def forward(socket: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Connect one client with the socket until both have finished."""
    far_writer = None
    try:
        far_reader, far_writer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
    except OSError as error:
        fail(f"{socket}: {error.strerror or error}", 0)
    finally:
        writer.close()
        if far_writer:
            far_writer.close()


async def main(socket: str, port: int, argv: list[str]) -> int:
    """Forward connections while the program runs; give its exit code."""
    try:
        server = await asyncio.start_server(lambda *pair: forward(socket, *pair), "127.0.0.1", port)
    except OSError as error:
        return fail(f"port {port}: {error.strerror}", 125)
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*argv))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # before it runs: nothing may end the relay alone
        asyncio.get_running_loop().add_signal_handler(number, pass_on, starting, number)
    try:
        program = await starting
    except OSError as error:
        return fail(f"{argv[0]}: {error.strerror}", 127 if isinstance(error, FileNotFoundError) else 126)
    code = await program.wait()
    server.close()
    return code if code >= 0 else 128 - code


def pass_on(starting: asyncio.Future[asyncio.subprocess.Process], number: int) -> None:
    """Send a signal to the program as soon as it runs, if it still does."""

    def send(done: asyncio.Future[asyncio.subprocess.Process]) -> None:
        with contextlib.suppress(OSError):
            done.result().send_signal(number)

    starting.add_done_callback(send)


if __name__ == "__main__":
    if len(sys.argv) < 5 or sys.argv[3] != "--" or not sys.argv[2].isdigit():
        sys.exit(fail(USAGE, 2))
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[4:])))
