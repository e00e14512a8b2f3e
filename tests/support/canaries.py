"""Canaries for every place where a key can be, and a look for them in files."""

import base64
import html
import json
import tarfile
from urllib.parse import quote

from conftest_paths import TEST_HOME

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
}
BLOCK, LITERAL, REDIS, BASE = "canary-Block-0010", "canary-Toml-0011", "canary@Redis-0012", "canary:Base-0013"
FORMS = {
    form.encode()
    for key in (*ENVIRONMENT.values(), BLOCK, LITERAL, REDIS, BASE)
    for form in (
        key, quote(key, safe=""), json.dumps(key)[1:-1], html.escape(key),
        base64.b64encode(f"user:{key}".encode()).decode(),
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
"""


def models_with_keys(port):
    """Give a file of models on loopback whose keys are in the Secret block `canary`, in the file and in a URL."""
    return _MODELS.format(port=port, base=quote(BASE), literal=LITERAL)


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
    """Give what was written below AGENTHANDS_HOME, environments aside."""
    paths = (path for folder in TEST_HOME.iterdir() if folder.name != "environments" for path in folder.rglob("*"))
    return [path for path in paths if path.is_file() and path.stat().st_mtime >= start]
