"""What the coding agent does with a model that goes wrong: real OpenHands, real litellm, a server on loopback."""

import json

import pytest
from coder_support import AwayOnce, Turns
from faulty_server import (
    BAD_KEY,
    BROKEN,
    EMPTY,
    FILTERED,
    FILTERED_ANSWER,
    GEMINI_BLOCKED,
    GEMINI_MALFORMED,
    GEMINI_SAFETY,
    NO_CHOICES,
    OVERLOADED,
    QUOTA,
    RATE_LIMIT,
    TOO_LONG,
    cut,
    gemini_says,
    hang,
    rate_limit,
    says,
    serve_gemini,
)
from patience import patient
from scripted_server import serve_script

from agenthands.coding.openhands.usage import UsageMeter
from agenthands.errors import KeyRefused, ModelLimited, ModelUnavailable, OutsideError, QuotaExhausted
from agenthands.llm.settings import ModelSettings

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


@pytest.mark.parametrize("fault", [rate_limit(0), cut, hang, NO_CHOICES], ids=lambda fault: "fault")
def test_a_passing_fault_is_tried_again(turns, model, fault):
    model.fault = first(fault)
    done = turns.work(model.url, num_retries=1, timeout=patient(1) if fault is hang else patient(20))
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
        (BAD_KEY, KeyRefused, 1, "refuses the key"),
    ],
)
def test_a_lasting_fault_ends_the_turn(turns, model, fault, kind, calls, said):
    model.fault = always(fault)
    with pytest.raises(kind) as caught:
        turns.work(model.url, num_retries=2, timeout=patient(1) if fault is hang else patient(20))
    assert type(caught.value) is kind
    assert said in caught.value.message
    assert caught.value.hint
    assert len(model) == calls
    assert sum(each.calls for each in turns.tracker.spending) == (3 if fault is NO_CHOICES else 0)
    assert sum(each.cut_off for each in turns.tracker.spending) == (calls if fault is hang else 0)


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
        (
            says("It is done."),
            1,
            "finished",
            'answered with text and called no tool: "It is done."',
        ),
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


GEMINI_READS = gemini_says({"functionCall": {"name": "terminal", "args": {"command": "cat spec.json"}}})
GEMINI_IS_DONE = gemini_says({"functionCall": {"name": "finish", "args": {"message": "Done."}}})


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (GEMINI_SAFETY, "refused", "The content filter of gemini/gemini-2.5-pro refuses this (SAFETY)"),
        (GEMINI_BLOCKED, "refused", "The content filter of gemini/gemini-2.5-pro refuses this (PROHIBITED_CONTENT)"),
        (GEMINI_MALFORMED, "stuck", "its tool calls were malformed (MALFORMED_FUNCTION_CALL)"),
    ],
)
def test_what_gemini_hides_in_empty_messages_is_named(turns, answer, status, said):
    with serve_gemini(lambda number, body: answer) as asked:
        done = turns.work(f"{asked.url}/v1beta", "gemini/gemini-2.5-pro")
    assert done.status == status
    assert said in done.reason
    assert len(asked) == done.steps == 3
    assert done.cost_usd == pytest.approx(3 * (1000 * 1.25e-6 + 10 * 1e-5)), "an empty answer is paid"


def test_gemini_may_go_on_after_a_malformed_call(turns):
    answers = [GEMINI_READS, GEMINI_MALFORMED, GEMINI_IS_DONE]
    with serve_gemini(lambda number, body: answers[number - 1]) as asked:
        done = turns.work(f"{asked.url}/v1beta", "gemini/gemini-2.5-pro")
    assert (done.status, done.reason, len(asked)) == ("finished", "", 3)


def test_a_conversation_that_is_too_long_is_summed_up_and_goes_on(turns, model):
    last = {6: TOO_LONG, 7: says("A summary of what was done."), 8: says(calls=[("finish", '{"message": "Done."}')])}
    loop = [says(calls=[("terminal", json.dumps({"command": f"echo {number}"}))]) for number in range(6)]
    model.fault = lambda kind, number: last[number] if number in last else loop[number]
    done = turns.work(model.url, assumed_price=(0.01, 0.01))
    assert (done.status, done.reason) == ("finished", "")
    assert len(model) == 8
    assert done.steps == sum(each.calls for each in turns.tracker.spending) == 7, "the summary is paid too"
    assert done.cost_usd == pytest.approx(7 * 0.15)
    shortened = json.dumps(model[-1][1])
    assert "A summary of what was done" in shortened
    assert "echo 2" not in shortened


