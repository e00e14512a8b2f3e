"""Records of builds that tests of reports use: accepted, rejected by the gate, rejected by its cases, failed."""

import json

from agenthands.schemas import (
    Acceptance,
    BuildRecord,
    BuildRequest,
    CaseResult,
    Check,
    CheckResult,
    GateReport,
    McpServerPin,
    Plan,
    Spending,
    StageTime,
    Tokens,
    ToolOutcome,
    ToolTurn,
)

BUILD_ID = "20260412-093012-7f3a9c"
REQUEST = "Give me an agent that converts amounts between currencies and knows today's date"

_PLAN = {
    "name": "currency-agent",
    "summary": "Converts amounts between currencies at given rates and answers questions about dates.",
    "assumptions": ["Amounts are rounded to cents, because the request does not say how."],
    "agents": [
        {
            "name": "converter",
            "description": "Converts amounts, and knows dates.",
            "instructions": "You convert amounts.\n- Ask for a rate that is missing.\n- Never guess one.",
            "type": "tool_calling_agent",
            "tools": ["convert_currency", "parse_date", "current_datetime", "time"],
        }
    ],
    "entry": "converter",
    "builtin_tools": [{"type": "current_datetime", "reasoning": "Says what day it is."}],
    "mcp_servers": [{"id": "time", "tools": ["convert_time"], "reasoning": "Knows time zones."}],
    "custom_tools": [
        {
            "name": name,
            "description": f"A tool that does {name} exactly.",
            "purpose": "Needed for the request.",
            "parameters": {"type": "object", "properties": {"amount": {"type": "number"}, "to": {"type": "string"}}},
            "returns": {"type": "number"},
            "dependencies": ["python-dateutil>=2.9"] if name == "parse_date" else [],
            "examples": [
                {"arguments": {"amount": number, "to": "EUR"}, "expected": 2 * number} for number in (1, 2, 3)
            ],
        }
        for name in ("convert_currency", "parse_date")
    ],
    "test_cases": [
        {
            "id": "simple",
            "query": "How much is 10 USD in EUR at 0.9?",
            "expected_behavior": "Calls convert_currency and says 9.",
            "checks": [{"kind": "tool_called", "value": "convert_currency"}, {"kind": "contains", "value": "9"}],
        },
        {
            "id": "date",
            "query": "Which date is the second of May, 2026?",
            "expected_behavior": "Says 2026-05-02.",
            "checks": [{"kind": "regex", "value": "2026-05-02"}],
        },
    ],
    "reasoning": "Rates are given in the question, so no network is needed.",
}

_NAMES = (
    "files", "conformance", "schema", "tests", "isolation", "repeatable", "examples", "held_out", "stub", "mutation",
    "hygiene",
)  # fmt: skip
HELD_OUT = 'arguments {"amount": 0}: the tool raised ZeroDivisionError'


def plan():
    return Plan.model_validate(_PLAN)


def team():
    """The plan of a team: a lead, a converter that two ask, and a writer without tools."""
    lead = {
        "name": "lead",
        "description": "Answers questions about money.",
        "instructions": "Ask converter for every amount.",
        "type": "tool_calling_agent",
        "tools": ["converter", "checker", "current_datetime"],
    }
    checker = {**lead, "name": "checker", "description": "Checks a sum.", "tools": ["converter", "writer"]}
    writer = {**lead, "name": "writer", "description": "Writes it up.", "type": "chat_completion", "tools": []}
    (converter,) = _PLAN["agents"]
    own = {**converter, "tools": ["convert_currency", "parse_date", "time__convert_time"]}
    return Plan.model_validate({**_PLAN, "agents": [lead, checker, own, writer], "entry": "lead"})


def gate(tool, *, wrong=()):
    checks = [
        Check(
            name=name,
            passed=name not in wrong,
            required=name != "hygiene",
            detail=f"1 of 3 hidden examples failed.\n{HELD_OUT}" if name in wrong else f"{name} is fine.",
            seconds=0.4,
        )
        for name in _NAMES
    ]
    survivors = [{"line": 12, "diff": "-    return amount * rate\n+    return amount + rate"}] if wrong else []
    return GateReport(tool=tool, accepted=not wrong, seconds=6.2, checks=checks, survivors=survivors, coverage=0.94)


