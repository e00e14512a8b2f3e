"""Write an SQL query that counts rows by a column, with placeholders."""

import re
from typing import Any, Literal
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

NAME = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE)


class Where(BaseModel):
    column: str
    op: Literal["=", "<", ">", "<=", ">=", "<>"] = "="
    value: str | int | float


class SqlCountInput(BaseModel):
    table: str = Field(description="Name of the table")
    by: str = Field(description="Column to count by")
    where: list[Where] = Field(default_factory=list, description="Conditions that must all hold")


def quoted(name: str) -> str:
    """Return a name in quotes; raises ValueError for anything but a plain name."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name")
    return f'"{name}"'


def query(table: str, by: str, where: list[Where]) -> dict[str, Any]:
    """Return the text of the query and its parameters, in order."""
    column = quoted(by)
    text = f"SELECT {column}, COUNT(*) FROM {quoted(table)}"
    if where:
        text += " WHERE " + " AND ".join(f"{quoted(each.column)} {each.op} ?" for each in where)
    return {"sql": f"{text} GROUP BY {column}", "parameters": [each.value for each in where]}


class SqlCountConfig(FunctionBaseConfig, name="sql_count"):
    """Configuration of the tool sql_count; it needs none."""


@register_function(config_type=SqlCountConfig)
async def register_sql_count(config: SqlCountConfig, builder: Builder):
    """Register sql_count with NAT."""

    async def _run(data: SqlCountInput) -> dict[str, Any]:
        return query(data.table, data.by, data.where)

    yield FunctionInfo.from_fn(_run, description="Write an SQL query that counts rows by a column, with placeholders.")
