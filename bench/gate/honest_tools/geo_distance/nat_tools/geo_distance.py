"""Compute the distance and bearing between two points on Earth."""

from math import asin, atan2, cos, degrees, radians, sin, sqrt
from typing import NamedTuple
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

RADIUS_KM = 6371.0088


class Point(NamedTuple):
    latitude: float
    longitude: float

    def checked(self) -> "Point":
        """Return the point; raises ValueError where it is not on Earth."""
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise ValueError(f"{tuple(self)} is not on Earth")
        return self


class GeoDistanceInput(BaseModel):
    start: Point = Field(description="Latitude and longitude in degrees")
    end: Point = Field(description="Latitude and longitude in degrees")


def distance(start: Point, end: Point) -> float:
    """Return kilometres along a great circle (haversine formula)."""
    one, other = radians(start.latitude), radians(end.latitude)
    width = radians(end.longitude - start.longitude)
    chord = sin((other - one) / 2) ** 2 + cos(one) * cos(other) * sin(width / 2) ** 2
    return 2 * RADIUS_KM * asin(sqrt(chord))


def bearing(start: Point, end: Point) -> float:
    """Return the direction at the start in degrees, clockwise from north."""
    one, other = radians(start.latitude), radians(end.latitude)
    width = radians(end.longitude - start.longitude)
    east = sin(width) * cos(other)
    north = cos(one) * sin(other) - sin(one) * cos(other) * cos(width)
    return degrees(atan2(east, north)) % 360


class GeoDistanceConfig(FunctionBaseConfig, name="geo_distance"):
    """Configuration of the tool geo_distance; it needs none."""


@register_function(config_type=GeoDistanceConfig)
async def register_geo_distance(config: GeoDistanceConfig, builder: Builder):
    """Register geo_distance with NAT."""

    async def _run(data: GeoDistanceInput) -> dict[str, float]:
        return {
            "km": round(distance(data.start.checked(), data.end.checked()), 1),
            "bearing": round(bearing(data.start, data.end), 1),
        }

    yield FunctionInfo.from_fn(_run, description="Compute the distance and bearing between two points on Earth.")
