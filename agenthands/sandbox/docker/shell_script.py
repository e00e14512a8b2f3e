"""Runs in an agent's terminal: passes everything to the worker, which passes it on to a bash in a container.

    python shell_script.py FOLDER [ARGUMENT OF BASH]...

FOLDER holds the worker's socket. Standard library only: it must be ready before the terminal types.
"""

import contextlib
import json
import os
import selectors
import socket
import sys
import termios
import tty

_CHUNK = 65536


def hello(arguments: list[str]) -> bytes:
    """Return the first message to the worker, JSON: the terminal's size, the prompts, and the arguments of bash."""
    terminal = os.isatty(0)
    size = os.get_terminal_size(0) if terminal else (0, 0)
    prompts = {name: os.environ[name] for name in ("PS1", "PS2") if name in os.environ}
    if "PS1" in prompts:  # OpenHands types it so, and never into a second shell
        prompts["PROMPT_COMMAND"] = f'export PS1="{prompts["PS1"]}"'
    return json.dumps({
        "arguments": arguments,
        "terminal": terminal,
        "size": [size[1] or 24, size[0] or 80],
        "prompts": prompts,
    }).encode()  # fmt: skip


def pump(link: socket.socket) -> None:
    """Copy both ways until the worker or the terminal ends the connection."""
    with selectors.DefaultSelector() as selector:
        for each in (0, link):
            selector.register(each, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                data = link.recv(_CHUNK) if key.fileobj is link else os.read(0, _CHUNK)
                if not data:
                    return
                if key.fileobj is link:
                    write(data)
                else:
                    link.sendall(data)


def write(data: bytes) -> None:
    """Write everything to the terminal."""
    while data:
        data = data[os.write(1, data) :]


def main(folder: str, arguments: list[str]) -> int:
    """Connect and copy. Always return 1: a shell that ends was lost or closed."""
    with socket.socket(socket.AF_UNIX) as link, contextlib.suppress(OSError):
        link.connect(f"/proc/self/fd/{os.open(folder, os.O_PATH | os.O_DIRECTORY)}/socket")
        if os.isatty(0):
            tty.setraw(0, termios.TCSANOW)  # at once, and without losing what has been typed
        link.sendall(hello(arguments) + b"\n")
        pump(link)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
