"""Runs inside a sandbox: lets a program reach the model gateway's Unix socket as http://127.0.0.1:PORT.

    python sandbox_relay.py SOCKET PORT -- PROGRAM ARGUMENT...

The sandbox has a network namespace of its own, so nothing else is to be reached. Standard library only. Ends with
the program's exit code (128 + signal where a signal ended it).
"""

import asyncio
import contextlib
import sys

CHUNK = 65536


async def pump(reader, writer):
    """Copy until the end, then end the other side's input."""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(ConnectionError, OSError):
        writer.write_eof()


async def main(socket, port, argv):
    """Forward connections while the program runs; give its exit code."""

    async def forward(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(socket)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        for each in (writer, far_writer):
            each.close()

    server = await asyncio.start_server(forward, "127.0.0.1", port)
    try:
        program = await asyncio.create_subprocess_exec(*argv)
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 127
    code = await program.wait()
    server.close()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    separator = sys.argv.index("--")
    if separator != 3:
        sys.exit("usage: sandbox_relay.py SOCKET PORT -- PROGRAM ...")
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[4:])))