def tool(name, *, wrong=(), **changes):
    values = {
        "name": name,
        "status": "rejected" if wrong else "accepted",
        "attempts": 3 if wrong else 1,
        "gate": gate(name, wrong=wrong),
        "reason": "the gate's checks held_out did not pass in 3 attempts" if wrong else "",
        "cost_usd": 0.0587,
        "tokens": Tokens(prompt=48_200, completion=5_120, cached=30_000),
        "seconds": 96.4,
    }
    return ToolOutcome(**{**values, **changes})


def case(case_id, *, passed=True, answer="It is 9.00 EUR.", error="", **more):
    kind, value = ("contains", "9") if case_id == "simple" else ("regex", "2026-05-02")
    return CaseResult(
        id=case_id,
        passed=passed,
        answer=answer,
        checks=[
            CheckResult(kind="tool_called", value="convert_currency", passed=True),
            CheckResult(kind=kind, value=value, passed=passed),
        ],
        tools_called=["convert_currency"],
        error=error,
        seconds=4.1,
        **more,
    )


def spent(stage, calls, cost, tool="", attempt=0):
    tokens = Tokens(prompt=4_000 * calls, completion=300 * calls, cached=1_000 * calls)
    return Spending(stage=stage, tool=tool, attempt=attempt, calls=calls, cost_usd=cost, tokens=tokens)


def record(**changes):
    values = {
        "build_id": BUILD_ID,
        "request": BuildRequest(request=REQUEST, planner="gemini/gemini-2.5-pro"),
        "plan": plan(),
        "status": "accepted",
        "tools": [tool("convert_currency", attempts=2), tool("parse_date", cost_usd=0.0132, seconds=41.0)],
        "spending": [
            spent("plan", 3, 0.0078),
            spent("tools", 9, 0.0400, "convert_currency", 1),
            spent("tools", 5, 0.0187, "convert_currency", 2),
            spent("tools", 11, 0.0132, "parse_date", 1),
            spent("accept", 4, 0.0115),
        ],
        "acceptance": Acceptance(
            passed=True,
            cases=[case("simple"), case("date", answer="2026-05-02")],
            cost_usd=0.004,
            tokens=Tokens(prompt=4_000, completion=300),
            seconds=31.0,
        ),
        "cost_usd": 0.0912,
        "tokens": Tokens(prompt=128_000, completion=9_600, cached=32_000),
        "seconds": 193.4,
        "started_at": "2026-04-12T09:30:12Z",
        "stages": [
            StageTime(name=name, seconds=seconds)
            for name, seconds in {
                "environment": 12.3, "plan": 21.8, "servers": 5.4, "tools": 96.9, "assemble": 2.1, "accept": 31.0,
                "publish": 0.8,
            }.items()
        ],
        "models": {
            "planner": "gemini/gemini-2.5-pro",
            "coder": "anthropic/claude-sonnet-4-5",
            "agent": "gemini/gemini-2.5-flash",
        },
        "prompts": {"planning/planner.md.j2": "a" * 64},
        "versions": {"agenthands": "0.1.0", "nvidia-nat": "1.3.1", "prefect": "3.8.8"},
        "environment_lock_sha256": "b" * 64,
        "mcp_servers": [
            McpServerPin(
                id="time", version="2.1.4", package="mcp-server-time", lock_sha256="c" * 64, tools_sha256="d" * 64
            )
        ],
        "files": {"bundle.tar.gz": "e" * 64},
    }  # fmt: skip
    return BuildRecord(**{**values, **changes})


def rejected_by_gate():
    return record(
        status="rejected",
        reason="the gate rejected convert_currency",
        tools=[tool("convert_currency", wrong=("held_out", "mutation")), tool("parse_date", cached=True, cost_usd=0.0)],
        acceptance=None,
        files={},
    )


def rejected_by_cases():
    cases = [case("simple"), case("date", passed=False, answer="The third of May.")]
    reason = "1 of 2 test cases failed"
    return record(status="rejected", reason=reason, acceptance=Acceptance(passed=False, reason=reason, cases=cases))


def failed():
    return record(
        status="failed",
        reason="The planner's answers stayed unusable.",
        plan=None,
        tools=[],
        acceptance=None,
        cost_usd=None,
        spending=[Spending(stage="plan", calls=3, cost_usd=None, tokens=Tokens(prompt=9_000, completion=2_000))],
        stages=[StageTime(name="environment", seconds=12.0), StageTime(name="plan", seconds=64.0)],
        mcp_servers=[],
        files={},
    )


