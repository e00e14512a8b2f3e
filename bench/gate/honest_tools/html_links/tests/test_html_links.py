import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.html_links import HtmlLinksConfig, links


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", HtmlLinksConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def found(html, base=""):
    return [(link.url, link.text) for link in links(html, base)]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("", []),
        ("<a href=x>A</a> B", [("x", "A")]),
        ("<A HREF='x'>A</A>", [("x", "A")]),
        ("<a name=x>A</a>", []),
        ("<a href=''>A</a>", []),
        ("<link href=x>", []),
        ("<a href=x>A<b> b\n c</b></a>", [("x", "A b c")]),
        ("<a href=' x '>1</a><a href=y>2", [("x", "1"), ("y", "2")]),
        ("<a href=x>A &lt;</a>", [("x", "A <")]),
        ("<a href=x>A</b>B</a>", [("x", "AB")]),
    ],
)
def test_links(html, expected):
    assert found(html) == expected


@pytest.mark.parametrize(
    ("href", "url"),
    [("b", "https://e.org/a/b"), ("/b", "https://e.org/b"), ("?q", "https://e.org/a/?q"), ("http://x.y", "http://x.y")],
)
def test_relative_links(href, url):
    assert found(f"<a href='{href}'>A</a>", "https://e.org/a/") == [(url, "A")]


def test_through_nat():
    assert call(html="<a href=x>A</a>", base="https://e.org") == [{"url": "https://e.org/x", "text": "A"}]
