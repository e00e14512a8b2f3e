"""Canaries for every place where a key can be, and a look for them in files."""

import base64
import html
import json
import tarfile
import threading
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

from catalogue_support import EVERYTHING
from conftest_paths import TEST_HOME
from python_index import python_index

ENVIRONMENT = {
    "GEMINI_API_KEY": "AIzaCanaryGemini0001",
    "OPENAI_API_KEY": "sk-canary-Openai-0002",
    "ANTHROPIC_API_KEY": "sk-ant-Canary-0003",
    "AWS_ACCESS_KEY_ID": "AKIACANARY0000000004",
    "AWS_SECRET_ACCESS_KEY": "canary/Aws+Secret/0005",
    "AWS_SESSION_TOKEN": "canary.Session.0006==",
    "HF_TOKEN": "hf_canary0007",
    "ALPACA_SECRET_KEY": "canary-Alpaca-0008",
    "DATABASE_PASSWORD": 'canary"Quoted"0009',
    "PREFECT_API_KEY": "pnu_canary0014",
    "PREFECT_API_AUTH_STRING": "admin:canary-Auth-0015",
    "PREFECT_SERVER_DATABASE_PASSWORD": "canary-Database-0016",
    "UV_INDEX_PRIVATE_PASSWORD": "canary-Uv-0017",
}
BLOCK, LITERAL, REDIS, BASE = "canary-Block-0010", "canary-Toml-0011", "canary@Redis-0012", "canary:Base-0013"
FALLBACK, CATALOGUE, INDEX = "canary-Fallback-0018", "canary@Catalogue-0019", "canary:Index-0020"
MIRROR, WEB = "canary/Mirror-0021", "canary-Web-0022"
KEYS = (*ENVIRONMENT.values(), BLOCK, LITERAL, REDIS, BASE, FALLBACK, CATALOGUE, INDEX, MIRROR, WEB)
FORMS = {
    form.encode()
    for key in KEYS
    for form in (
        key, quote(key, safe=""), json.dumps(key)[1:-1], html.escape(key),
        base64.b64encode(f"user:{key}".encode()).decode(), base64.b64encode(key.encode()).decode(),
    )
}  # fmt: skip

_MODELS = """
[llm]
model = "openai/scripted"
api_base = "http://127.0.0.1:{port}/v1"
api_key = "prefect:canary"
num_retries = 0
[llm.coder]
api_base = "http://user:{base}@127.0.0.1:{port}/v1"
api_key = "{literal}"
[llm.fallback]
model = "openai/stand-in"
api_key = "{fallback}"
"""


def models_with_keys(port):
    """Return a file of models on loopback whose keys are in the Secret block `canary`, in the file and in a URL."""
    return _MODELS.format(port=port, base=quote(BASE), literal=LITERAL, fallback=FALLBACK)


@contextmanager
def addresses_with_passwords(folder):
    """Return variables of a catalogue and a package index on loopback, and of other addresses, each with a password."""
    (folder / "servers.json").write_text(json.dumps([{**EVERYTHING, "name": "test/everything"}]))
    pages = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    threading.Thread(target=pages.serve_forever, args=(0.05,), daemon=True).start()
    with ExitStack() as stack:
        stack.callback(pages.server_close)
        stack.callback(pages.shutdown)
        index = stack.enter_context(python_index({}))
        port, password = pages.server_port, quote(CATALOGUE, safe="")
        yield {
            "AGENTHANDS_CATALOGUE": f"http://user:{password}@127.0.0.1:{port}/servers.json",
            "AGENTHANDS_STORE_WEB": f"https://user:{WEB}@store.example/agents",
            "UV_EXTRA_INDEX_URL": index.replace("//", f"//user:{quote(INDEX, safe='')}@"),
            "PIP_INDEX_URL": f"https://user:{quote(MIRROR, safe='')}@pip.example/simple",
        }


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def has_canary(content):
    return any(form in content for form in FORMS)


def leaks(paths):
    """Name the files in which a canary stands, archives included."""
    found = []
    for path in paths:
        if path.is_file() and not path.is_symlink() and has_canary(path.read_bytes()):
            found.append(str(path))
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                members = [member for member in archive.getmembers() if member.isfile()]
                found += [f"{path}: {each.name}" for each in members if has_canary(archive.extractfile(each).read())]
    return found


def written_since(start):
    """Return what was written below AGENTHANDS_HOME, environments aside."""
    paths = (path for folder in TEST_HOME.iterdir() if folder.name != "environments" for path in folder.rglob("*"))
    return [path for path in paths if path.is_file() and path.stat().st_mtime >= start]