def test_a_fallback_answers_where_the_model_does_not(turns, model):
    with serve_script("data-report") as other:
        other.fault = lambda kind, number: None if number > 1 else BROKEN
        model.fault = always(QUOTA)
        fallback = ModelSettings(
            model="openai/other", api_key="k", api_base=other.url, retry_seconds=0, assumed_price=(0.02, 0.02)
        )
        done = turns.work(model.url, fallback=fallback, num_retries=0)
    assert (done.status, len(model), len(other)) == ("finished", 4, 5)
    assert turns.files() == ["column_summary.py", "test_column_summary.py"]
    (spending,) = turns.tracker.spending
    assert (spending.model, spending.calls) == ("openai/other", 4)
    assert spending.cost_usd == done.cost_usd == pytest.approx(4 * 0.3)
    assert (turns.folder / "fallback-x").is_file(), "so the tool is not kept as one of the model's"


def test_what_two_models_did_is_paid_apart(turns, model):
    with serve_script("data-report") as other:
        model.fault = lambda kind, number: OVERLOADED if number > 2 else None
        fallback = ModelSettings(model="openai/other", api_key="k", api_base=other.url)
        turns.work(model.url, fallback=fallback, num_retries=1, assumed_price=(0.01, 0.01))
    assert (len(model), len(other)) == (2 + 2 + 1, 2), "a model that has just failed is not tried so often again"
    assert {each.model: (each.calls, each.cost_usd) for each in turns.tracker.spending} == {
        "openai/scripted": (2, pytest.approx(0.3)),
        "openai/other": (2, None),
    }


class OpenShells:
    """A sandbox that says which of its shells are open."""

    def __init__(self, sandbox):
        self.sandbox, self.open = sandbox, []

    def shell(self, *given):
        shell = self.sandbox.shell(*given)
        close = shell.close
        self.open.append(shell)
        shell.close = lambda: (self.open.remove(shell), close())
        return shell


def test_a_turn_whose_last_payment_fails_has_noted_it_and_leaves_no_shell(tmp_path, bubblewrap, model, monkeypatch):
    monkeypatch.setattr(UsageMeter, "__call__", lambda *_: None)  # no event comes: all is paid at the end of the turn
    shells = OpenShells(bubblewrap)
    turns = Turns(tmp_path, shells, day=AwayOnce())
    with pytest.raises(OutsideError, match="Prefect is away"):
        turns.work(model.url, assumed_price=(0.01, 0.01))
    assert [each.calls for each in turns.tracker.spending] == [len(model)] == [4]
    assert shells.open == []


def test_a_fallback_that_fails_too_is_told(turns, model):
    model.fault = always(RATE_LIMIT)
    fallback = ModelSettings(model="openai/other", api_key="k", api_base=model.url, num_retries=0)
    with pytest.raises(ModelUnavailable, match=r"openai/scripted does not answer.*openai/other does not answer"):
        turns.work(model.url, fallback=fallback, num_retries=0)
    assert len(model) == 2
    assert not (turns.folder / "fallback-x").exists(), "it has no part in anything"


def test_no_try_begins_once_the_time_of_the_turn_is_over(turns, model):
    model.fault = always(rate_limit(30))
    done = turns.work(model.url, seconds=min(patient(4), 25), num_retries=9)
    assert (done.status, done.reason) == ("out_of_time", "the time limit of the turn was reached")
    assert len(model) == 1


def test_a_turn_with_a_fault_can_be_gone_on_with(turns, model):
    model.fault = lambda kind, number: BROKEN if number == 3 else None
    with pytest.raises(ModelUnavailable):
        turns.work(model.url, num_retries=0)
    turns.attempt = 0
    done = turns.work(model.url, num_retries=0)
    assert (done.status, len(model)) == ("finished", 5)
    assert [each.calls for each in turns.tracker.spending] == [4]
