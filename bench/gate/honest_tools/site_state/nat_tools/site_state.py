"""Watch a site."""

from typing import Literal

import httpx
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

URL = "https://status.example/"
GONE = {404, 410}


class PageInput(BaseModel):
    page: str = Field(description="Path without the first slash")


class SiteState(BaseModel):
    state: Literal["up", "gone", "down"]
    status: int


class SiteStateConfig(FunctionBaseConfig, name="site_state"):
    """Configuration of the site_state tool."""


async def status_of(page: str) -> int:
    """Return the status of a page, 0 where nobody answers."""
    async with httpx.AsyncClient(timeout=5) as client:
        try:
            answer = await client.head(URL + page)
        except httpx.TransportError:
            return 0
    return answer.status_code


def state_of(status: int) -> SiteState:
    """Return what a status means."""
    if 200 <= status < 400:
        return SiteState(state="up", status=status)
    return SiteState(state="gone" if status in GONE else "down", status=status)


@register_function(config_type=SiteStateConfig)
async def site_state(config: SiteStateConfig, builder: Builder):
    async def _run(data: PageInput) -> SiteState:
        return state_of(await status_of(data.page))

    yield FunctionInfo.from_fn(
        _run, description="Say whether a page of the site works: up, gone or down, with its status."
    )
