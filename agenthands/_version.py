"""The version, for whoever must not import the whole."""

__version__ = "0.1.0"
