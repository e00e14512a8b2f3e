import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.url_normalise import UrlNormaliseConfig, normalise


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", UrlNormaliseConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.org", "http://a.org/"),
        ("http://A.org.:80/", "http://a.org/"),
        ("https://a.org:80/", "https://a.org:80/"),
        ("https://a.org:443/x", "https://a.org/x"),
        ("http://a.org/b/./c/../d", "http://a.org/b/d"),
        ("http://a.org/b/", "http://a.org/b/"),
        ("http://a.org/?b=2&a=1&a=0", "http://a.org/?a=0&a=1&b=2"),
        ("http://a.org/?b=", "http://a.org/?b="),
        ("http://a.org/?utm_x=1&gclid=2&fbclid=3&xutm_a=4", "http://a.org/?xutm_a=4"),
        ("http://a.org/#b", "http://a.org/"),
        ("http://a.org/x?q=a%20b", "http://a.org/x?q=a+b"),
    ],
)
def test_forms(url, expected):
    assert normalise(url) == expected
    assert normalise(expected) == expected


def test_tracking_can_stay():
    assert normalise("http://a.org/?utm_x=1", keep_tracking=True) == "http://a.org/?utm_x=1"


def test_through_nat():
    assert call(url="http://A.org/?utm_x=1") == "http://a.org/"
    assert call(url="http://A.org/?utm_x=1", keep_tracking=True) == "http://a.org/?utm_x=1"
    with pytest.raises(ValueError):
        call(url="ftp://a.org")
