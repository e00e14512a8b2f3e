"""Split songs over the sides of records in their order."""

from datetime import timedelta
from typing import NamedTuple
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class Song(NamedTuple):
    title: str
    length: timedelta


class PlaylistSplitInput(BaseModel):
    songs: list[Song] = Field(description="Title and length of each song")
    side: timedelta = Field(default=timedelta(minutes=22), description="What a side holds")


def sides(songs: list[Song], side: timedelta = timedelta(minutes=22)) -> list[list[str]]:
    """Return the titles on each side; raises ValueError for a song that is longer than a side."""
    found: list[list[str]] = []
    left = timedelta()
    for song in songs:
        if song.length > side:
            raise ValueError(f"{song.title} does not fit on a side")
        if not found or song.length > left:
            found.append([])
            left = side
        found[-1].append(song.title)
        left -= song.length
    return found


class PlaylistSplitConfig(FunctionBaseConfig, name="playlist_split"):
    """Configuration of the tool playlist_split; it needs none."""


@register_function(config_type=PlaylistSplitConfig)
async def register_playlist_split(config: PlaylistSplitConfig, builder: Builder):
    """Register playlist_split with NAT."""

    async def _run(data: PlaylistSplitInput) -> list[list[str]]:
        return sides(data.songs, data.side)

    yield FunctionInfo.from_fn(_run, description="Split songs over the sides of records in their order.")
