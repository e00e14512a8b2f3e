"""Runs in the NAT environment: agents whose models and tools fail in every way that NAT has a sentence for.

Takes the paths of `nat_steps.py` and `case_checks.py`, and writes one JSON object: by name, what came of each question.
"""

import asyncio
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
REPORT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from langchain_core.language_models.chat_models import BaseChatModel  # noqa: E402
from langchain_core.messages import AIMessage  # noqa: E402
from langchain_core.outputs import ChatGeneration, ChatResult  # noqa: E402
from nat.builder.builder import Builder  # noqa: E402
from nat.builder.framework_enum import LLMFrameworkEnum  # noqa: E402
from nat.builder.function_info import FunctionInfo  # noqa: E402
from nat.builder.llm import LLMProviderInfo  # noqa: E402
from nat.builder.workflow_builder import WorkflowBuilder  # noqa: E402
from nat.cli.register_workflow import register_function, register_llm_client, register_llm_provider  # noqa: E402
from nat.data_models.api_server import ChatRequest  # noqa: E402
from nat.data_models.component_ref import FunctionRef  # noqa: E402
from nat.data_models.config import Config  # noqa: E402
from nat.data_models.function import FunctionBaseConfig  # noqa: E402
from nat.data_models.llm import LLMBaseConfig  # noqa: E402
from nat.plugins.langchain.agent import base  # noqa: E402
from nat.runtime.loader import PluginTypes, discover_and_register_plugins  # noqa: E402
from nat.runtime.session import SessionManager  # noqa: E402
from pydantic import BaseModel  # noqa: E402

SERVER = """
import json, sys
IMAGE = {"type": "image", "data": "aGk=", "mimeType": "image/png"}
RESULTS = {
    "fails": {"content": [{"type": "text", "text": "no such page"}], "isError": True},
    "draws": {"content": [IMAGE]},
    "draws_and_says": {"content": [IMAGE, {"type": "text", "text": "a line"}]},
    "structures": {"content": [], "structuredContent": {"pages": 3}},
    "reads": {"content": [{"type": "text", "text": "fine"}]},
}
SCHEMA = {"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]}
for line in sys.stdin:
    message = json.loads(line)
    method, result = message.get("method"), None
    if method == "initialize":
        about = {"name": "t", "version": "1"}
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": about}
    elif method == "tools/list":
        tool = {"description": "It does.", "inputSchema": SCHEMA}
        result = {"tools": [{"name": name, **tool} for name in [*RESULTS, "dies"]]}
    elif method == "tools/call":
        if message["params"]["name"] == "dies":
            sys.exit(1)
        result = RESULTS[message["params"]["name"]]
    if result is not None:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"""


class Model(BaseChatModel):
    """Answers as the question's scenario says."""

    @property
    def _llm_type(self):
        return "scripted"

    def bind_tools(self, tools, **_):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **_):
        said = WAY["model"](messages)
        return ChatResult(generations=[ChatGeneration(message=said)])


class ModelConfig(LLMBaseConfig, name="scripted"):
    pass


@register_llm_provider(config_type=ModelConfig)
async def provider(config: ModelConfig, builder: Builder):
    yield LLMProviderInfo(config=config, description="A script")


@register_llm_client(config_type=ModelConfig, wrapper_type=LLMFrameworkEnum.LANGCHAIN)
async def client(config: ModelConfig, builder: Builder):
    yield Model()


class Number(BaseModel):
    number: int


class HalveConfig(FunctionBaseConfig, name="halve"):
    pass


