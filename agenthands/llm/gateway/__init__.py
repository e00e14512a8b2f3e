"""How an agent in a sandbox reaches its model: an API on a Unix socket, without the key."""
