"""A model server on loopback that plays a script and then fails, quoting whatever key it was sent."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from scripted_server import completion, kind_of, streamed

from agenthands.testing.scripted_model import answer

SPY = "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '"


@contextmanager
def echoing_server(keys):
    """Give the port, and what was sent as authorization.

    The plan is that of data-report; its coder spies, then gets an error with all `keys` in it, each cut off somewhere.
    """
    sent = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            call = json.loads(self.rfile.read(int(self.headers["content-length"])))
            sent.append(self.headers.get("authorization", ""))
            if kind_of(call) == "plan":
                return self._say(call, answer("scripted/data-report", call["messages"], call))
            if not any(message["role"] == "assistant" for message in call["messages"]):
                return self._say(call, {"content": "", "tool_calls": [("terminal", {"command": SPY})]})
            text = f"Incorrect API key provided: {', '.join([*keys, sent[-1]])}."
            return self._answer(400, "application/json", json.dumps({"error": {"message": text}}).encode())

        def _say(self, call, message):
            streams = call.get("stream")
            body = streamed(message) if streams else json.dumps(completion(message)).encode()
            self._answer(200, "text/event-stream" if streams else "application/json", body)

        def _answer(self, status, kind, body):
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, sent
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
