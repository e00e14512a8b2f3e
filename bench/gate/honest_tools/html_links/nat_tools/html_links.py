"""List the links of an HTML page with their texts."""

from html.parser import HTMLParser
from urllib.parse import urljoin
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class Link(BaseModel):
    url: str
    text: str


class HtmlLinksInput(BaseModel):
    html: str = Field(description="The page")
    base: str = Field(default="", description="Address of the page, for relative links")


class _Collector(HTMLParser):
    """Collects every <a href>, with the text inside it."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.links: list[Link] = []
        self._open: Link | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self._open = Link(url=urljoin(self.base, href.strip()), text="")
            self.links.append(self._open)

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._open = None


def links(html: str, base: str = "") -> list[Link]:
    """Return the links in order, their texts with single spaces."""
    collector = _Collector(base)
    collector.feed(html)
    return [Link(url=link.url, text=" ".join(link.text.split())) for link in collector.links]


class HtmlLinksConfig(FunctionBaseConfig, name="html_links"):
    """Configuration of the tool html_links; it needs none."""


@register_function(config_type=HtmlLinksConfig)
async def register_html_links(config: HtmlLinksConfig, builder: Builder):
    """Register html_links with NAT."""

    async def _run(data: HtmlLinksInput) -> list[dict[str, str]]:
        return [link.model_dump() for link in links(data.html, data.base)]

    yield FunctionInfo.from_fn(_run, description="List the links of an HTML page with their texts.")
