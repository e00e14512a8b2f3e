"""Check a new password against rules and estimate its strength."""

import math
import re
import string
from collections.abc import Callable
from typing import Any
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class PasswordRulesInput(BaseModel):
    password: str = Field(description="The password")
    user: str = Field(default="", description="Name of the user, which must not be in it")


RULES: dict[str, Callable[[str], bool]] = {
    "at least 10 characters": lambda password: len(password) >= 10,
    "a small letter": lambda password: any(map(str.islower, password)),
    "a capital letter": lambda password: any(map(str.isupper, password)),
    "a digit": lambda password: any(map(str.isdigit, password)),
    "no character three times in a row": lambda password: not re.search(r"(.)\1\1", password),
}
ALPHABETS = ((string.ascii_lowercase, 26), (string.ascii_uppercase, 26), (string.digits, 10), (string.punctuation, 32))


def bits(password: str) -> int:
    """Return the entropy of a random password of the same length and kinds of characters, in whole bits."""
    size = sum(count for signs, count in ALPHABETS if set(signs) & set(password))
    return int(len(password) * math.log2(size)) if size else 0


def broken(password: str, user: str = "") -> list[str]:
    """Return the rules that a password breaks."""
    found = [rule for rule, holds in RULES.items() if not holds(password)]
    if user and user.lower() in password.lower():
        found.append("not the name of the user")
    return found


class PasswordRulesConfig(FunctionBaseConfig, name="password_rules"):
    """Configuration of the tool password_rules; it needs none."""


@register_function(config_type=PasswordRulesConfig)
async def register_password_rules(config: PasswordRulesConfig, builder: Builder):
    """Register password_rules with NAT."""

    async def _run(data: PasswordRulesInput) -> dict[str, Any]:
        return {"broken": broken(data.password, data.user), "bits": bits(data.password)}

    yield FunctionInfo.from_fn(_run, description="Check a new password against rules and estimate its strength.")
