"""A scripted model with as many tools as wanted, made from one tool of the demo, served on loopback with a set latency.

Each tool is written in 12 model calls: read, write, test, look, polish, test again, finish. A tool that is `changed`
has another description, so that nothing kept of it counts.
"""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import yaml

from agenthands.llm.scripted import provider as scripted_model

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

from scripted_server import serve_model

from bench.measuring import ROOT, stop_counting

MODEL = "openai/scripted"
CALLS = 12
_DEMO = scripted_model.SCRIPTS / "financial-research"
_TOOL = "stock_performance"
_BUG = ("round(100 * drawdown, 2)", "round(10 * drawdown, 2)")


def names(count):
    """Return the names of the tools."""
    return [f"{_TOOL}_{number:02}" for number in range(1, count + 1)]


def plan_of(count, changed=()):
    """Return the plan with `count` tools."""
    plan = json.loads((_DEMO / "plan.json").read_text())
    tool = next(each for each in plan["custom_tools"] if each["name"] == _TOOL)
    tools = []
    for name in names(count):
        more = " It is one of many." if name in changed else ""
        tools.append({**tool, "name": name, "purpose": tool["purpose"] + more})
    case = {
        "id": "price",
        "query": "How did the stock perform?",
        "expected_behavior": "Calls the first tool.",
        "checks": [{"kind": "tool_called", "value": names(1)[0]}],
    }
    agent = {**plan["agents"][0], "tools": [tool["name"] for tool in tools]}
    parts = {"mcp_servers": [], "custom_tools": tools, "agents": [agent], "test_cases": [case]}
    return {**plan, "name": "many-tools", **parts}


def write_script(folder, count, changed=()):
    """Write the script `many` below `folder`."""
    script = folder / "many"
    for part in ("tools", "files"):
        (script / part).mkdir(parents=True, exist_ok=True)
    (script / "plan.json").write_text(json.dumps(plan_of(count, changed)))
    call = {"tool": names(1)[0], "arguments": {"closes": [50, 40]}}
    item = {
        "when": "How did",
        "calls": [call],
        "answer": "It changed by {{ (results[0] | figures).total_return_pct }} %.",
    }
    (script / "agent.yaml").write_text(yaml.safe_dump([item]))
    (script / "opinion.json").write_text((_DEMO / "opinion.json").read_text())
    for name in names(count):
        tool = (_DEMO / "files" / f"{_TOOL}.py").read_text().replace(_TOOL, name)
        assert tool.count(_BUG[0]) == 1
        (script / "files" / f"{name}.py").write_text(tool.replace(*_BUG))
        tests = (_DEMO / "files" / f"test_{_TOOL}.py").read_text().replace(_TOOL, name)
        (script / "files" / f"test_{name}.py").write_text(tests)
        (script / "tools" / f"{name}.yaml").write_text(yaml.safe_dump(_turns(name)))


def _turns(name):
    tool, tests = f"{{workspace}}/nat_tools/{name}.py", f"{{workspace}}/tests/test_{name}.py"
    pytest = {"command": f"python -m pytest -q tests/test_{name}.py"}
    turns = [
        ("terminal", {"command": "cat spec.json"}),
        ("file_editor", {"command": "create", "path": tool, "from": f"{name}.py"}),
        ("terminal", {"command": f"python -m py_compile nat_tools/{name}.py && rm -r nat_tools/__pycache__"}),
        ("file_editor", {"command": "create", "path": tests, "from": f"test_{name}.py"}),
        ("terminal", pytest),
        ("file_editor", {"command": "view", "path": tool}),
        ("file_editor", {"command": "str_replace", "path": tool, "old_str": _BUG[1], "new_str": _BUG[0]}),
        ("terminal", pytest),
        ("file_editor", {"command": "view", "path": tests}),
        ("terminal", {"command": "ls nat_tools tests"}),
        ("terminal", {"command": "rm -rf .pytest_cache"}),
        ("finish", {"message": "Tool and tests are written; the tests pass."}),
    ]
    assert len(turns) == CALLS
    return [_item(call, dict(arguments)) for call, arguments in turns]


def _item(call, arguments):
    source = arguments.pop("from", None)
    return {"call": call, "arguments": arguments, **({"file_text_from": source} if source else {})}


@contextmanager
def served(folder, latency):
    """Serve the script `many` of `folder` in a process of its own, so that its CPU counts nowhere; returns the URL."""
    argv = [sys.executable, "-m", "bench.speed.many_tools", str(folder), str(latency)]
    server = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield server.stdout.readline().strip()
    finally:
        server.communicate()


def _serve(folder, latency):
    stop_counting()
    scripted_model.SCRIPTS = folder
    with serve_model(lambda call: scripted_model.answer("scripted/many", call["messages"], call), latency) as asked:
        print(asked.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), float(sys.argv[2]))
