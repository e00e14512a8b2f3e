"""The plan's test cases as NAT evaluates them: a data set, and a configuration for `nat eval`."""

from __future__ import annotations

import json
from typing import Any

import yaml

from agenthands.models import Plan

_CASES = "evals/cases.jsonl"
_AT_ONCE = 4


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


class _Dumper(yaml.SafeDumper):
    """Quotes what refers to a variable: NAT fills it in before it reads the YAML, and what is empty or a number there
    must stay text.
    """


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="'" if "${" in value else None)


_Dumper.add_representer(str, _text)


def as_yaml(values: dict[str, Any]) -> str:
    """Write a configuration as people read it: in its own order, one line a value."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
