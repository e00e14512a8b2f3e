"""Translate a text into Morse code and back."""

from types import MappingProxyType
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

CODE = MappingProxyType(
    dict(
        zip(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
            ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
            "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----.".split(),
            strict=True,
        )
    )
)
LETTERS = {code: letter for letter, code in CODE.items()}


class MorseCodeInput(BaseModel):
    text: str = Field(description="Text, or code with spaces between letters and / between words")


def encode(text: str) -> str:
    """Return the code of a text."""
    return " / ".join(" ".join(CODE[letter] for letter in word) for word in text.upper().split())


def decode(code: str) -> str:
    """Return the text of a code."""
    return " ".join("".join(LETTERS[sign] for sign in word.split()) for word in code.split("/"))


def translate(text: str) -> str:
    """Return the other form; raises ValueError for what Morse code does not have."""
    try:
        return decode(text) if text.strip(".-/ ") == "" else encode(text)
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is not in Morse code") from None


class MorseCodeConfig(FunctionBaseConfig, name="morse_code"):
    """Configuration of the tool morse_code; it needs none."""


@register_function(config_type=MorseCodeConfig)
async def register_morse_code(config: MorseCodeConfig, builder: Builder):
    """Register morse_code with NAT."""

    async def _run(data: MorseCodeInput) -> str:
        return translate(data.text)

    yield FunctionInfo.from_fn(_run, description="Translate a text into Morse code and back.")
