"""MCP servers: the catalogue, getting them ready, and what is wrong with them."""
