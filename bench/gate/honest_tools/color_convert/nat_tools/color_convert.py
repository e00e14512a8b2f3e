"""Convert a colour between hex, RGB and HSL, with its contrast to white."""

import colorsys
import re
from typing import Any, NamedTuple
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class ColorConvertInput(BaseModel):
    color: str = Field(description="A colour such as #1e90ff, #abc or rgb(30, 144, 255)")


class Color(NamedTuple):
    red: int
    green: int
    blue: int

    @classmethod
    def parse(cls, text: str) -> "Color":
        """Read hex with three or six digits, or rgb(...)."""
        text = text.strip().lower()
        if match := re.fullmatch(r"#([0-9a-f]{3}|[0-9a-f]{6})", text):
            digits = match[1] if len(match[1]) == 6 else "".join(sign * 2 for sign in match[1])
            return cls(*bytes.fromhex(digits))
        if match := re.fullmatch(r"rgb\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)", text):
            parts = [int(part) for part in match.groups()]
            if max(parts) <= 255:
                return cls(*parts)
        raise ValueError(f"{text!r} is no colour")

    @property
    def luminance(self) -> float:
        """Relative luminance of WCAG 2."""
        linear = [c / 12.92 if (c := part / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for part in self]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def describe(text: str) -> dict[str, Any]:
    """Return all forms of a colour."""
    color = Color.parse(text)
    hue, light, saturation = colorsys.rgb_to_hls(*(part / 255 for part in color))
    return {
        "hex": "#" + bytes(color).hex(),
        "rgb": list(color),
        "hsl": [round(hue * 360), round(saturation * 100), round(light * 100)],
        "contrast_to_white": round(1.05 / (color.luminance + 0.05), 2),
    }


class ColorConvertConfig(FunctionBaseConfig, name="color_convert"):
    """Configuration of the tool color_convert; it needs none."""


@register_function(config_type=ColorConvertConfig)
async def register_color_convert(config: ColorConvertConfig, builder: Builder):
    """Register color_convert with NAT."""

    async def _run(data: ColorConvertInput) -> dict[str, Any]:
        return describe(data.color)

    yield FunctionInfo.from_fn(
        _run, description="Convert a colour between hex, RGB and HSL, with its contrast to white."
    )
