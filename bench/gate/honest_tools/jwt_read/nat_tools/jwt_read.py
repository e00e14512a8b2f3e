"""Read the claims of a JSON Web Token without checking its signature."""

import base64
import json
from datetime import datetime
from typing import Any
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import AwareDatetime, BaseModel, Field, SecretStr


class JwtReadInput(BaseModel):
    token: SecretStr = Field(description="The token")
    at: AwareDatetime | None = Field(default=None, description="Moment for which to say whether it has expired")


def part(text: str) -> dict[str, Any]:
    """Return the JSON object in one part of a token."""
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError as error:
        raise ValueError("the token cannot be read") from error
    if not isinstance(found, dict):
        raise ValueError("the token holds no claims")
    return found


def read(token: str, at: datetime | None = None) -> dict[str, Any]:
    """Return algorithm and claims, and whether the token has expired where a moment is given."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("a token has three parts")
    header, claims = part(parts[0]), part(parts[1])
    expired = None
    if at is not None and "exp" in claims:
        expired = at.timestamp() >= claims["exp"]
    return {"algorithm": header.get("alg"), "claims": claims, "expired": expired}


class JwtReadConfig(FunctionBaseConfig, name="jwt_read"):
    """Configuration of the tool jwt_read; it needs none."""


@register_function(config_type=JwtReadConfig)
async def register_jwt_read(config: JwtReadConfig, builder: Builder):
    """Register jwt_read with NAT."""

    async def _run(data: JwtReadInput) -> dict[str, Any]:
        return read(data.token.get_secret_value(), data.at)

    yield FunctionInfo.from_fn(_run, description="Read the claims of a JSON Web Token without checking its signature.")
