"""Builds with a real model that is far too weak: whatever it answers, they end with a reason, and what they may cost.

What it says depends on the machine's floating point, so nothing here depends on what it says.
"""

import re

import pytest
from patience import patient
from weak_model import weak_model

from agenthands.api import Store
from agenthands.reasons import REASONS

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1800)]
# Few tokens an answer: it is asked for again with twice as many where it was cut, and continued.
SETTINGS = '[llm]\nmodel = "openai/smollm2"\nmax_output_tokens = 256\nnum_retries = 0\ntimeout = {seconds}\n'
MOST_TOKENS = 60_000
PRICE = ("--price", "1,1")


@pytest.fixture(scope="module")
def address():
    with weak_model() as url:
        yield url


@pytest.fixture
def weak_build(warm, address, tmp_path):
    """Build with that model, and return the exit code and the record."""
    settings = tmp_path / "models.toml"
    settings.write_text(SETTINGS.format(seconds=patient(300)))

    def build(*options):
        place = {"AGENTHANDS_STORE": tmp_path / "store", "AGENTHANDS_CODER_STEPS": "4", "OPENAI_API_KEY": "none"}
        bounds = ("--budget-tokens", str(MOST_TOKENS), "--max-attempts", "2", *PRICE)
        asked = ("build", "a report", "--config", settings, "--api-base", address, *bounds, *options)
        done = warm.run(*asked, seconds=patient(1500), **place)
        return done.returncode, next(Store(str(tmp_path / "store")).builds()).model_dump(mode="json")

    return build


def ended_with_a_reason(code, record):
    assert REASONS[record["reason_code"]].exit_code == code != 70
    assert record["reason"]
    paid = [each["tokens"] for each in record["spending"] if each["model"] == "openai/smollm2"]
    spent = sum(each["prompt"] + each["completion"] for each in paid)
    # a call under way when the budget is reached may use a whole window more
    assert 0 <= spent < MOST_TOKENS + 2 * 16_384
    assert record["cost_usd"] == pytest.approx(spent / 1e6)
    return True


def test_as_a_planner(weak_build):
    code, record = weak_build()
    assert ended_with_a_reason(code, record)
    assert record["status"] == "failed"


def test_as_a_coder(weak_build):
    scripted = ("--planner", "scripted/data-report", "--agent-model", "scripted/data-report")
    code, record = weak_build(*scripted, "--coder", "openai/smollm2")
    assert ended_with_a_reason(code, record)
    assert record["status"] in ("rejected", "failed")


def test_on_trial(agenthands, address, monkeypatch, tmp_path):
    settings = tmp_path / "models.toml"
    settings.write_text(SETTINGS.format(seconds=patient(300)))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    place = ("--store", str(tmp_path / "store"), "--config", str(settings), "--api-base", address)
    code, out, _ = agenthands("doctor", "--model", "openai/smollm2", *place, *PRICE)
    found = re.findall(r"^  (?:ok|fails) +(planner|coder|agent|judge) +(?:(\w+): )?", out, re.MULTILINE)
    assert [role for role, _ in found] == ["planner", "planner", "coder", "agent", "judge"], out
    assert {named for _, named in found} - {""} <= REASONS.keys()
    assert code == 2, "it can neither write JSON of that form nor use a tool"
    assert re.search(r"^  note +cost +\$0\.\d+, \d+ calls?,", out, re.MULTILINE), out
