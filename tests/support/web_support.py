"""A web server on this machine's loopback, which no sandbox reaches by itself."""

import http.server
import threading
from contextlib import contextmanager


@contextmanager
def serve_text(text):
    """Answer every GET with the same text; returns the port."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
