"""A real HTTPS server on loopback that stands for a host of the world, with an authority of its own."""

import contextlib
import http.server
import json
import ssl
import threading
import time

import trustme

KEY = "k3y-0f-the-weather-Service"


class RealHost(http.server.ThreadingHTTPServer):
    """Answers as `answer` says, by default with what it was sent, the headers included; `asked` are the requests."""

    daemon_threads = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer, self.asked = answer, []

    def handle_error(self, request, client_address):
        """Say nothing of clients that break off."""

    @property
    def port(self):
        return self.server_address[1]

    def rule(self, host):
        """The rule of the egress setting that lets `host` be this server."""
        return f"{host}=127.0.0.1:{self.port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = {"method": self.command, "path": self.path, "headers": _low(self.headers), "body": body.decode()}
        self.server.asked.append(asked)
        status, headers, answer = self.server.answer(asked)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        kind = {} if isinstance(answer, bytes) else {"Content-Type": "application/json"}
        for name, value in {**kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _any

    def log_message(self, *_):
        pass


def _low(headers):
    return {name.lower(): value for name, value in headers.items()}


def echo(asked):
    """Answer with everything that was sent, as services for debugging do."""
    return 200, {"X-Seen": asked["headers"].get("x-api-key", "")}, asked


@contextlib.contextmanager
def real_host(folder, *hosts, answer=echo, trusted=True):
    """Serve these hosts; yield the server and the file with the authority that a client must trust."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (authority if trusted else trustme.CA()).issue_cert(*hosts).configure_cert(context)
    store = folder / "real-authority.pem"
    authority.cert_pem.write_to_path(store)
    with RealHost(answer) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server, store
        server.shutdown()


def silent(_):
    """Answer nothing for very long."""
    time.sleep(3600)
