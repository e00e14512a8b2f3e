"""Scripted models: a litellm provider whose answers come from files, chosen by name (`scripted/<folder>`).

A script plays all roles of a build. The role follows from the call alone, so threads cannot disturb each other:

    planner   the call has a response_format named `plan`:  plan.json; where a plan is to be changed, revision.json
    ruling    the call has a response_format named `ruling`: ruling.json; without that file, the examples stand
    judge     the call has a response_format named `opinion`: opinion.json
    coder     the first user message has a line `Tool: x`:  tools/x.yaml, one item for each assistant message so far
    agent     anything else:                                agent.yaml, by a substring of the last question

A script that has run out says so in its answer. Tokens are counted as words; the price is 0.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment

from agenthands.errors import ModelNotUsable

SCRIPTS = Path(__file__).parent / "scripts"
PROVIDER = "scripted"
_WISHED = "wants it changed"


def script_names() -> list[str]:
    """Return the names of the scripts that ship, sorted, without the provider's prefix."""
    return sorted(path.name for path in SCRIPTS.iterdir() if (path / "plan.json").is_file())


def require_script(model: str) -> Path:
    """Return the folder of the model `scripted/<name>`. Raises ModelNotUsable if there is none."""
    name = model.partition("/")[2]
    if name not in script_names():
        known = ", ".join(f"{PROVIDER}/{known}" for known in script_names())
        raise ModelNotUsable(f"There is no script {model!r}.", f"There are {known}.")
    return SCRIPTS / name


def register_scripted_models(litellm: Any) -> None:
    """Register the provider with litellm, and each current script as a model with the price 0."""
    free = {
        "input_cost_per_token": 0.0,
        "output_cost_per_token": 0.0,
        "mode": "chat",
        "litellm_provider": PROVIDER,
    }
    limits = {"max_input_tokens": 1_000_000, "max_output_tokens": 65_536, "supports_function_calling": True}
    unknown = [name for name in script_names() if f"{PROVIDER}/{name}" not in litellm.model_cost]
    if unknown:
        litellm.register_model({f"{PROVIDER}/{name}": {**free, **limits} for name in unknown})
    if any(entry["provider"] == PROVIDER for entry in litellm.custom_provider_map):
        return

    class ScriptedProvider(litellm.CustomLLM):  # type: ignore[misc]
        def completion(self, *_: Any, **call: Any) -> Any:
            model = f"{PROVIDER}/{call['model'].removeprefix(PROVIDER + '/')}"
            message = answer(model, call["messages"], call.get("optional_params") or {})
            return _response(litellm, model, call["messages"], message)

        async def acompletion(self, *_: Any, **call: Any) -> Any:
            return self.completion(**call)

    litellm.custom_provider_map = [
        *litellm.custom_provider_map,
        {"provider": PROVIDER, "custom_handler": ScriptedProvider()},
    ]
    litellm.utils.custom_llm_setup()


