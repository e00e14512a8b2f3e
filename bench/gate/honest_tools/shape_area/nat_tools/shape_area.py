"""Compute area and perimeter of a circle, a rectangle or a triangle."""

import math
from typing import Annotated, Literal
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float = Field(gt=0)


class Rectangle(BaseModel):
    kind: Literal["rectangle"]
    width: float = Field(gt=0)
    height: float = Field(gt=0)


class Triangle(BaseModel):
    kind: Literal["triangle"]
    sides: tuple[float, float, float]


Shape = Annotated[Circle | Rectangle | Triangle, Field(discriminator="kind")]


class ShapeAreaInput(BaseModel):
    shape: Shape = Field(description="The shape, told apart by its kind")


def measure(shape: Circle | Rectangle | Triangle) -> tuple[float, float]:
    """Return area and perimeter; a triangle's area by Heron's formula."""
    match shape:
        case Circle(radius=radius):
            return math.pi * radius**2, math.tau * radius
        case Rectangle(width=width, height=height):
            return width * height, 2 * (width + height)
        case Triangle(sides=sides):
            half = sum(sides) / 2
            if min(sides) <= 0 or max(sides) >= half:
                raise ValueError("these sides make no triangle")
            return math.sqrt(half * math.prod(half - side for side in sides)), sum(sides)


def rounded(shape: Circle | Rectangle | Triangle) -> dict[str, float]:
    """Return area and perimeter with four digits."""
    area, perimeter = measure(shape)
    return {"area": round(area, 4), "perimeter": round(perimeter, 4)}


class ShapeAreaConfig(FunctionBaseConfig, name="shape_area"):
    """Configuration of the tool shape_area; it needs none."""


@register_function(config_type=ShapeAreaConfig)
async def register_shape_area(config: ShapeAreaConfig, builder: Builder):
    """Register shape_area with NAT."""

    async def _run(data: ShapeAreaInput) -> dict[str, float]:
        return rounded(data.shape)

    yield FunctionInfo.from_fn(_run, description="Compute area and perimeter of a circle, a rectangle or a triangle.")
