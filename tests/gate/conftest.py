"""For tests of the gate that ask which checks fail, and not how many mutants are noticed."""

import pytest

from agenthands.gate import evidence


@pytest.fixture
def few_mutants(monkeypatch):
    """Judge with eight mutants instead of forty: a quarter of the time of a whole verdict."""
    monkeypatch.setattr(evidence, "MAX_MUTANTS", 8)