def answer(model: str, messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scripted assistant message: `content`, and `tool_calls` as (name, arguments) pairs."""
    folder = require_script(model)
    form = options.get("response_format") or {}
    asked_for = form.get("json_schema", {}).get("name") if isinstance(form, Mapping) else None
    if asked_for == "plan":
        return {"content": _plan(folder, messages), "tool_calls": []}
    if asked_for == "opinion":
        return {"content": (folder / "opinion.json").read_text(encoding="utf-8"), "tool_calls": []}
    if asked_for == "ruling":
        return {"content": _ruling(folder, _text(messages[-1])), "tool_calls": []}
    first = next((_text(message) for message in messages if message["role"] == "user"), "")
    if tool := re.search(r"^Tool: (\S+)$", first, re.MULTILINE):
        workspace = re.search(r"^Workspace: (\S+)$", first, re.MULTILINE)
        turn = sum(message["role"] == "assistant" for message in messages)
        return _coder_turn(folder, tool.group(1), turn, workspace.group(1) if workspace else "")
    return _agent_turn(folder, messages)


def _plan(folder: Path, messages: Sequence[Mapping[str, Any]]) -> str:
    """Return the scripted plan; or the plan of the conversation with what revision.json has its answerer told.

    Questions of feedback, which must become test cases, do so as they stand in the prompt.
    """
    revision, wished = folder / "revision.json", _text(messages[-1])
    if not revision.is_file() or _WISHED not in wished:
        return (folder / "plan.json").read_text(encoding="utf-8")
    changes = json.loads(revision.read_text(encoding="utf-8"))
    plan = json.loads(_text([message for message in messages if message["role"] == "assistant"][-1]))
    agent = next(agent for agent in plan["agents"] if agent["name"] == plan["entry"])
    agent["instructions"] = f"{agent['instructions']}\n{changes['instructions']}".strip()
    wanted = re.search(r"^```json\n(\[\n \{\n  \"id\": .*?\n\])\n```$", wished, re.DOTALL | re.MULTILINE)
    plan["test_cases"] += json.loads(wanted[1]) if wanted else []
    return json.dumps({**plan, "changes": changes["changes"]})


def _ruling(folder: Path, question: str) -> str:
    scripted = folder / "ruling.json"
    if scripted.is_file():
        return scripted.read_text(encoding="utf-8")
    reason = f"The script {folder.name} has no ruling, so the specification stands."
    sides = re.split(r"^`{3,}$", question, flags=re.MULTILINE)[-1]  # the part below the tool's code
    examples = re.findall(r"^## Example (\d+)$", sides, re.MULTILINE)
    return json.dumps({"rulings": [{"example": int(n), "wrong": "tool", "reason": reason} for n in examples]})


def _coder_turn(folder: Path, tool: str, turn: int, workspace: str) -> dict[str, Any]:
    items = _items(folder / "tools" / f"{tool}.yaml")
    if turn >= len(items):
        return {"content": f"The script of {tool} has no turn {turn + 1}.", "tool_calls": []}
    item = items[turn]
    arguments = {
        key: value.replace("{workspace}", workspace) if isinstance(value, str) else value
        for key, value in item["arguments"].items()
    }
    if source := item.get("file_text_from"):
        arguments["file_text"] = (folder / "files" / source).read_text(encoding="utf-8")
    return {"content": item.get("say", ""), "tool_calls": [(item["call"], arguments)]}


def _agent_turn(folder: Path, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    last_question = max(index for index, message in enumerate(messages) if message["role"] == "user")
    question = _text(messages[last_question])
    item = next((item for item in _items(folder / "agent.yaml") if item["when"] in question), None)
    if item is None:
        return {"content": f"The script {folder.name} has no answer to this question.", "tool_calls": []}
    results = [_text(message) for message in messages[last_question:] if message["role"] == "tool"]
    if len(results) < len(item["calls"]):
        call = item["calls"][len(results)]
        return {"content": "", "tool_calls": [(call["tool"], call["arguments"])]}
    environment = Environment(autoescape=False)  # the answer is text, not HTML
    environment.filters["figures"] = _figures
    return {"content": environment.from_string(item["answer"]).render(results=results).strip(), "tool_calls": []}


def _figures(result: str) -> Any:
    """Return the value of a tool's result, which NAT passes to a model as JSON or as a Python literal."""
    try:
        return json.loads(result)
    except ValueError:
        return ast.literal_eval(result)


@cache
def _items(path: Path) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return items


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


def _response(litellm: Any, model: str, messages: Sequence[Mapping[str, Any]], message: dict[str, Any]) -> Any:
    texts = [json.dumps(arguments) for _, arguments in message["tool_calls"]]
    calls = [
        {
            "id": f"call_{len(messages)}_{index}",
            "type": "function",
            "function": {"name": name, "arguments": texts[index]},
        }
        for index, (name, _) in enumerate(message["tool_calls"])
    ]
    prompt = sum(len(_text(each).split()) for each in messages)
    completion = len(message["content"].split()) + sum(len(text.split()) for text in texts)
    return litellm.ModelResponse(
        model=model,
        choices=[
            {
                "index": 0,
                "finish_reason": "tool_calls" if calls else "stop",
                "message": {"role": "assistant", "content": message["content"], "tool_calls": calls or None},
            }
        ],
        usage={"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
    )
