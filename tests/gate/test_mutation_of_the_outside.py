"""Mutants of how a tool deals with the outside: made for tools with recorded worlds alone."""

import pytest

from agenthands.gate.mutation.mutants import mutants

KINDS = {"another method", "not sent", "no time-out", "failure not seen", "error not handled"}


def changed(body, *, outside=True):
    source = f"async def f(client, url, key):\n    {body}\n"
    found = [each for each in mutants(source, 1000, outside=outside) if each.kind in KINDS]
    return {line[1:].strip() for each in found for line in each.diff.splitlines() if line[:1] == "+"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x = await client.get(url)", {"x = await client.post(url)"}),
        ("x = client.post(url, json=key)", {"x = client.put(url, json=key)", "x = client.post(url, json=None)"}),
        ("x = client.request('GET', url)", {"x = client.request('POST', url)"}),
        ("x = Request(url, method='POST')", {"x = Request(url, method='PUT')"}),
        ("x = get(url, params={'a': 1, 'b': key})", {"x = get(url, params={'b': key})",
                                                     "x = get(url, params={'a': 1})"}),
        ("x = client.get(url, headers={'Key': key})", {"x = client.post(url, headers={'Key': key})",
                                                     "x = client.get(url, headers=None)"}),
        ("x = Client(timeout=5)", {"x = Client(timeout=None)"}),
        ("x = client.get(url).raise_for_status().json()", {"x = client.post(url).raise_for_status().json()",
                                                         "x = client.get(url).json()"}),
        ("if key.status_code == 404: raise ValueError", {"if False: raise ValueError"}),
        ("x = 1 if key.ok else 2", {"x = 1 if False else 2"}),
        ("x = key.get('name')", set()),
        ("x = key.get('name', 'default')", set()),
        ("if key == 404: raise ValueError", set()),
    ],
)  # fmt: skip
def test_what_is_changed(body, expected):
    assert changed(body) == expected
    assert changed(body, outside=False) == set()


def test_an_error_is_not_handled():
    source = (
        "def f(a):\n    try:\n        g()\n    except KeyError:\n        return 2\n    except OSError:\n        raise\n"
    )
    found = [each for each in mutants(source, 1000, outside=True) if each.kind == "error not handled"]
    assert ["+        raise" in each.diff for each in found] == [True]
