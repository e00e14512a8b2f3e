"""Servers that a catalogue names, and that an index does not have, or has as an empty shell. The indexes are real."""

import re

import pytest
from catalogue_support import EVERYTHING
from conftest_paths import TEST_HOME

from agenthands.environments.uv import UvInstaller
from agenthands.mcp.catalogue import server_of
from agenthands.mcp.setup import PreparedServers, UnusableServer, examine_server, prepare_server
from agenthands.schemas import McpServer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("registry", "package", "version", "reason"),
    [
        ("pypi", "mcp-server-time", "99.0.0", "cannot be installed: .*99.0.0"),
        ("pypi", "no-such-mcp-server-at-all", "1.0.0", "cannot be installed: .*no-such-mcp-server-at-all"),
        ("npm", "@modelcontextprotocol/server-everything", "1.0.0", "cannot be installed: .*1.0.0"),
        ("npm", "@modelcontextprotocol/server-nothing", "1.0.0", "cannot be installed: .*server-nothing"),
        # On PyPI this name is a placeholder: a wheel without a single module.
        (
            "pypi",
            "mcp-server-memory",
            "0.0.1",
            "cannot be installed: The package mcp-server-memory is a placeholder.*TRUST",
        ),
    ],
)
def test_what_an_index_does_not_have_is_a_clear_reason(registry, package, version, reason, bubblewrap, tmp_path):
    document = {**EVERYTHING, "packages": [{**EVERYTHING["packages"][0], "registryType": registry}]}
    document["packages"][0] |= {"identifier": package, "version": version}
    document["_meta"] = {key: {**value, "as_of": ""} for key, value in EVERYTHING["_meta"].items()}
    entry = server_of("wanted", document)
    wanted = McpServer(id="wanted", tools=["echo"], reasoning="?")
    finding = examine_server(wanted, entry, UvInstaller(TEST_HOME), bubblewrap, tmp_path)
    server = prepare_server(wanted, entry, finding, UvInstaller(TEST_HOME))
    assert isinstance(server, UnusableServer)
    (complaint,) = PreparedServers.of([server]).unusable["wanted"]
    assert complaint.startswith(f"mcp_servers: wanted {version} ")
    assert re.search(reason, complaint.replace("\n", " ")), complaint
