"""From plan and tools to an installable package with NAT configuration, and to its bundle."""
