"""What is a key, and that none leaves."""

import io
import json
import logging

import pytest

from agenthands import masking
from agenthands.errors import ModelUnavailable, PlanRefused
from agenthands.events import Notice, emit, listening
from agenthands.masking import (
    MaskedStream,
    has_password,
    mask_logs,
    masked,
    masked_bytes,
    masked_error,
    masked_json,
    remember,
    without_keys,
    without_user,
)

KEY = "sk-Canary-1234"


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(masking, "_remembered", frozenset())


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "PGPASSWORD",
        "MY_SECRET_THING", "npm_config_auth_token", "PREFECT_API_AUTH_STRING",
    ],
)  # fmt: skip
def test_a_variable_that_is_named_like_a_key_is_one(monkeypatch, name):
    monkeypatch.setenv(name, KEY)
    assert masked(f"<{KEY}>") == "<***>"
    assert name not in without_keys({name: KEY, "PATH": "/bin"}, "$")


@pytest.mark.parametrize("name", ["PATH", "MAX_TOKENS", "KEYBOARD", "SECRET_FILE", "MONKEY"])
def test_others_are_none(monkeypatch, name):
    monkeypatch.setenv(name, KEY)
    assert masked(KEY) == KEY
    assert without_keys({name: KEY}, "$") == {name: KEY}


@pytest.mark.parametrize("value", ["", "none", "EMPTY", "not-needed", "short-1", "ollama"])
def test_a_placeholder_is_no_key(monkeypatch, value):
    monkeypatch.setenv("OPENAI_API_KEY", value)
    assert masked(f"a {value} b") == f"a {value} b"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:p%40ssw0rd1@host/0", "redis://:***@host/0"),
        ("https://user:p%40ssw0rd1@host/v1", "https://user:***@host/v1"),
        ("https://ghp_Token12@host/x", "https://***@host/x"),
    ],
)
def test_a_password_in_any_variable_is_masked_as_it_is_written_and_as_it_is_sent(monkeypatch, url, shown):
    monkeypatch.setenv("SOME_ADDRESS", url)
    assert masked(f"see {url}") == f"see {shown}"
    assert masked("p@ssw0rd1") == ("***" if "p%40" in url else "p@ssw0rd1")
    assert has_password(url)
    assert not has_password(without_user(url))


def test_a_key_is_found_in_every_way_of_writing_it():
    key = 'a"b\\c/ü&<1'
    remember(key)
    for text in (key, json.dumps({"x": key}), repr(key), "q=a%22b%5Cc%2F%C3%BC%26%3C1", "a&quot;b\\c/ü&amp;&lt;1"):
        assert "***" in masked(text), text


def test_json_stays_json_where_a_key_is_a_number():
    remember("1234567890")
    kept = json.loads(masked_bytes(b'{"n": 1234567890, "s": "a 1234567890"}'))
    assert kept == {"n": 1234567890, "s": "a ***"}
    assert masked_bytes(b"\xff1234567890") == b"\xff1234567890"
    assert masked_json({"1234567890": ["1234567890", 5, None]}) == {"***": ["***", 5, None]}


def test_an_error_of_somebody_else_loses_what_looks_like_a_key():
    said = masked_error("bad key: AIzaXYZ9\n or Bearer abc.def, sk-proj-12 at redis://u:pw@h key=foo")
    assert said == "bad key: *** or Bearer ***, sk-*** at redis://u:***@h key=***"


def test_events_and_errors_are_masked_when_they_are_made():
    remember(KEY)
    heard = []
    with listening(heard.append):
        emit(Notice("b", f"the key is {KEY}"))
    assert heard[0].text == "the key is ***"
    error = ModelUnavailable(f"refused {KEY}", f"try without {KEY}")
    assert (str(error), error.message, error.hint) == ("refused ***", "refused ***", "try without ***")
    assert PlanRefused("x", "", f"answer {KEY}").last_answer == "answer ***"


def test_log_records_are_masked_with_their_tracebacks():
    remember(KEY)
    before = logging.getLogRecordFactory()
    stream = io.StringIO()
    logger, handler = logging.getLogger("test-masking"), logging.StreamHandler(stream)
    logger.addHandler(handler)
    try:
        mask_logs()
        logger.warning("a %s", KEY)
        try:
            raise ValueError(KEY)
        except ValueError:
            logger.exception("failed")
    finally:
        logger.removeHandler(handler)
        logging.setLogRecordFactory(before)
    assert KEY not in stream.getvalue()
    assert stream.getvalue().startswith("a ***\nfailed\nTraceback")
    assert stream.getvalue().endswith("ValueError: ***\n")


def test_a_stream_of_the_command_line_is_masked():
    remember(KEY)
    stream = io.StringIO()
    print("see", KEY, file=MaskedStream(stream))
    assert stream.getvalue() == "see ***\n"
    assert MaskedStream(stream).isatty() is False
