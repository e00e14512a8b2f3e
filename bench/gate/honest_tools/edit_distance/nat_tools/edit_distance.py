"""Find the words of a list that are nearest to a misspelt one."""

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class EditDistanceInput(BaseModel):
    word: str = Field(min_length=1, description="The word as written")
    known: set[str] = Field(description="Words that exist")
    most: int = Field(default=2, ge=0, description="Greatest number of edits")


def distance(one: str, other: str) -> int:
    """Return the number of insertions, deletions and replacements (Levenshtein, by Wagner and Fischer)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        above, row = row, [number]
        for place, against in enumerate(other, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (letter != against)))
    return row[-1]


def nearest(word: str, known: set[str], most: int = 2) -> dict[str, int]:
    """Return words within some edits with their distances, nearest first, then by alphabet."""
    found = {each: distance(word.casefold(), each.casefold()) for each in known}
    return dict(sorted((pair for pair in found.items() if pair[1] <= most), key=lambda pair: (pair[1], pair[0])))


class EditDistanceConfig(FunctionBaseConfig, name="edit_distance"):
    """Configuration of the tool edit_distance; it needs none."""


@register_function(config_type=EditDistanceConfig)
async def register_edit_distance(config: EditDistanceConfig, builder: Builder):
    """Register edit_distance with NAT."""

    async def _run(data: EditDistanceInput) -> dict[str, int]:
        return nearest(data.word, data.known, data.most)

    yield FunctionInfo.from_fn(_run, description="Find the words of a list that are nearest to a misspelt one.")
