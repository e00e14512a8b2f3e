"""Pages of a list, as worlds record them: where each says that the next one is, and what all of them hold together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from agenthands.schemas.api_operation import Paging

MORE = "There are more pages: raise max_pages, or ask more exactly."


def with_source(page: Any, paging: Paging, value: Any) -> Any:
    """Return a page that says where the next one is."""
    page = dict(page) if isinstance(page, dict) else {}
    *outer, last = paging.source
    place = page
    for name in outer:
        place[name] = dict(place[name]) if isinstance(place.get(name), dict) else {}
        place = place[name]
    place[last] = value
    return page


def items_of(page: Any, paging: Paging) -> list[Any]:
    """Return what a page lists."""
    found = (page.get(paging.items) if isinstance(page, dict) else None) if paging.items else page
    return found if isinstance(found, list) else []


def listing(page: Any, paging: Paging, items: list[Any]) -> Any:
    """Return a page with other items in it."""
    return {**(page if isinstance(page, dict) else {}), paging.items: items} if paging.items else items


def last_page(page: Any, paging: Paging | None) -> Any:
    """Return a page that names no next one."""
    if paging is None or not paging.source or not isinstance(page, dict):
        return page
    *outer, last = paging.source
    page = place = dict(page)
    for name in outer:
        if not isinstance(place.get(name), dict):
            return page
        place[name] = dict(place[name])
        place = place[name]
    place.pop(last, None)
    return page


def names_more(page: Any, paging: Paging | None, url: str) -> bool:
    """Return whether a tool says that more pages follow one that it got from `url`; counted pages do not tell."""
    if paging is None or paging.kind not in ("url", "cursor"):
        return False
    found: Any = page
    for name in paging.source:
        found = found.get(name) if isinstance(found, dict) else None
    if not found:
        return False
    return paging.kind == "cursor" or urlsplit(urljoin(url, str(found))).hostname == urlsplit(url).hostname


def next_query(query: Mapping[str, Any], paging: Paging, listed: int) -> dict[str, Any]:
    """Return the query of the page that follows one with so many items."""
    if paging.kind == "cursor":
        return {**query, paging.parameter: "cursor-2"}
    if paging.kind in ("link", "url"):
        return {**query, "page_mark": "2"}
    before = query.get(paging.parameter)
    start = int(before) if isinstance(before, str) and before.isdigit() else 1 if paging.kind == "page" else 0
    return {**query, paging.parameter: str(start + (1 if paging.kind == "page" else listed))}


def leading_to(page: Any, paging: Paging, url: str, query: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    """Return a page, and the headers of its answer, that lead to the page with this query."""
    following = f"{url}?{urlencode(query, doseq=True)}"
    if paging.kind == "link":
        return page, {"Link": f'<{following}>; rel="next"'}
    if paging.kind == "url":
        return with_source(page, paging, following), {}
    return (with_source(page, paging, "cursor-2"), {}) if paging.kind == "cursor" else (page, {})
