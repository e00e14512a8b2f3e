import asyncio
from pathlib import Path

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.weekly_report import WeeklyReportConfig


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", WeeklyReportConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_the_report(world):
    config = world("usual")
    assert call(config, week="2027-W05") == "2027-W05.md"
    text = (Path(config["reports"]) / "2027-W05.md").read_text()
    assert text == "# Visits 2027-W05\n\n- shop: 25\n- home: 10\n\nTotal: 35\n"
    assert (Path(config["reports"]) / "2027-W04.md").read_text() == "# Old\n"


def test_one_that_is_there_is_replaced(world):
    config = world("german")
    call(config, week="2027-W05")
    assert (Path(config["reports"]) / "2027-W05.md").read_text().startswith("# Besuche 2027-W05")


def test_the_folder_is_made(world, tmp_path):
    config = world("usual") | {"reports": str(tmp_path / "new" / "reports")}
    call(config, week="2027-W06")
    call(config, week="2027-W06")
    assert (tmp_path / "new" / "reports" / "2027-W06.md").read_text().endswith("Total: 7\n")


def test_no_visits(world):
    config = world("usual")
    with pytest.raises(ValueError, match="no visits in the week 2027-W20"):
        call(config, week="2027-W20")
    assert not (Path(config["reports"]) / "2027-W20.md").exists()


def test_an_empty_file(world):
    with pytest.raises(ValueError, match="must have the columns"):
        call(world("broken"), week="2027-W05")
