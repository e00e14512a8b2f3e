"""Scale the amounts of a recipe to another number of portions."""

import re
from fractions import Fraction
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

AMOUNT = re.compile(r"^\s*(?:(\d+)\s+)?(\d+)/([1-9]\d*)|^\s*(\d+(?:\.\d+)?)")


class RecipeScaleInput(BaseModel):
    ingredients: list[str] = Field(description="Lines such as '1 1/2 cups flour'")
    portions: int = Field(ge=1, description="For how many the recipe is")
    wanted: int = Field(ge=1, description="For how many it should be")


def amount(match: re.Match[str]) -> Fraction:
    """Return the number at the beginning of a line."""
    whole, above, below, decimal = match.groups()
    return Fraction(decimal) if decimal else int(whole or 0) + Fraction(int(above), int(below))


def mixed(value: Fraction) -> str:
    """Return a number as cooks write it."""
    whole, rest = divmod(value.limit_denominator(16), 1)
    return " ".join(str(part) for part in (whole, rest) if part) or "0"


def scaled(line: str, factor: Fraction) -> str:
    """Return a line with its amount scaled; a line without one stays as it is."""
    match = AMOUNT.match(line)
    return mixed(amount(match) * factor) + line[match.end() :] if match else line


class RecipeScaleConfig(FunctionBaseConfig, name="recipe_scale"):
    """Configuration of the tool recipe_scale; it needs none."""


@register_function(config_type=RecipeScaleConfig)
async def register_recipe_scale(config: RecipeScaleConfig, builder: Builder):
    """Register recipe_scale with NAT."""

    async def _run(data: RecipeScaleInput) -> list[str]:
        return [scaled(line, Fraction(data.wanted, data.portions)) for line in data.ingredients]

    yield FunctionInfo.from_fn(_run, description="Scale the amounts of a recipe to another number of portions.")
