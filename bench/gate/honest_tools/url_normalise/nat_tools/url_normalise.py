"""Bring the address of a web page into one form."""

import posixpath
import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field, HttpUrl

TRACKING = re.compile(r"^(utm_\w+|gclid|fbclid)$")
PORTS = {"http": 80, "https": 443}


class UrlNormaliseInput(BaseModel):
    url: HttpUrl = Field(description="An http or https address")
    keep_tracking: bool = Field(default=False, description="Whether utm_... and the like stay")


def normalise(url: str, keep_tracking: bool = False) -> str:
    """Return the address with small host, no default port, sorted query and no fragment."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.port and parts.port != PORTS.get(parts.scheme):
        host = f"{host}:{parts.port}"
    path = posixpath.normpath(parts.path or "/")
    if parts.path.endswith("/") and path != "/":
        path += "/"
    query = sorted(
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if keep_tracking or not TRACKING.match(name)
    )
    return urlunsplit((parts.scheme, host, path, urlencode(query), ""))


class UrlNormaliseConfig(FunctionBaseConfig, name="url_normalise"):
    """Configuration of the tool url_normalise; it needs none."""


@register_function(config_type=UrlNormaliseConfig)
async def register_url_normalise(config: UrlNormaliseConfig, builder: Builder):
    """Register url_normalise with NAT."""

    async def _run(data: UrlNormaliseInput) -> str:
        return normalise(str(data.url), data.keep_tracking)

    yield FunctionInfo.from_fn(_run, description="Bring the address of a web page into one form.")