STARTS = {
    "plan": 0.0,
    "environment": 22.0,
    "servers": 22.1,
    "tools": 35.0,
    "assemble": 132.0,
    "accept": 135.0,
    "publish": 166.0,
}
TURNS = [
    ("convert_currency", 1, "coding", 35.2, 40.0),
    ("parse_date", 1, "coding", 35.3, 30.0),
    ("parse_date", 1, "checking", 65.3, 11.0),
    ("convert_currency", 1, "checking", 75.2, 8.0),
    ("convert_currency", 2, "coding", 83.2, 40.0),
    ("convert_currency", 2, "checking", 123.2, 8.4),
]
TRANSCRIPT = {
    "id": "simple",
    "steps": [
        {"event": "FUNCTION_START", "name": "<workflow>", "at": 10.0, "input": "How much?"},
        {"event": "FUNCTION_START", "name": "convert_currency", "at": 11.0, "input": "{'amount': 10}"},
        {"event": "FUNCTION_END", "name": "convert_currency", "at": 13.5, "input": "{'amount': 10}", "output": "9.0"},
        {"event": "FUNCTION_START", "name": "time__convert_time", "at": 14.0, "input": "never answered"},
    ],
}


def whole(**changes):
    """A record with everything that builds of today note: when things began, and what each of them cost."""
    spending = [
        Spending(stage="plan", calls=1, cost_usd=0.0153, tokens=Tokens(prompt=5_000, completion=900)),
        Spending(
            stage="tools", tool="convert_currency", attempt=1, calls=9, cost_usd=0.03, tokens=Tokens(prompt=20_000)
        ),
        Spending(
            stage="tools", tool="convert_currency", attempt=2, calls=1, cost_usd=None, tokens=Tokens(prompt=8_000)
        ),
        Spending(
            stage="tools",
            tool="parse_date",
            attempt=1,
            calls=6,
            cost_usd=0.0132,
            tokens=Tokens(prompt=40_000, cached=10_000),
        ),
        Spending(stage="accept", calls=4, cost_usd=0.004, tokens=Tokens(prompt=4_000, completion=300)),
    ]
    (pin,) = record().mcp_servers
    offered = {"convert_time": "Convert time between zones", "get_current_time": "Say what time it is"}
    survivors = [{"line": 1, "kind": "constant", "diff": "@@ -1 +1 @@\n-return 9\n+return 10"}]
    checked = gate("convert_currency").model_copy(update={"survivors": survivors})
    values = {
        "tools": [
            tool("convert_currency", attempts=2, gate=checked),
            tool("parse_date", cost_usd=0.0132, seconds=41.0),
        ],
        "stages": [each.model_copy(update={"started": STARTS[each.name]}) for each in record().stages],
        "turns": [
            ToolTurn(tool=name, attempt=attempt, doing=doing, started=started, seconds=seconds)
            for name, attempt, doing, started, seconds in TURNS
        ],
        "spending": spending,
        "cost_usd": None,
        "mcp_servers": [pin.model_copy(update={"tools": offered})],
    }
    return record(**{**values, **changes})


def old():
    """A record of before costs were noted by stage."""
    return record(spending=[], tokens=Tokens(prompt=104_000, completion=11_400, cached=60_000))


def files():
    """The texts of the whole record that its report shows."""
    failed = gate("convert_currency", wrong=("tests",)).model_dump_json()
    return {
        "tools/convert_currency/nat_tools/convert_currency.py": "def convert():\n    return '<b>'\n",
        "tools/convert_currency/tests/test_convert_currency.py": "def test_it():\n    assert 1 < 2\n",
        "tools/convert_currency/gate-1.json": failed,
        "acceptance/simple.json": json.dumps(TRANSCRIPT),
        "README.md": "# It\n\n## Install it\n\n```sh\npip install .\n```\n\n## Ask it\n\n```sh\nnat run\n```\n",
        "register.py": "never shown",
    }


BUILDS = {
    "accepted": whole,
    "old": old,
    "gate": rejected_by_gate,
    "cases": rejected_by_cases,
    "failed": failed,
}
