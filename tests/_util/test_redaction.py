"""What is a key, and that none leaves."""

import base64
import io
import json
import logging
import re
from urllib.parse import quote, quote_plus

import pytest
from markupsafe import escape

from agenthands._util import redaction as masking
from agenthands._util.redaction import (
    RedactedStream,
    has_password,
    redact,
    redact_bytes,
    redact_error,
    redact_json,
    redact_logs,
    remember,
    without_keys,
    without_user,
)
from agenthands.errors import ModelUnavailable, PlanRefused
from agenthands.events import Notice, emit, listening
from agenthands.reports.markdown import escaped

KEY = "sk-Canary-1234"


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(masking, "_remembered", frozenset())


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "PGPASSWORD",
        "MY_SECRET_THING", "npm_config_auth_token", "PREFECT_API_AUTH_STRING", "DB_PASS", "MYSQL_PWD", "GITHUB_PAT",
        "OPENAI_API_KEYS", "AZURE_STORAGE_CONNECTION_STRING",
    ],
)  # fmt: skip
def test_a_variable_that_is_named_like_a_key_is_one(monkeypatch, name):
    monkeypatch.setenv(name, KEY)
    assert redact(f"<{KEY}>") == "<***>"
    assert name not in without_keys({name: KEY, "PATH": "/bin"}, "$")


@pytest.mark.parametrize(
    "name", ["PATH", "MAX_TOKENS", "KEYBOARD", "SECRET_FILE", "MONKEY", "PWD", "OLDPWD", "COMPASS"]
)
def test_others_are_none(monkeypatch, name):
    monkeypatch.setenv(name, KEY)
    assert redact(KEY) == KEY
    assert without_keys({name: KEY}, "$") == {name: KEY}


@pytest.mark.parametrize("value", ["", "none", "EMPTY", "not-needed", "short-1", "ollama"])
def test_a_placeholder_is_no_key(monkeypatch, value):
    monkeypatch.setenv("OPENAI_API_KEY", value)
    assert redact(f"a {value} b") == f"a {value} b"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:p%40ssw0rd1@host/0", "redis://:***@host/0"),
        ("https://user:p%40ssw0rd1@host/v1", "https://user:***@host/v1"),
        ("https://ghp_Token12@host/x", "https://***@host/x"),
        ("ftp://user:p@ssw0rd1@host/x", "ftp://user:***@host/x"),
    ],
)
def test_a_password_in_any_variable_is_masked_as_it_is_written_and_as_it_is_sent(monkeypatch, url, shown):
    monkeypatch.setenv("SOME_ADDRESS", url)
    assert redact(f"see {url}") == f"see {shown}"
    assert redact("p@ssw0rd1") == ("p@ssw0rd1" if "ghp" in url else "***")
    assert has_password(url)
    assert not has_password(without_user(url))


def test_a_key_is_found_in_every_way_of_writing_it():
    key = 'a"b\\c/ü&<1'
    remember(key)
    for text in (key, json.dumps({"x": key}), repr(key), "q=a%22b%5Cc%2F%C3%BC%26%3C1", "a&quot;b\\c/ü&amp;&lt;1"):
        assert "***" in redact(text), text


HARD = "k\"1\\x/ü€&<'y z@=9"


@pytest.mark.parametrize(
    "write",
    [
        lambda key: json.dumps({"x": json.dumps({"y": json.dumps(key)})}),
        lambda key: json.dumps(json.dumps(key, ensure_ascii=False)),
        quote_plus,
        lambda key: quote(quote(key, safe="")),
        lambda key: re.sub("%..", lambda found: found[0].lower(), quote(key, safe="/")),
        lambda key: str(escape(key)),
        escaped,
        lambda key: escaped(json.dumps(key)),
        lambda key: repr({"x": key}),
        ascii,
        lambda key: key.replace(" ", "\n"),
    ],
)
def test_a_key_is_found_whole_however_it_is_written(write):
    remember(HARD)
    shown = redact(f"<{write(HARD)}>")
    assert "***" in shown
    assert not re.search("k.{0,4}1|[xyz]|€|9", shown.replace('"x"', "").replace("'x'", "").replace("y", "", 1)), shown


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_key_is_found_in_base64(before, encode):
    key = "sk-Canary>?>-\u00ff1234"
    remember(key)
    shown = redact(encode(f"{before}{key} and more".encode()).decode())
    assert "***" in shown
    assert len(shown) < len(encode(f"{before} and more".encode())) + 8, "all that the key alone decides is hidden"


def test_each_long_line_of_a_key_is_one():
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBgkqhkiG9w0B\nAQEFAASCBKgwggSkAgEAAoIB\n-----END PRIVATE KEY-----"
    remember(key)
    for text in (key, json.dumps(key), key.replace("\n", "\r\n"), key.splitlines()[1], "> AQEFAASCBKgwggSkAgEAAoIB"):
        assert "MIIE" not in redact(text)
        assert "AQEF" not in redact(text)
    assert redact("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"
    assert "MIIE" not in redact_error(f"bad key\n{key}")


def test_a_long_text_of_backslashes_takes_no_time():
    remember('\\\\"\\key-1234')
    text = "\\" * 200_000
    assert redact(text) == text


def test_spaces_around_a_word_make_no_key_of_it():
    remember(" none      ", "  sk-Canary-9  ")
    assert redact("none, sk-Canary-9") == "none, ***"


def test_json_stays_json_where_a_key_is_a_number():
    remember("1234567890")
    kept = json.loads(redact_bytes(b'{"n": 1234567890, "s": "a 1234567890"}'))
    assert kept == {"n": 1234567890, "s": "a ***"}
    assert redact_bytes(b"\xff1234567890\xfe") == b"\xff***\xfe"
    assert redact_bytes(b"\xff\x00\xfe") == b"\xff\x00\xfe"
    assert redact_json({"1234567890": ["1234567890", 5, None]}) == {"***": ["***", 5, None]}


def test_an_error_of_somebody_else_loses_what_looks_like_a_key():
    said = redact_error("bad key: AIzaXYZ9\n or Bearer abc.def, sk-proj-12 at redis://u:pw@h key=foo")
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
        redact_logs()
        logger.warning("a %s", KEY)
        try:
            raise ValueError(KEY)
        except ValueError:
            logger.exception("failed")
        try:
            try:
                raise OSError(KEY)
            except OSError as cause:
                cause.add_note(f"with {KEY}")
                raise RuntimeError("above") from cause
        except RuntimeError as error:
            error.add_note(f"and {KEY}")
            logger.exception("chained")
        logger.warning("two %s of %s", KEY)
        logger.warning("a name %(name)s", {"other": KEY})
    finally:
        logger.removeHandler(handler)
        logging.setLogRecordFactory(before)
    assert KEY not in stream.getvalue()
    assert stream.getvalue().startswith("a ***\nfailed\nTraceback")
    assert "ValueError: ***\n" in stream.getvalue()
    assert "OSError: ***\nwith ***\n" in stream.getvalue()
    assert stream.getvalue().endswith("above\nand ***\ntwo %s of %s\na name %(name)s\n")


def test_a_stream_of_the_command_line_is_masked():
    remember(KEY)
    stream = io.StringIO()
    print("see", KEY, file=RedactedStream(stream))
    assert stream.getvalue() == "see ***\n"
    assert RedactedStream(stream).isatty() is False
