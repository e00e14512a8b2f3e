"""Records what uv and npm print where they fail, in `tests/environments/fixtures`: run by hand when one is upgraded.

    .venv/bin/python tests/support/record_installer_outputs.py FOLDER_OF_AN_ENVIRONMENT_WITH_NODE

Both ask an index on this machine; its address, this machine's paths and dates are replaced.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

import pytest
from npm_registry import npm_registry
from python_index import python_index, wheel

from agenthands.environments import npm, uv
from agenthands.environments.base import Environment

FIXTURES = Path(__file__).parents[1] / "environments" / "fixtures"
OLD, NEW = "2020-01-01T00:00:00Z", "2035-01-01T00:00:00Z"
NOWHERE = "http://127.0.0.1:9"  # nobody listens at this port


def uv_outputs(folder):
    """Yield name, exit code and output of each failing call."""

    def one(name, version="1.0", requires=()):
        return (f"{name}-{version}-py3-none-any.whl", wheel(name, version, {f"{name}.py": "x = 1\n"}, requires), OLD)

    packages = {
        "good": [one("good"), one("good", "2.0")],
        "clashing": [one("clashing", requires=["good<2"])],
        "sourceonly": [("sourceonly-1.0.tar.gz", b"no archive", OLD)],
        "otherwise": [("otherwise-1.0-cp39-cp39-win_amd64.whl", wheel("otherwise", "1.0", {}), OLD)],
        "young": [("young-1.0-py3-none-any.whl", wheel("young", "1.0", {}), NEW)],
    }
    wanted = {
        "no-such-package": "no-such-package\n",
        "no-such-version": "good==9\n",
        "conflict": "clashing\ngood==2.0\n",
        "source-only": "sourceonly\n",
        "no-wheel-for-this-machine": "otherwise\n",
        "connection-in-its-name": "connection-timed-out\n",
    }
    with python_index(packages) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_INDEX_URL", url)
        patch.setenv("UV_CACHE_DIR", str(folder / "cache"))
        patch.setenv("UV_HTTP_RETRIES", "0")
        for name, text in wanted.items():
            (folder / "wanted.in").write_text(text)
            yield name, uv._uv(["pip", "compile", "--quiet", *uv._WHEELS_ONLY, str(folder / "wanted.in")]), url
        (folder / "wanted.in").write_text("young\n")
        day = ["--exclude-newer", "2030-01-01T00:00:00Z"]
        yield "young", uv._uv(["pip", "compile", "--quiet", *uv._WHEELS_ONLY, *day, str(folder / "wanted.in")]), url
        (folder / "some.lock").write_text(f"good==1.0 --hash=sha256:{'0' * 64}\n")
        install = ["pip", "install", "--quiet", "--require-hashes", "--target", str(folder / "site")]
        yield "hash-mismatch", uv._uv([*install, "--requirement", str(folder / "some.lock")]), url
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_INDEX_URL", f"{NOWHERE}/simple")
        patch.setenv("UV_CACHE_DIR", str(folder / "cache"))
        patch.setenv("UV_HTTP_RETRIES", "0")
        (folder / "wanted.in").write_text("good\n")
        yield "index-away", uv._uv(["pip", "compile", "--quiet", str(folder / "wanted.in")]), NOWHERE
        patch.setenv("UV_INDEX_URL", "http://index.invalid/simple")
        yield "index-unknown", uv._uv(["pip", "compile", "--quiet", str(folder / "wanted.in")]), NOWHERE


def npm_outputs(folder, node):
    """Yield name, exit code and output of each failing call."""
    good = ({"name": "good", "version": "1.0.0"}, {})
    peer = ({"name": "peer", "version": "1.0.0", "peerDependencies": {"good": "^2.0.0"}}, {})
    clash = ({"name": "clash", "version": "1.0.0", "dependencies": {"good": "1.0.0", "peer": "1.0.0"}}, {})
    lost = ({"name": "lost", "version": "1.0.0", "dependencies": {"no-such-package": "1.0.0"}}, {})
    packages = {"good": good, "peer": peer, "clash": clash, "lost": lost, "enotfound-network": good}
    wanted = {
        "no-such-package": ("no-such-package", "1.0.0"),
        "no-such-version": ("good", "9.0.0"),
        "conflict": ("clash", "1.0.0"),
        "needs-no-such-package": ("lost", "1.0.0"),
        "network-in-its-name": ("enotfound-network", "9.0.0"),
    }
    with npm_registry(packages) as (url, _), pytest.MonkeyPatch.context() as patch:
        patch.setenv("npm_config_cache", str(folder / "npm-cache"))
        patch.setenv("npm_config_fetch_retries", "0")
        patch.setenv("npm_config_registry", url)
        for name, (package, version) in wanted.items():
            place = folder / name
            place.mkdir()
            (place / "package.json").write_text(npm._manifest(package, version))
            yield name, npm._npm(node, ["install", "--package-lock-only"], place), url
        place = folder / "hash"
        place.mkdir()
        (place / "package.json").write_text(npm._manifest("good", "1.0.0"))
        entry = {"version": "1.0.0", "integrity": "sha512-" + "A" * 86 + "=="}
        root = {"name": "mcp-server", "dependencies": {"good": "1.0.0"}}
        lock = {"name": "mcp-server", "lockfileVersion": 3, "packages": {"": root, "node_modules/good": entry}}
        (place / "package-lock.json").write_text(json.dumps(lock))
        yield "hash-mismatch", npm._npm(node, ["ci"], place), url
        for name, address in (("index-away", NOWHERE), ("index-unknown", "http://index.invalid")):
            patch.setenv("npm_config_registry", address)
            place = folder / name
            place.mkdir()
            (place / "package.json").write_text(npm._manifest("other", "1.0.0"))
            yield name, npm._npm(node, ["install", "--package-lock-only"], place), NOWHERE


def clean(text, folder, url):
    """Return a text without what is of this machine."""
    address = url.removesuffix("/simple").rstrip("/").removeprefix("http://")
    text = (
        text.replace(address, "index.test")
        .replace(str(folder), "FOLDER")
        .replace("127.0.0.1:9", "index.test")
        .replace("127.0.0.1", "index.test")
    )
    text = re.sub(r"/[\w./@-]*/node_modules/", "NODE/", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d_\d\d_\d\d_\d+Z", "DATE", text)


def main():
    """Write the fixtures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        node = Environment(Path(sys.argv[1]).absolute(), "0")
        for tool, outputs in (("uv", uv_outputs(folder)), ("npm", npm_outputs(folder, node))):
            said = {
                each: {
                    "exit_code": result.exit_code,
                    "stdout": clean(result.stdout.decode(), folder, url),
                    "stderr": clean(result.stderr.decode(), folder, url),
                }
                for each, result, url in outputs
            }
            assert all(each["exit_code"] for each in said.values()), said
            (FIXTURES / f"{tool}.json").write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
