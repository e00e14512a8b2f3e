"""Renders the files in `prompts/`, which hold every text that a model reads."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_PACKAGE = Path(__file__).parents[1]


@cache
def prompts_folder() -> Path:
    """Return the folder of the prompts: at the top of a checkout, in the package of a wheel."""
    return _PACKAGE / "prompts"


@cache
def _environment() -> Environment:
    return Environment(  # the result is text for a model, not HTML
        loader=FileSystemLoader(prompts_folder()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render(name: str, **values: Any) -> str:
    """Render `prompts/<name>`. Raises jinja2.UndefinedError for a missing variable."""
    return _environment().get_template(name).render(**values)


def render_text(text: str, **values: Any) -> str:
    """Render a prompt that the user wrote. Raises jinja2.TemplateError."""
    return _environment().from_string(text).render(**values)


def prompt_text(name: str) -> str:
    """Return the unrendered text of a prompt, by its name in `prompts/` or by a path. Raises OSError or ValueError."""
    return (prompts_folder() / Path(name).expanduser()).read_text(encoding="utf-8")


def prompt_hashes() -> dict[str, str]:
    """Return the SHA-256 of every prompt file of builds, by its name; for the build record and for cache keys."""
    folder = prompts_folder()
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.j2"))
        if path.parent.name != "trial"  # no part of a build
    }
