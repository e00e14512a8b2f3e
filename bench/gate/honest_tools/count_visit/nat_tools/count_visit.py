"""Count visits in a database."""

import duckdb
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

COUNT = """
INSERT INTO visits VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times
"""


class VisitInput(BaseModel):
    page: str = Field(description="Name of the page", min_length=1)


class CountVisitConfig(FunctionBaseConfig, name="count_visit"):
    """Configuration of the count_visit tool."""

    visits: str = ""


def counted(database: str, page: str) -> int:
    """Count a visit and return how many there are; raises RuntimeError for another database."""
    try:
        with duckdb.connect(database) as visits:
            return visits.execute(COUNT, [page]).fetchall()[0][0]
    except duckdb.Error as error:
        raise RuntimeError(f"The visit was not counted: {error}") from error


@register_function(config_type=CountVisitConfig)
async def count_visit(config: CountVisitConfig, builder: Builder):
    async def _run(data: VisitInput) -> int:
        return counted(config.visits, data.page)

    yield FunctionInfo.from_fn(_run, description="Count a visit of a page and return how many it has now.")
