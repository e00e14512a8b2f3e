"""How the next page of an answer is asked for, as far as a description shows it by the usual names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agenthands.openapi.names import snake
from agenthands.schemas.api_operation import Carried, Paging

_URLS = ("next", "next_page_uri", "next_page_url", "next_url", "next_link", "odata_next_link")
_CURSORS = ("next_cursor", "next_page_token", "next_token", "next_page", "next_marker", "next", "cursor", "last_id")
_ASKED = ("cursor", "page_token", "next_token", "after", "starting_after", "next_page_token", "marker", "start_cursor",
          "next_cursor", "pagination_token")  # fmt: skip
_PAGES = ("page", "page_number", "pagenumber", "page_num", "p")
_OFFSETS = ("offset", "skip", "start", "start_index")
_AROUND = ("meta", "pagination", "paging", "response_metadata", "page_info", "links", "pages", "_links", "page")


def paging_of(method: str, inputs: Sequence[Carried], shape: Any, headers: Mapping[str, Any]) -> Paging | None:
    """Return how the pages of a list are asked for; None where it is no list, or where its pages cannot be told.

    `shape` is the simplified schema of the answer, `headers` are those described for it.
    """
    items = _items(shape)
    if method != "GET" or items is None:
        return None
    return _named_by_answer(items, inputs, shape, headers) or _counted(items, _plain_query(inputs))


def is_counted(name: str) -> bool:
    """Return whether a parameter of this name counts pages or entries."""
    return snake(name) in (*_PAGES, *_OFFSETS)


def _plain_query(inputs: Sequence[Carried]) -> dict[str, str]:
    """Return the plain parameters of the query by their names in lower case."""
    return {snake(each.name): each.name for each in inputs if each.place == "query" and each.writing == "plain"}


def _named_by_answer(items: str, inputs: Sequence[Carried], shape: Any, headers: Mapping[str, Any]) -> Paging | None:
    """Return where a link, a URL or a cursor to the next page stands; None where there is none."""
    query = _plain_query(inputs)
    if any(name.lower() == "link" for name in headers):
        return Paging(kind="link", items=items)
    places = list(_places(shape))
    for name in _URLS:
        for path, schema in places:
            looks = schema.get("type") == "string" and (name != "next" or not _first(query, _ASKED))
            if snake(path[-1]) == name and looks:
                return Paging(kind="url", items=items, source=path)
    if parameter := _first(query, _ASKED):
        for name in _CURSORS:
            for path, schema in places:
                if snake(path[-1]) == name and schema.get("type") in ("string", "integer", None):
                    return Paging(kind="cursor", items=items, source=path, parameter=query[parameter])
    return None


def _counted(items: str, query: Mapping[str, str]) -> Paging | None:
    """Return which parameter counts pages or entries; None where none does."""
    if parameter := _first(query, _PAGES):
        return Paging(kind="page", items=items, parameter=query[parameter])
    if parameter := _first(query, _OFFSETS):
        return Paging(kind="offset", items=items, parameter=query[parameter])
    return None


def _first(query: Mapping[str, str], names: Sequence[str]) -> str:
    return next((name for name in names if name in query), "")


def _items(shape: Any) -> str | None:
    """Return the member of an answer that lists what was found, empty for the answer itself; None for no list."""
    if not isinstance(shape, Mapping):
        return None
    if shape.get("type") == "array":
        return ""
    properties = shape.get("properties")
    lists = [
        name for name, each in (properties or {}).items() if isinstance(each, Mapping) and each.get("type") == "array"
    ]
    known = [name for name in lists if name in ("data", "items", "results", "value", "entries", "records")]
    return known[0] if known else lists[0] if len(lists) == 1 else None


def _places(shape: Any) -> Any:
    """Yield the members of an answer, and those of what lies around its list, with their schemas."""
    for name, each in (shape.get("properties") or {}).items():
        if isinstance(each, Mapping):
            yield [name], each
            if snake(name) in _AROUND:
                for inner, schema in (each.get("properties") or {}).items():
                    if isinstance(schema, Mapping):
                        yield [name, inner], schema
