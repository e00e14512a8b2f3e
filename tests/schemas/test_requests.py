"""Lists of requests: sentences and mappings, in YAML and JSON lines, and what is wrong with them."""

import pytest

from agenthands.errors import RequestInvalid
from agenthands.schemas.request import read_requests


def test_sentences_and_mappings_in_yaml():
    text = "- An agent that counts\n- request: Another\n  budget: 2\n  planner: a/b\n"
    one, two = read_requests(text, "batch.yaml", {"planner": "c/d"})
    assert (one.request, one.budget, one.planner) == ("An agent that counts", None, "c/d")
    assert (two.request, two.budget, two.planner) == ("Another", 2, "c/d")


def test_json_lines_may_be_sentences_and_have_empty_lines():
    text = '"An agent that counts"\n\n{"request": "Another", "max_attempts": 1}\n'
    one, two = read_requests(text, "s3://bucket/batch.jsonl", {})
    assert (one.request, two.request, two.max_attempts) == ("An agent that counts", "Another", 1)


@pytest.mark.parametrize(("text", "name", "said"), [
    ("", "b.yaml", "b.yaml holds no requests"),
    ("[]", "b.yaml", "holds no requests"),
    ("\n\n", "b.jsonl", "holds no requests"),
    ("request: one\n", "b.yaml", "must be a list"),
    ("- [a\n", "b.yaml", "is not YAML"),
    ("- one\n- 7\n", "b.yaml", "entry 2 is neither a sentence nor a mapping"),
    ("- one\n- request: two\n  colour: blue\n", "b.yaml", "entry 2: colour"),
    ("- request: two\n  budget: -1\n", "b.yaml", "entry 1: budget"),
    ("- budget: 1\n", "b.yaml", "entry 1: request"),
    ("- {1: 2, request: x}\n", "b.yaml", "entry 1: keys must be text"),
    ('"one"\n{"request": \n', "b.jsonl", "b.jsonl, line 2, is not JSON"),
    ("[" * 100_000, "b.jsonl", "line 1, is not JSON"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text, name, said):
    with pytest.raises(RequestInvalid, match=said) as raised:
        read_requests(text, name, {})
    assert raised.value.exit_code == 2
