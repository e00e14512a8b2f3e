import asyncio
import base64
import json
from datetime import UTC, datetime

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.jwt_read import JwtReadConfig, read


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", JwtReadConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3Iiwicm9sZSI6InVzZXIifQ.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


def made(header, claims):
    texts = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in (header, claims)]
    return ".".join([*texts, "x"])


def test_claims():
    assert read(TOKEN) == {"algorithm": "HS256", "claims": {"sub": "7", "role": "user"}, "expired": None}


def test_padding_of_every_length():
    for size in range(6):
        assert read(made({}, {"a": "x" * size}))["claims"] == {"a": "x" * size}


@pytest.mark.parametrize(("second", "expired"), [(99, False), (100, True), (101, True)])
def test_expiry(second, expired):
    at = datetime.fromtimestamp(second, tz=UTC)
    assert read(made({"alg": "none"}, {"exp": 100}), at)["expired"] is expired
    assert read(made({"alg": "none"}, {}), at)["expired"] is None
    assert read(made({"alg": "none"}, {"exp": 100}))["expired"] is None


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("a.b", "three parts"),
        ("a.b.c.d", "three parts"),
        ("!.e30.x", "cannot be read"),
        ("e30.e3.x", "cannot be read"),
        ("W10.e30.x", "no claims"),
        ("e30.W10.x", "no claims"),
    ],
)
def test_refused(token, said):
    with pytest.raises(ValueError, match=said):
        read(token)


def test_through_nat():
    assert call(token="e30.eyJleHAiOjEwMH0.", at="1970-01-01T00:01:40Z") == {
        "algorithm": None,
        "claims": {"exp": 100},
        "expired": True,
    }
    assert call(token=TOKEN)["expired"] is None
