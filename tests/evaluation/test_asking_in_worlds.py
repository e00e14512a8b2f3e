"""An agent is asked each case in its world: with the files, the time and the settings there, and as it was at first."""

import json

import pytest
from conftest_paths import TEST_HOME
from gateway_support import free, short_folder
from patience import patient
from scripted_server import serve_model
from tests_support import PLAN

from agenthands.environments.nat_registry import read_registry
from agenthands.environments.uv import UvInstaller
from agenthands.errors import ModelUnavailable
from agenthands.evaluation.acceptance import accept_agent
from agenthands.evaluation.agent_world import worlds_together
from agenthands.evaluation.installed_agent import Reach
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.settings import ModelSettings
from agenthands.packaging.bundle import install_bundle, pack
from agenthands.packaging.package import assemble_agent
from agenthands.schemas import Plan, ToolSpec

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TOOL = '''"""Keeps a book of notes."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class Note(BaseModel):
    text: str = Field(description="What to note")


class Line(BaseModel):
    text: str


@dataclass
class Book:
    day: str
    heading: str
    lines: list[Line]


class BookConfig(FunctionBaseConfig, name="note_book"):
    """Configuration of the note_book tool."""

    headings: str = ""
    book: str = ""
    mark: str = Field(default="-", max_length=3)


@register_function(config_type=BookConfig)
async def note_book(config: BookConfig, builder: Builder):
    async def _run(data: Note) -> Book:
        book = Path(config.book)
        with book.open("a") as file:
            file.write(f"{config.mark} {data.text}\\n")
        heading = (Path(config.headings) / "first.txt").read_text().strip()
        lines = [Line(text=line) for line in book.read_text().splitlines()]
        return Book(datetime.date.today().isoformat(), heading, lines)

    yield FunctionInfo.from_fn(_run, description="Note something.")
'''


def world(heading, now, **more):
    return {"files": {"headings/first.txt": heading, "book.txt": "* old\n"}, "now": now, **more}


SPEC = {
    "name": "note_book",
    "description": "Note something, and return the whole book.",
    "purpose": "Remembers notes.",
    "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    "returns": {"type": "object"},
    "effects": {
        "files": [{"name": "headings"}, {"name": "book", "access": "write"}],
        "clock": True,
        "settings": [{"name": "mark", "schema": {"type": "string"}, "default": "-"}],
    },
    "worlds": {
        "spring": world("Spring", "2027-03-01T09:00:00"),
        "autumn": world("Autumn", "2026-10-05T23:30:00", settings={"mark": "#"}),
    },
    "examples": [{"arguments": {"text": "a"}, "world": "spring", "expected": {}}],
}


def case(name, query, where, day, heading, *lines):
    book = {"day": day, "heading": heading, "lines": [{"text": each} for each in ("* old", *lines)]}
    checks = [{"kind": "json_equal", "value": book}]
    return {"id": name, "query": query, "world": where, "expected_behavior": "Notes it.", "checks": checks}


CASES = [
    case("milk", "milk", "spring", "2027-03-01", "Spring", "- milk"),
    case("leaves", "leaves", "autumn", "2026-10-05", "Autumn", "# leaves"),
    case("bread", "bread", "spring", "2027-03-01", "Spring", "- bread"),
]


class NoJudge:
    name = "none"

    def ask(self, *_):
        raise ModelUnavailable("Nobody is asked for an opinion here.")


def model(call):
    """Note what is asked, and answer with the very text that the tool's result is for a model."""
    said = [(each["role"], each.get("content")) for each in call["messages"]]
    results = [content for role, content in said if role == "tool"]
    asked = [content for role, content in said if role == "user"][-1]
    if results:
        return {"content": str(results[-1]), "tool_calls": []}
    return {"content": "", "tool_calls": [("note_book", {"text": asked})]}


@pytest.fixture(scope="module")
def accepted(nat_environment, tmp_path_factory):
    """The acceptance, what the model was told, and how often a sandbox was started for it."""
    from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox

    class Counting(BubblewrapSandbox):
        runs = 0

        def run(self, command):
            self.runs += 1
            return super().run(command)

    folder, sandbox = tmp_path_factory.mktemp("worlds"), Counting()
    agent = {**PLAN["agents"][0], "tools": ["note_book"]}
    parts = {"agents": [agent], "mcp_servers": [], "custom_tools": [SPEC], "test_cases": CASES}
    plan = Plan.model_validate({**PLAN, **parts})
    registry = read_registry(nat_environment, BubblewrapSandbox(), folder)
    for path, text in (("nat_tools/note_book.py", TOOL), ("tests/test_note_book.py", "")):
        (folder / "tool" / path).parent.mkdir(parents=True)
        (folder / "tool" / path).write_text(text)
    tools = {"note_book": folder / "tool"}
    files = assemble_agent(plan, tools, [], registry, nat_environment.lock, ModelSettings(model="openai/double"))
    installed = install_bundle(pack(files, plan.name), plan, [], UvInstaller(TEST_HOME), folder)
    with serve_model(model) as served, short_folder() as short:
        settings = ModelSettings(model="openai/double", api_base=served.url, api_key="x")
        with LitellmGateway(settings).open(short / "model.sock", free()) as gateway:
            done = accept_agent(installed, plan.test_cases, sandbox, Reach(gateway), NoJudge(), patient(60))
        told = [messages for _, messages in served]
    return done, told, sandbox.runs


def test_files_time_and_settings_are_those_of_the_case_and_begin_anew(accepted):
    done, _, _ = accepted
    assert [(each.id, each.state, each.error) for each in done.cases] == [
        (each["id"], "passed", "") for each in CASES
    ], [each.answer for each in done.cases]


def test_one_process_enters_one_world_after_another(accepted):
    assert accepted[2] == 1


def test_a_result_reaches_the_model_as_json_whatever_the_tool_returns(accepted):
    results = [each["content"] for messages in accepted[1] for each in messages if each["role"] == "tool"]
    assert len(results) == len(CASES)
    assert {json.loads(each)["day"] for each in results} == {"2027-03-01", "2026-10-05"}


def test_servers_need_a_process_for_each_world():
    tools = [ToolSpec.model_validate(SPEC)]
    names = ["spring", "", "autumn"]
    assert worlds_together(names, tools, apart=False) == [["spring", "autumn"], [""]]
    assert worlds_together(names, tools, apart=True) == [["spring"], ["autumn"], [""]]
