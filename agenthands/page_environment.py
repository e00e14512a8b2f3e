"""How our HTML pages are rendered: everything that a model or a user wrote is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agenthands.wording import count, duration, money


@cache
def page_environment() -> Environment:
    """Give the templates of all pages, with the words for figures as filters."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(money=money, duration=duration, count=count)
    return environment
