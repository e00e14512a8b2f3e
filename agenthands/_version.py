"""The version, for what must not import the rest."""

__version__ = "0.1.0"
