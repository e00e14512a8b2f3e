"""Compute the checksum of a text by a named algorithm."""

import hashlib
import zlib
from itertools import batched
from typing import Any, Literal
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class ChecksumTextInput(BaseModel):
    text: str = Field(description="The text, as UTF-8")
    algorithm: Literal["md5", "sha1", "sha256", "crc32", "adler32"] = Field(default="sha256", description="Its name")


def checksum(text: str, algorithm: str = "sha256") -> str:
    """Return the checksum in hexadecimal digits. MD5 and SHA-1 are here because old files have them."""
    data = text.encode()
    match algorithm:
        case "crc32" | "adler32":
            return f"{getattr(zlib, algorithm)(data):08x}"
        case _:
            return hashlib.new(algorithm, data).hexdigest()


def groups(digits: str, size: int = 8) -> list[str]:
    """Return the digits in groups that can be read aloud."""
    return ["".join(part) for part in batched(digits, size)]


class ChecksumTextConfig(FunctionBaseConfig, name="checksum_text"):
    """Configuration of the tool checksum_text; it needs none."""


@register_function(config_type=ChecksumTextConfig)
async def register_checksum_text(config: ChecksumTextConfig, builder: Builder):
    """Register checksum_text with NAT."""

    async def _run(data: ChecksumTextInput) -> dict[str, Any]:
        return {"checksum": (found := checksum(data.text, data.algorithm)), "groups": groups(found)}

    yield FunctionInfo.from_fn(_run, description="Compute the checksum of a text by a named algorithm.")
