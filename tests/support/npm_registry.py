"""A tiny npm index on this machine: packages that a test makes up, served as npm expects them."""

import base64
import contextlib
import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading


def _tarball(manifest, files):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, text in {"package.json": json.dumps(manifest), **files}.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text.encode())
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(raw.getvalue(), mtime=0)


@contextlib.contextmanager
def npm_registry(packages):
    """Serve `packages`: name -> (manifest with name and version, files, and the day if not 2026-01-01).

    They may be changed meanwhile.

    Returns the index' address and the paths that were asked for.
    """
    log = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            log.append(self.path)
            name, _, rest = self.path.lstrip("/").replace("%2f", "/").partition("/-/")
            if name not in packages:
                return self._answer(404, b'{"error":"Not found"}')
            manifest, files, *published = packages[name]
            tarball = _tarball(manifest, files)
            if rest:
                return self._answer(200, tarball, "application/octet-stream")
            digest = base64.b64encode(hashlib.sha512(tarball).digest()).decode()
            version = manifest["version"]
            url = f"http://127.0.0.1:{server.server_port}/{name}/-/x-{version}.tgz"
            entry = {**manifest, "dist": {"tarball": url, "integrity": f"sha512-{digest}"}}
            whole = {
                "name": name,
                "dist-tags": {"latest": version},
                "versions": {version: entry},
                "time": {version: f"{published[0] if published else '2026-01-01'}T00:00:00.000Z"},
            }
            return self._answer(200, json.dumps(whole).encode())

        def do_POST(self):
            self._answer(404, b"{}")

        def _answer(self, status, body, kind="application/json"):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", log
    finally:
        server.shutdown()
        server.server_close()
