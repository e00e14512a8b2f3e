"""How our HTML pages are rendered: everything that a model or a user wrote is escaped, and can be seen."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from agenthands._util.formatting import count, duration, money, tick, visible
from agenthands.reports.view_model import as_text


@cache
def page_environment() -> Environment:
    """Return the templates of all pages, with the words for figures as filters."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(money=money, duration=duration, count=count, tick=tick)
    environment.filters.update(highlighted=highlighted, shortened=shortened, line_count=line_count, as_text=as_text)
    return environment


def _shown(value: Any) -> Any:
    """Write out what would hide in a text; HTML of our own templates and of Pygments stays as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


LONGEST = 200_000  # characters of one text that a page shows


def highlighted(text: str, language: str, anchor: str = "") -> Markup:
    """Return the text as spans whose classes begin with `hl-`; with `anchor`, line 7 has the id `<anchor>-7`.

    Pygments escapes what it marks up. `anchor` must not be foreign.
    """
    from pygments import highlight
    from pygments.formatters import HtmlFormatter

    form = HtmlFormatter(nowrap=True, classprefix="hl-")
    marked = highlight(visible(shortened(text)), _lexer(language), form)
    if anchor:  # Pygments closes its spans at the end of each line
        lines = marked.removesuffix("\n").split("\n")
        marked = "\n".join(f'<span id="{anchor}-{number}">{line}</span>' for number, line in enumerate(lines, 1))
    return Markup(marked)


def line_count(text: str) -> int:
    """Return how many lines of a text are shown."""
    return visible(shortened(text)).removesuffix("\n").count("\n") + 1


def shortened(text: str, limit: int = LONGEST) -> str:
    """Return at most `limit` characters, and say what was left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n[{len(text) - limit:,} more characters are left out here]"


@cache
def _lexer(language: str) -> object:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(language, stripnl=False)
