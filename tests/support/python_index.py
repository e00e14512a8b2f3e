"""A tiny Python index on this machine (PEP 691, PEP 700): wheels that a test makes up, with their upload times."""

import base64
import hashlib
import http.server
import io
import json
import threading
import zipfile
from contextlib import contextmanager

WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel(name, version, files, requires=()):
    """Return the bytes of a wheel with these files."""
    module = name.replace("-", "_")
    about = "".join(f"Requires-Dist: {each}\n" for each in requires)
    whole = {
        **files,
        f"{module}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{about}\n",
        f"{module}-{version}.dist-info/WHEEL": WHEEL,
    }
    lines = []
    for path, text in whole.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(text.encode())}\n")
    whole[f"{module}-{version}.dist-info/RECORD"] = "".join(lines) + f"{module}-{version}.dist-info/RECORD,,\n"
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for path, text in whole.items():
            archive.writestr(path, text)
    return raw.getvalue()


def _metadata(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA")))


@contextmanager
def python_index(packages):
    """Serve `packages`: name -> list of (file name, content, upload time or None). Gives the index' address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            parts = self.path.strip("/").split("/")
            if parts[0] == "simple" and len(parts) == 2 and parts[1] in packages:
                return self._answer("application/vnd.pypi.simple.v1+json", json.dumps(self._page(parts[1])).encode())
            for file, content, _ in packages.get(parts[1], []) if parts[0] == "files" and len(parts) == 3 else []:
                if file == parts[2]:
                    return self._answer("application/octet-stream", content)
                if f"{file}.metadata" == parts[2]:
                    return self._answer("application/octet-stream", _metadata(content))
            return self.send_error(404)

        def _page(self, name):
            files = [
                {
                    "filename": file,
                    "url": f"http://127.0.0.1:{server.server_port}/files/{name}/{file}",
                    "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
                    "size": len(content),
                    "core-metadata": file.endswith(".whl"),
                    **({"upload-time": uploaded} if uploaded else {}),
                }
                for file, content, uploaded in packages[name]
            ]
            return {"meta": {"api-version": "1.1"}, "name": name, "files": files, "versions": []}

        def _answer(self, kind, body):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
