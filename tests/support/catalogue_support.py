"""Catalogue entries that only tests use."""

EVERYTHING = {
    "title": "Everything",
    "description": "Exercises all features of the protocol",
    "packages": [
        {
            "registryType": "npm",
            "identifier": "@modelcontextprotocol/server-everything",
            "version": "2026.8.31",
            "transport": {"type": "stdio"},
        }
    ],
    "_meta": {
        "io.agenthands/catalogue": {
            "categories": ["test"],
            "command": "mcp-server-everything",
            "network": "none",
            "as_of": "2026-11-23",
            "tools": [{"name": "echo"}, {"name": "get-sum"}],
        }
    },
}
