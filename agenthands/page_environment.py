"""How our HTML pages are rendered: everything that a model or a user wrote is escaped, and can be seen."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from agenthands.code_markup import highlighted, shortened
from agenthands.shown_parts import as_text
from agenthands.wording import count, duration, money, tick, visible


@cache
def page_environment() -> Environment:
    """Give the templates of all pages, with the words for figures as filters."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(money=money, duration=duration, count=count, tick=tick)
    environment.filters.update(highlighted=highlighted, shortened=shortened, as_text=as_text)
    return environment


def _shown(value: Any) -> Any:
    """Write out what would hide in a text; HTML of our own templates and of Pygments stays as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
