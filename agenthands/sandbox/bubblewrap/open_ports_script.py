"""Listens in the network namespace of another process, and sends the listening sockets to whoever started this.

    python open_ports_script.py PID DESCRIPTOR PORT...

PID is a process in a sandbox of ours, DESCRIPTOR a Unix socket to which the sockets go, in the order of the ports. This
process has no rights over any namespace but the sandbox's. Standard library only, Python 3.12. Exits with 1 and a line
on standard error if it cannot.
"""

import fcntl
import os
import socket
import sys

NS_GET_USERNS = 0xB701
WAITING = 128


def main(process, control, ports):
    """Join the sandbox's network with its owner's rights, listen on every loopback address, and send the sockets."""
    network = os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    owner = fcntl.ioctl(network, NS_GET_USERNS)
    os.setns(owner, os.CLONE_NEWUSER)
    os.setns(network, os.CLONE_NEWNET)
    listening = []
    for port in ports:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", port))
        listener.listen(WAITING)
        listening.append(listener)
    with socket.socket(fileno=control) as channel:
        socket.send_fds(channel, [b"\0"], [each.fileno() for each in listening])


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]), [int(port) for port in sys.argv[3:]])
    except OSError as error:
        sys.exit(f"{error}")
