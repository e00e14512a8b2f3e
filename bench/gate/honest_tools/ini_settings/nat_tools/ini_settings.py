"""Read settings in INI form into typed values."""

import configparser
from contextlib import suppress
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class IniSettingsInput(BaseModel):
    text: str = Field(description="Text with [sections] and name = value lines")
    section: str | None = Field(default=None, description="One section alone; all if left out")


Value = bool | int | float | str
WORDS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def typed(text: str) -> Value:
    """Return the value that a text stands for."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def read(text: str, section: str | None = None) -> dict[str, dict[str, Value]]:
    """Return the settings by section; raises ValueError where the text or the section is wrong."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error).splitlines()[0]) from error
    wanted = parser.sections() if section is None else [section]
    if section is not None and section not in parser:
        raise ValueError(f"no section {section!r}")
    return {name: {key: typed(value) for key, value in parser[name].items()} for name in wanted}


class IniSettingsConfig(FunctionBaseConfig, name="ini_settings"):
    """Configuration of the tool ini_settings; it needs none."""


@register_function(config_type=IniSettingsConfig)
async def register_ini_settings(config: IniSettingsConfig, builder: Builder):
    """Register ini_settings with NAT."""

    async def _run(data: IniSettingsInput) -> dict[str, dict[str, Value]]:
        return read(data.text, data.section)

    yield FunctionInfo.from_fn(_run, description="Read settings in INI form into typed values.")
