"""Runs in a sandbox with the Python of a server's environment: starts one MCP server, and asks it for its tools.

Reads {"command": [words], "variables": {name: value}, "seconds": float} from standard input; writes one JSON object
{"error": text, "tools": [as the server lists them], "stderr": its last part, "lookups": packets that it sent, which are
questions for the address of a host where nothing can be reached} to standard output. Standard library only: the
official client is not in every server's environment, and would take seconds to import from one of its own.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time

PROTOCOL = "2025-06-18"  # a server answers with the version that it prefers
TOOLS = 1000
STDERR_BYTES = 4000
PRINTED_BYTES = 16 * 1024**2  # in total; the longest honest list of tools has about 100 KB


class Failed(Exception):
    """The server violated the protocol, or did not answer."""


class Session:
    """A connection to one server over its standard input and output, one message a line."""

    def __init__(self, process, deadline):
        self.process = process
        self.deadline = deadline
        self.lines = queue.Queue()
        self.last = 0
        self.garbage = b""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        left = PRINTED_BYTES
        while left > 0 and (line := self.process.stdout.readline(left)):
            left -= len(line)
            self.lines.put(line)
        self.lines.put(None if left > 0 else Failed(f"it printed more than {PRINTED_BYTES // 1024**2} MiB"))

    def send(self, message):
        """Send one message. Raises Failed."""
        try:
            self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise Failed(self._ended()) from error

    def ask(self, method, params):
        """Send a request and return its result; requests from the server meanwhile are declined. Raises Failed."""
        self.last += 1
        self.send({"id": self.last, "method": method, "params": params})
        while True:
            message = self._message(method)
            if "method" in message and "id" in message:
                self._decline(message)
            elif message.get("id") == self.last:
                if "error" in message:
                    raise Failed(f"{method} is answered with the error {json.dumps(message['error'])[:400]}")
                if not isinstance(message.get("result"), dict):
                    raise Failed(f"{method} is answered without a result")
                return message["result"]

    def _decline(self, message):
        if message["method"] == "ping":
            self.send({"id": message["id"], "result": {}})
        else:
            self.send({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})

    def _message(self, method):
        """Return the next message; other output of the server is skipped, as in the official client."""
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, self.deadline - time.monotonic()))
            except queue.Empty:
                raise Failed(f"no answer to {method} in time{self._printed()}") from None
            if isinstance(line, Failed):
                raise line
            if line is None:
                raise Failed(self._ended() + self._printed())
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                message = None
            if isinstance(message, dict):
                return message
            self.garbage = self.garbage or line.strip()

    def _printed(self):
        """Return a note on the first output that was no message; empty if there was none."""
        return f"; it printed what is no message: {ascii(self.garbage[:80])[2:-1]}" if self.garbage else ""

    def _ended(self):
        try:
            return f"it ended with exit code {self.process.wait(timeout=2)} before it answered"
        except subprocess.TimeoutExpired:
            return "it closed its output before it answered"


def tools_of(session):
    """Return the tools of all pages of tools/list."""
    hello = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "agenthands", "version": "1"}}
    session.ask("initialize", hello)
    session.send({"method": "notifications/initialized"})
    tools, cursor = [], None
    while True:
        page = session.ask("tools/list", {"cursor": cursor} if cursor else {})
        if not isinstance(page.get("tools"), list):
            raise Failed("tools/list is answered without a list of tools")
        tools += page["tools"]
        cursor = page.get("nextCursor")
        if not cursor:
            return tools
        if len(tools) > TOOLS:
            raise Failed(f"it lists more than {TOOLS} tools")


def packets_sent():
    """Return how many UDP packets were sent in this network namespace, which is the sandbox's own."""
    try:
        with open("/proc/net/snmp") as file:
            names, values = (line.split() for line in file if line.startswith("Udp:"))
        return int(values[names.index("OutDatagrams")])
    except (OSError, ValueError):
        return 0


def main():
    """Probe the server; whatever it started ends with the sandbox."""
    request = json.loads(sys.stdin.read())
    outcome = {"error": "", "tools": [], "stderr": "", "lookups": 0}
    sent = packets_sent()
    with tempfile.TemporaryFile() as stderr:
        try:
            process = subprocess.Popen(
                request["command"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **request["variables"]},
            )
        except OSError as error:
            outcome["error"] = f"its program cannot be started: {error.strerror}"
        else:
            try:
                outcome["tools"] = tools_of(Session(process, time.monotonic() + request["seconds"]))
            except Failed as error:
                outcome["error"] = str(error)
            process.kill()
            process.wait()
            outcome["lookups"] = packets_sent() - sent
        stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - STDERR_BYTES))
        outcome["stderr"] = stderr.read().decode(errors="replace")
    sys.stdout.write(json.dumps(outcome))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
