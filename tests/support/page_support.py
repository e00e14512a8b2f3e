"""Pages as a parser reads them, and records in which every text is hostile."""

import re
from html.parser import HTMLParser
from typing import Literal, get_args, get_origin

from pydantic import BaseModel

VOID = {"meta", "br", "img", "input", "hr", "link"}
FORBIDDEN = {"script", "link", "img", "iframe", "object", "embed", "base", "form", "foreignobject", "image", "use"}
REFERENCES = ("src", "href", "xlink:href", "srcset", "action", "data", "poster", "background", "formaction")
EVIL = (
    "</pre></code></details></title></style></svg><script>alert(1)</script>\"><img src=x onerror=alert(2)>' "
    "onmouseover=alert(3) javascript:alert(4) [x](javascript:alert(5)) # `code` {{ 7 * 7 }}{% raw %}{# no #}"
    "&lt; --> ]]> \u202eback"
)
_STYLE = re.compile(r"((left|width): [\d.]+%;? ?|--tick: [\d.]+%)*")


class Page(HTMLParser):
    """Collects tags, attributes, text, and whether all tags are closed in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.open, self.wrong = [], [], [], []
        self.parts = []
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self.parts).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if "style" not in self.open:
            self.parts.append(data)

    def values(self, name):
        return [value for key, value in self.attributes if key == name]

    def complaints(self, links="#"):
        """Return what could run, load or break: nothing may. Links begin with `links` and lead somewhere."""
        ids = self.values("id")
        return [
            *(f"tag {tag}" for tag in FORBIDDEN & set(self.tags)),
            *(f"attribute {name}" for name, _ in self.attributes if name.startswith("on")),
            *(f"{n}={v}" for n, v in self.attributes if n in REFERENCES and not v.startswith(("#", links))),
            *(f"style {value}" for value in self.values("style") if not _STYLE.fullmatch(value)),
            *(f"nothing at {value}" for value in self.values("href") if value[0] == "#" and value[1:] not in ids),
            *(f"no label {value}" for value in self.values("aria-labelledby") if value not in ids),
            *(f"id {value} twice" for value in set(ids) if ids.count(value) > 1),
            *(f"left open: {tag}" for tag in self.open),
            *(f"closed too much: {tag}" for tag in self.wrong),
        ]


def planted(value, evil=EVIL):
    """Put a hostile text into every string of a model, of whatever depth, and into the keys of its mappings.

    `evil` may be a function, which is given each string.
    """
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return value.model_copy(
            update={
                name: planted(getattr(value, name), evil)
                for name, field in fields.items()
                if not _is_literal(field.annotation)
            }
        )
    if isinstance(value, dict):
        return {planted(key, evil): planted(each, evil) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(planted(each, evil) for each in value)
    if not isinstance(value, str):
        return value
    return evil(value) if callable(evil) else evil


def _is_literal(annotation):
    return get_origin(annotation) is Literal or any(get_origin(part) is Literal for part in get_args(annotation))
