"""What an agent may do beside talking to its model, and what was only imagined, is said by all who show a build."""

import pytest
import sample_records as samples
import yaml
from tests_support import PLAN, registry, write_roman
from world_support import WEATHER_SPEC

from agenthands.llm.settings import ModelSettings
from agenthands.packaging.package import assemble_agent
from agenthands.packaging.rights import Right, imagined_sentence, rights_of
from agenthands.reports.html import render_report
from agenthands.reports.markdown import plan_markdown, result_markdown
from agenthands.reports.summary import verdict
from agenthands.reports.terminal.build import show_text
from agenthands.reports.terminal.plan import plan_text
from agenthands.schemas import Plan, World

HOST = "api.weather.example"
EXCHANGE = {"request": {"url": f"https://{HOST}/v1/now"}, "response": {"json": {}}}
RECORDED = {**EXCHANGE, "origin": "recorded", "at": "2027-02-03T10:00:00+00:00"}
TOUCHES = {
    "http": [{"host": HOST, "methods": ["GET", "POST"]}],
    "files": [{"name": "exports", "description": "CSV files"}, {"name": "journal", "access": "write"}],
    "databases": [{"name": "shop", "access": "write"}],
    "clock": True,
    "secrets": ["WEATHER_API_KEY"],
    "settings": [{"name": "unit", "schema": {"type": "string"}, "default": "C", "description": "Unit"}],
}


def plan(*exchanges, **effects):
    tool = {**WEATHER_SPEC, "effects": effects or TOUCHES, "worlds": {"usual": {"http": list(exchanges)}}}
    agents = [{**PLAN["agents"][0], "tools": [tool["name"]]}]
    return Plan.model_validate({**PLAN, "custom_tools": [tool], "mcp_servers": [], "agents": agents})


def built(made):
    return samples.record(plan=made)


def test_all_that_a_tool_declares_is_a_right():
    tool = "city_weather"
    assert rights_of(plan(EXCHANGE)) == [
        Right("host", HOST, "asks with GET, POST", tool, "1 imagined answer"),
        Right("file or folder", "exports", "reads (CSV files)", tool, "imagined samples"),
        Right("file or folder", "journal", "changes", tool, "imagined samples"),
        Right("database", "shop", "changes", tool, "imagined samples"),
        Right("clock", "time and date", "asks", tool),
        Right("secret", "WEATHER_API_KEY", "uses as its key", tool),
        Right("setting", "unit", '"C" unless you set it (Unit)', tool),
    ]


def test_what_servers_may_do_is_told_with_the_words_that_ask_for_it():
    grant = {"tool": "write_file", "does": "writes", "asked_for": "save it"}
    server = {"id": "filesystem", "tools": ["read_file", "write_file"], "grants": [grant], "reasoning": "?"}
    found = rights_of(Plan.model_validate({**PLAN, "mcp_servers": [server]}))
    assert Right("MCP server", "filesystem", "reads", "filesystem__read_file") in found
    said = "writes, because the request says “save it”"
    assert Right("MCP server", "filesystem", said, "filesystem__write_file") in found


@pytest.mark.parametrize(
    ("exchanges", "tried"),
    [
        ((EXCHANGE, EXCHANGE), "2 imagined answers"),
        ((RECORDED,), "1 recorded answer of 2027-02-03"),
        ((RECORDED, EXCHANGE), "1 recorded answer of 2027-02-03 and 1 imagined answer"),
    ],
)
def test_each_host_says_how_much_of_it_was_recorded(exchanges, tried):
    made = plan(*exchanges, http=[{"host": HOST}])
    assert rights_of(made)[0].tried == tried
    assert (HOST in imagined_sentence(made)) is ("imagined" in tried)


def test_the_verdict_says_what_was_made_up():
    made_up = (
        f"Proven in imagined worlds: the answers of {HOST} and the content of exports, journal, shop were made up;"
    )
    assert made_up in verdict(built(plan(EXCHANGE)))
    assert "imagined" not in verdict(built(plan(RECORDED, http=[{"host": HOST}])))
    assert "imagined" not in verdict(samples.record())


def test_every_face_shows_the_same_rights():
    record = built(plan(EXCHANGE))
    faces = [
        show_text(record), plan_text(record.plan), render_report(record, {}),
        result_markdown(record, "/store").replace("\\", ""), plan_markdown(record.plan).replace("\\", ""),
    ]  # fmt: skip
    for shown in faces:
        for part in ("What this agent may do", HOST, "asks with GET, POST", "1 imagined answer", "WEATHER_API_KEY"):
            assert part in " ".join(shown.split()), (part, shown)


@pytest.fixture
def files(tmp_path):
    write_roman(tmp_path / "w")
    (tmp_path / "w/nat_tools/city_weather.py").write_text("")
    (tmp_path / "w/tests/test_city_weather.py").write_text("")

    def files(made):
        tools = {tool.name: tmp_path / "w" for tool in made.custom_tools}
        known = registry({"tool_calling_agent": {"llm_name": ("llm", True), "tool_names": ("functions", False)}}, [])
        return assemble_agent(made, tools, [], known, "x==1\n", ModelSettings(model="gemini/x"))

    return files


def test_the_packages_readme_has_the_page(files):
    text = files(plan(EXCHANGE))["README.md"].decode()
    page = text.partition("## What this agent may do")[2].partition("\n## ")[0]
    assert f"| host `{HOST}` | asks with GET, POST | `city_weather` | 1 imagined answer |" in page
    assert "| database `shop` | changes | `city_weather` | imagined samples |" in page
    assert "the real ones were not tried" in text.partition("## Limits")[2]
    alone = Plan.model_validate(
        {**PLAN, "mcp_servers": [], "agents": [{**PLAN["agents"][0], "tools": ["roman_numeral"]}]}
    )
    assert "touches nothing else" in files(alone)["README.md"].decode()


def test_a_container_finds_the_paths_of_tools_and_may_write_only_where_they_do(files):
    service = yaml.safe_load(files(plan(EXCHANGE))["compose.yaml"])["services"]["agent"]
    mounted = {each["source"].partition(":")[0]: each["read_only"] for each in service["volumes"]}
    assert mounted == {
        "${CITY_WEATHER_EXPORTS": True, "${CITY_WEATHER_JOURNAL": False, "${CITY_WEATHER_SHOP": False,
    }  # fmt: skip


def test_what_a_sample_of_the_real_data_was_proven_with_is_not_called_made_up():
    made = plan(files=[{"name": "sales"}, {"name": "exports"}], databases=[{"name": "shop"}])
    (tool,) = made.custom_tools
    sample = World(files={"sales.csv": "day\n"}, tables={"shop": "CREATE TABLE orders(day TEXT)"}, origin="recorded")
    tool = tool.model_copy(update={"worlds": {**tool.worlds, "data_sample": sample}})
    made = made.model_copy(update={"custom_tools": [tool]})
    tried = {right.name: right.tried for right in rights_of(made)}
    real = "a sample of the real one, and imagined ones"
    assert tried == {"sales": real, "exports": "imagined samples", "shop": real}
    assert "the content of exports were made up" in imagined_sentence(made)