@register_function(config_type=HalveConfig)
async def halve(config: HalveConfig, builder: Builder):
    async def run(data: Number) -> str:
        if data.number % 2:
            raise ValueError("the number must be even")
        return str(data.number // 2)

    yield FunctionInfo.from_fn(run, description="Halve an even number")


class HushConfig(FunctionBaseConfig, name="hush"):
    pass


@register_function(config_type=HushConfig)
async def hush(config: HushConfig, builder: Builder):
    async def run(input_message: str) -> str:
        if input_message == "fail":
            raise ValueError("no")
        return ""

    yield FunctionInfo.from_fn(run, description="Says nothing")


class Question(BaseModel):
    question: str


class ColleagueConfig(FunctionBaseConfig, name="colleague"):
    agent: FunctionRef


@register_function(config_type=ColleagueConfig)
async def colleague(config: ColleagueConfig, builder: Builder):
    agent = await builder.get_function(config.agent)

    async def ask(question: str) -> str:
        return await agent.ainvoke(question, to_type=str)

    yield FunctionInfo.from_fn(ask, description="Answers", input_schema=Question)


def calls(name, arguments, then="It is two."):
    """Call a tool once, whatever comes, and say something else then."""

    def model(messages):
        told = [str(message.content) for message in messages]
        if any(getattr(message, "tool_calls", None) for message in messages) or "THE CALL" in told:
            return AIMessage(content=f"Thought: I now know the final answer\nFinal Answer: {then}")
        return AIMessage(content="THE CALL", tool_calls=[{"name": name, "args": arguments, "id": "1"}])

    return model


def says(text):
    return lambda messages: AIMessage(content=text)


def loops(messages):
    return AIMessage(content="", tool_calls=[{"name": "halve", "args": {"number": 2}, "id": "1"}])


def breaks(messages):
    raise RuntimeError("the model is away")


def lets_helper_loop(messages):
    return loops(messages) if messages[0].content == "HELPER" else calls("helper", {"question": "?"})(messages)


def plans(tool, arguments):
    step = [{"plan": "So.", "evidence": {"placeholder": "#E1", "tool": tool, "tool_input": arguments}}]

    def model(messages):
        return AIMessage(content=json.dumps(step) if "solver" not in str(messages[0].content).lower() else "It is two.")

    return model


def seen(messages):
    shown = messages[-1:] if "Previous conversation" in str(messages[-1].content) else messages[-3:]
    return AIMessage(content="Final Answer: " + " | ".join(f"{each.type} {each.content}" for each in shown))


def server_tool(name):
    return {"agent": "tool_calling_agent", "model": calls(f"pages__{name}", {"page": 1})}


TOOLS = {"tool_names": ["halve", "helper", "pages"]}
SYSTEM = {"system_prompt": "LEAD", **TOOLS}
HISTORY = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
AGENTS = {
    "tool_calling_agent": SYSTEM,
    "react_agent": {**TOOLS, "use_native_tool_calling": True},
    "react_agent_that_says": {**TOOLS, "raise_on_parsing_failure": False},
    "rewoo_agent": {"tool_names": ["halve"]},
    "router_agent": {"branches": ["helper"]},
    "router_agent_alone": {"branches": ["hush"]},
    "chat_completion": {},
}
BOTH = "Action: halve\nAction Input: 2\nFinal Answer: 1"
WAYS = {
    "a good call": {"agent": "tool_calling_agent", "model": calls("halve", {"number": 4})},
    "a good react call": {"agent": "react_agent", "model": calls("halve", {"number": 4})},
    "an answer of a server": server_tool("reads"),
    "a loop": {"agent": "tool_calling_agent", "model": loops},
    "a colleague's loop": {"agent": "tool_calling_agent", "model": lets_helper_loop},
    "a router without a branch": {"agent": "router_agent", "model": says("none of them")},
    "a router's branch that gives nothing": {"agent": "router_agent_alone", "model": says("hush")},
    "a router's branch that fails": {"agent": "router_agent_alone", "model": says("hush"), "asked": "fail"},
    "a chat without its model": {"agent": "chat_completion", "model": breaks},
    "an agent without its model": {"agent": "tool_calling_agent", "model": breaks},
    "react without an action": {"agent": "react_agent_that_says", "model": says("Thought: Hm")},
    "react without an input": {"agent": "react_agent_that_says", "model": says("Thought: Hm\nAction: halve")},
    "react with both": {"agent": "react_agent_that_says", "model": says(BOTH)},
    "react that raises": {"agent": "react_agent", "model": says("Thought: Hm\nAction: halve")},
    "no question": {"agent": "react_agent", "model": says("?"), "asked": " "},
    "an exception": {"agent": "tool_calling_agent", "model": calls("halve", {"number": 1})},
    "an exception under react": {"agent": "react_agent", "model": calls("halve", {"number": 1})},
    "an exception under rewoo": {"agent": "rewoo_agent", "model": plans("halve", {"number": 1})},
    "refused arguments": {"agent": "tool_calling_agent", "model": calls("halve", {"value": 1})},
    "refused arguments under react": {"agent": "react_agent", "model": calls("halve", {"value": 1})},
    "refused arguments of a server": {"agent": "tool_calling_agent", "model": calls("pages__reads", {"page": "x"})},
    "an unknown tool": {"agent": "tool_calling_agent", "model": calls("double", {})},
    "an unknown tool under react": {"agent": "react_agent", "model": calls("double", {})},
    "an error of a server": server_tool("fails"),
    "an image": server_tool("draws"),
    "an image with a text": server_tool("draws_and_says"),
    "structured content alone": server_tool("structures"),
    "a server that ends": server_tool("dies"),
    "a conversation": {"agent": "tool_calling_agent", "model": seen, "history": HISTORY, "asked": "three"},
    "a conversation with react": {"agent": "react_agent", "model": seen, "history": HISTORY, "asked": "three"},
    "a conversation with a chat": {"agent": "chat_completion", "model": seen, "history": HISTORY, "asked": "three"},
    "a conversation with a router": {
        "agent": "router_agent", "model": says("helper"), "history": HISTORY, "asked": "three",
    },
}  # fmt: skip
WAY = {}


def beside(path):
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def at_once(_):
    pass


async def main():
    nat_steps, case_checks = map(beside, sys.argv[1:3])
    discover_and_register_plugins(PluginTypes.CONFIG_OBJECT)
    nat_steps.watch()
    base.asyncio = SimpleNamespace(sleep=at_once)  # it waits 2, 4 and 8 s between the tries of a tool
    outcomes = {}
    for agent in AGENTS:
        for ways in ({name for name in WAYS if name != "a server that ends"}, {"a server that ends"}):
            asked = [name for name, way in WAYS.items() if way["agent"] == agent and name in ways]
            if asked:
                await ask(agent, asked, nat_steps, case_checks, outcomes)
    json.dump(outcomes, REPORT)
    REPORT.close()
    os._exit(0)


async def ask(agent, names, nat_steps, case_checks, outcomes):
    kind = agent.removesuffix("_that_says").removesuffix("_alone")
    helper = {"_type": "tool_calling_agent", "llm_name": "llm", "tool_names": ["halve"], "system_prompt": "HELPER"}
    functions = {
        "halve": {"_type": "halve"},
        "hush": {"_type": "hush"},
        "helper_inner": helper,
        "helper": {"_type": "colleague", "agent": "helper_inner"},
    }
    server = {"transport": "stdio", "command": sys.executable, "args": ["-c", SERVER]}
    groups = {"pages": {"_type": "mcp_client", "server": server, "tool_call_timeout": 5, "reconnect_enabled": False}}
    config = Config.model_validate({
        "llms": {"llm": {"_type": "scripted"}}, "functions": functions,
        "function_groups": groups if "pages" in AGENTS[agent].get("tool_names", []) else {},
        "workflow": {"_type": kind, "llm_name": "llm", **AGENTS[agent]},
    })  # fmt: skip
    async with WorkflowBuilder(general_config=config.general) as builder:
        await builder.populate_builder(config)
        manager = await SessionManager.create(config=config, shared_builder=builder)
        for name in names:
            outcomes[name] = await one(manager, WAYS[name], nat_steps, case_checks)
        await manager.shutdown()


async def one(manager, way, nat_steps, case_checks):
    WAY.update(way)
    answer, error, steps = "", "", []
    asked = way.get("asked", "What is half of four?")
    if "history" in way:
        asked = ChatRequest.model_validate({"messages": [*way["history"], {"role": "user", "content": asked}]})
    try:
        async with manager.session() as session, session.run(asked) as runner:
            runner.context.intermediate_step_manager.subscribe(steps.append)
            answer = await runner.result(to_type=str)
    except Exception as failed:
        error = f"{type(failed).__name__}: {failed}"
    calls = nat_steps.calls_of(steps)
    decided = case_checks.decide([{"kind": "not_contains", "value": "nothing else"}], answer, calls, {}, error)
    return {"answer": answer, "error": error, "calls": calls, "state": decided.state, "code": decided.code,
            "faults": [case_checks.fault_of(call) for call in calls]}  # fmt: skip


asyncio.run(main())
