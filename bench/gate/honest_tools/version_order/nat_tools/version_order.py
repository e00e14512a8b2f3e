"""Sort version numbers and find the newest that fits a range."""

import re
from functools import total_ordering
from typing import Any
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


@total_ordering
class Version:
    """A version as in semantic versioning 2.0, without build metadata."""

    def __init__(self, text: str) -> None:
        match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?", text)
        if not match:
            raise ValueError(f"{text!r} is no version")
        self.text = text
        self.numbers = tuple(int(part) for part in match.groups()[:3])
        parts = match[4].split(".") if match[4] else []
        self.key = (*self.numbers, not parts, [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.key == other.key

    def __lt__(self, other: "Version") -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.text)


class VersionOrderInput(BaseModel):
    versions: list[str] = Field(description="Versions such as 1.2.3 or v2.0.0-rc.1")
    compatible_with: str | None = Field(default=None, description="The newest with the same first number, not older")


def newest(versions: list[str], wanted: str | None) -> str | None:
    """Return the newest release; with `wanted`, the newest that is compatible with it. Previews do not count."""
    known = [Version(text) for text in versions if "-" not in text]
    if wanted is not None:
        least = Version(wanted)
        known = [each for each in known if each >= least and each.numbers[0] == least.numbers[0]]
    return max(known).text if known else None


class VersionOrderConfig(FunctionBaseConfig, name="version_order"):
    """Configuration of the tool version_order; it needs none."""


@register_function(config_type=VersionOrderConfig)
async def register_version_order(config: VersionOrderConfig, builder: Builder):
    """Register version_order with NAT."""

    async def _run(data: VersionOrderInput) -> dict[str, Any]:
        return {
            "sorted": [each.text for each in sorted(map(Version, data.versions))],
            "newest": newest(data.versions, data.compatible_with),
        }

    yield FunctionInfo.from_fn(_run, description="Sort version numbers and find the newest that fits a range.")
