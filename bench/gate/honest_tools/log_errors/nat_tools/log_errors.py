"""Count what a log says."""

import re
from collections import Counter
from pathlib import Path
from typing import Literal

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

ENTRY = re.compile(r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} (?P<level>[A-Z]+) (?P<word>\w+)")


class LevelInput(BaseModel):
    level: Literal["INFO", "WARNING", "ERROR"] = Field(description="Level")


class LogErrorsConfig(FunctionBaseConfig, name="log_errors"):
    """Configuration of the log_errors tool."""

    log: str = ""


def counted(file: Path, level: str) -> list[dict]:
    """Return how often each first word is there; lines that begin no entry belong to the one before."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        entries = (found for line in lines if (found := ENTRY.match(line)))
        words = Counter(entry["word"] for entry in entries if entry["level"] == level)
    return [{"word": word, "times": times} for word, times in words.most_common()]


@register_function(config_type=LogErrorsConfig)
async def log_errors(config: LogErrorsConfig, builder: Builder):
    async def _run(data: LevelInput) -> list[dict]:
        return counted(Path(config.log), data.level)

    yield FunctionInfo.from_fn(
        _run, description="Count the entries of a level in the log by their first word, the most frequent first."
    )
