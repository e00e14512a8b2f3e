"""What the coding agent does with a model that goes wrong: real OpenHands, real litellm, a server on loopback."""

import json

import pytest
from coder_support import Turns
from faulty_server import (
    BAD_KEY,
    BROKEN,
    EMPTY,
    FILTERED,
    FILTERED_ANSWER,
    NO_CHOICES,
    OVERLOADED,
    QUOTA,
    RATE_LIMIT,
    TOO_LONG,
    cut,
    hang,
    rate_limit,
    says,
)
from scripted_server import serve_script

from agenthands.errors import ModelLimited, ModelNotUsable, ModelUnavailable, QuotaExhausted

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def turns(tmp_path, bubblewrap):
    return Turns(tmp_path, bubblewrap)


@pytest.fixture
def model():
    with serve_script("data-report") as asked:
        yield asked


def always(fault):
    return lambda kind, number: fault


def first(fault, times=1):
    return lambda kind, number: fault if number <= times else None


@pytest.mark.parametrize(
    "fault", [RATE_LIMIT, rate_limit(0), BROKEN, OVERLOADED, cut, hang, NO_CHOICES], ids=lambda fault: "fault"
)
def test_a_passing_fault_is_tried_again(turns, model, fault):
    model.fault = first(fault)
    done = turns.work(model.url, num_retries=1, timeout=1 if fault is hang else 20)
    assert (done.status, done.reason) == ("finished", "")
    assert turns.files() == ["column_summary.py", "test_column_summary.py"]
    assert len(model) == 5
    assert done.steps == (5 if fault is NO_CHOICES else 4), "an answer without choices is paid"


@pytest.mark.parametrize(
    ("fault", "kind", "calls", "said"),
    [
        (RATE_LIMIT, ModelUnavailable, 3, "openai/scripted does not answer. RateLimitError"),
        (rate_limit(3600), ModelLimited, 1, "asks to wait 3,600 s"),
        (QUOTA, QuotaExhausted, 1, "has nothing left"),
        (BROKEN, ModelUnavailable, 3, "InternalServerError"),
        (OVERLOADED, ModelUnavailable, 3, "overloaded"),
        (cut, ModelUnavailable, 3, "does not answer"),
        (hang, ModelUnavailable, 2, "Timeout"),
        (NO_CHOICES, ModelUnavailable, 3, "choices"),
        (BAD_KEY, ModelNotUsable, 1, "refuses the key"),
    ],
)
def test_a_lasting_fault_ends_the_turn(turns, model, fault, kind, calls, said):
    model.fault = always(fault)
    with pytest.raises(kind) as caught:
        turns.work(model.url, num_retries=2, timeout=1 if fault is hang else 20)
    assert type(caught.value) is kind
    assert said in caught.value.message
    assert caught.value.hint
    assert len(model) == calls
    assert sum(each.calls for each in turns.purse.spending) == (3 if fault is NO_CHOICES else 0)


@pytest.mark.parametrize(
    ("fault", "calls", "status", "said"),
    [
        (FILTERED, 2, "refused", "The content filter of openai/scripted refuses this (content_policy_violation)"),
        (FILTERED_ANSWER, 3, "refused", "The content filter of openai/scripted refuses this (content_filter)"),
        (EMPTY, 3, "stuck", "openai/scripted answers with empty messages: the provider gives no reason but 'stop'"),
        (says("", finish="length"), 3, "stuck", "it used up its output tokens before it said anything (length)"),
        (says(calls=[("terminal", '{"command": "ls')]), 4, "stuck", "a tool call that cannot work: "),
        (says(calls=[("deploy", "{}")]), 4, "stuck", "deploy"),
        (says(calls=[("terminal", '{"command": "ls"}')]), 4, "stuck", "the agent repeated itself: $ ls"),
        (says("It is done, trust me."), 1, "finished", 'answered with text and called no tool: "It is done, trust me."'),
        (TOO_LONG, 0, "error", "longer than"),
    ],
)
def test_what_the_model_does_wrong_is_a_result_with_a_reason(turns, model, fault, calls, status, said):
    model.fault = always(fault)
    done = turns.work(model.url)
    assert done.status == status
    assert said in done.reason
    if calls:
        assert len(model) == calls
    assert len(model) <= 8
    assert turns.files() == []


def test_an_endless_loop_ends_with_its_steps(turns, model):
    model.fault = lambda kind, number: says(calls=[("terminal", json.dumps({"command": f"echo {number}"}))])
    done = turns.work(model.url, steps=6)
    assert (done.status, done.steps, len(model)) == ("out_of_steps", 6, 6)
    assert done.reason == "the agent was not ready after 6 steps; the last was $ echo 6"
