"""The plan's test cases as NAT evaluates them: a data set, and a configuration for `nat eval`."""

from __future__ import annotations

import json
from typing import Any

import yaml

from agenthands.models import Plan

_CASES = "evals/cases.jsonl"
_AT_ONCE = 4
_ABOUT = r"# NAT fills in \${VARIABLES}; the backslash keeps whatever one holds a single text." + "\n"


def evaluation(plan: Plan, package: str, config: str) -> dict[str, str]:
    """Give the files below `evals/`; `config` is the place of the agent's own configuration, which they build on."""
    cases = [
        {
            "id": case.id,
            "question": case.query,
            "answer": case.expected_behavior,
            "checks": [check.model_dump(mode="json") for check in case.checks],
        }
        for case in plan.test_cases
    ]
    general = {
        "max_concurrency": _AT_ONCE,
        "output": {"dir": "evals/results"},
        "dataset": {"_type": "jsonl", "file_path": _CASES},  # NAT reads plain JSON through pandas, which guesses types
    }
    settings = {
        "base": f"../{config}",
        "eval": {"general": general, "evaluators": {"checks": {"_type": f"{package}_checks"}}},
    }
    return {
        _CASES: "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases),
        "evals/config.yml": as_yaml(settings),
    }


def as_yaml(values: dict[str, Any]) -> str:
    """Write a configuration as people read it: in its own order, one line a value.

    NAT fills in variables twice: in the text, then in each value that YAML found in it. The backslash leaves them to
    the second time, so that whatever a variable holds stays one text.
    """
    text = yaml.safe_dump(values, sort_keys=False, width=120, allow_unicode=True)
    escaped = text.replace("\\", r"\\").replace("${", r"\${")
    return _ABOUT + escaped if "${" in text else escaped
