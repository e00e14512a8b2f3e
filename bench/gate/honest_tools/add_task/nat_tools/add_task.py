"""Keep a list of tasks."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class TaskInput(BaseModel):
    title: str = Field(description="What is to be done", min_length=1)


class AddTaskConfig(FunctionBaseConfig, name="add_task"):
    """Configuration of the add_task tool."""

    tasks: str = ""


def added(database: str, title: str, day: str) -> int:
    """Add a task and return how many are open; raises ValueError for one that is there, RuntimeError otherwise."""
    try:
        with closing(sqlite3.connect(database)) as tasks, tasks:
            tasks.execute("INSERT INTO tasks (title, added, done) VALUES (?, ?, 0)", (title, day))
            return tasks.execute("SELECT COUNT(*) FROM tasks WHERE done = 0").fetchone()[0]
    except sqlite3.IntegrityError:
        raise ValueError(f"The task {title!r} is on the list.") from None
    except sqlite3.Error as error:
        raise RuntimeError(f"The list of tasks cannot be changed: {error}.") from error


@register_function(config_type=AddTaskConfig)
async def add_task(config: AddTaskConfig, builder: Builder):
    async def _run(data: TaskInput) -> int:
        return added(config.tasks, data.title, datetime.now(UTC).date().isoformat())

    yield FunctionInfo.from_fn(
        _run,
        description="Add a task to the list with today's date and return how many are open; "
        "ValueError for one that is there.",
    )
