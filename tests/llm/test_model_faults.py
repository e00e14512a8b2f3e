"""What the planner's and the agent's model do when they go wrong: real litellm, a server on loopback."""

import time
from email.utils import formatdate

import pytest
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
    status,
)
from gateway_support import ask, opened
from patience import patient
from scripted_server import serve_script

from agenthands.errors import (
    ContentFiltered,
    ContextExceeded,
    KeyRefused,
    ModelLimited,
    ModelSilent,
    ModelUnavailable,
    QuotaExhausted,
)
from agenthands.llm.budget import Budget, BudgetTracker, MeteredModel
from agenthands.llm.error_mapping import asked_to_wait
from agenthands.llm.litellm_model import LitellmModel
from agenthands.llm.litellm_setup import load_litellm
from agenthands.llm.settings import ModelSettings
from agenthands.schemas import Tokens

pytestmark = pytest.mark.timeout(60)
QUESTION = [{"role": "user", "content": "Plan it."}]
OPEN_ROUTER = status(402, "Insufficient credits")
ANTHROPIC = status(400, "Your credit balance is too low to access the API.", "invalid_request_error")
GEMINI_DAY = status(429, "Quota exceeded for quotaId GenerateRequestsPerDayPerProjectPerModel-FreeTier")
GEMINI_MINUTE = status(429, 'You exceeded your current quota: check your billing. "retryDelay": "0.01s" PerMinute')
# fault, error, calls with two retries, what is said
FAULTS = [
    (RATE_LIMIT, ModelUnavailable, 3, "RateLimitError"),
    (rate_limit(0), ModelUnavailable, 3, "RateLimitError"),
    (rate_limit(7200), ModelLimited, 1, "asks to wait 7,200 s"),
    (GEMINI_MINUTE, ModelUnavailable, 3, "RateLimitError"),
    (QUOTA, QuotaExhausted, 1, "has nothing left"),
    (OPEN_ROUTER, QuotaExhausted, 1, "Insufficient credits"),
    (ANTHROPIC, QuotaExhausted, 1, "credit balance"),
    (GEMINI_DAY, QuotaExhausted, 1, "PerDay"),
    (BROKEN, ModelUnavailable, 3, "InternalServerError"),
    (OVERLOADED, ModelUnavailable, 3, "ServiceUnavailableError"),
    (cut, ModelUnavailable, 3, "does not answer"),
    (hang, ModelUnavailable, 2, "Timeout"),
    (BAD_KEY, KeyRefused, 1, "refuses the key"),
    (FILTERED, ContentFiltered, 1, "(content_policy_violation)"),
    (TOO_LONG, ContextExceeded, 2, "longer than"),  # once more without a limit of its answer, which may have been it
]


@pytest.fixture
def model():
    with serve_script("data-report") as asked:
        yield asked


def settings(url, name="openai/scripted", **more):
    return ModelSettings(
        **{
            "model": name,
            "api_key": "k",
            "api_base": url,
            "retry_seconds": 0,
            "num_retries": 2,
            "timeout": patient(20),
            **more,
        }
    )


def planner(url, name="openai/scripted", **more):
    return LitellmModel(settings(url, name, **more))


def plan(model):
    return model.ask(QUESTION, "plan", {"type": "object"})


@pytest.mark.parametrize(("fault", "kind", "calls", "said"), FAULTS)
def test_a_lasting_fault_of_the_planner(model, fault, kind, calls, said):
    model.fault = lambda kind, number: fault
    with pytest.raises(kind) as caught:
        plan(planner(model.url, timeout=patient(0.5) if fault is hang else patient(20)))
    assert type(caught.value) is kind
    assert said in caught.value.message
    assert caught.value.hint
    assert len(model) == calls


@pytest.mark.parametrize("fault", [RATE_LIMIT, rate_limit(0), BROKEN, OVERLOADED, cut, hang])
def test_a_passing_fault_of_the_planner_is_tried_again(model, fault):
    model.fault = lambda kind, number: fault if number == 1 else None
    answer = plan(planner(model.url, timeout=patient(1) if fault is hang else patient(20)))
    assert (answer.text[:1], answer.model, answer.fault, len(model)) == ("{", "openai/scripted", None, 2)


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (EMPTY, ModelSilent, "the provider gives no reason but 'stop'"),
        (NO_CHOICES, ModelSilent, "'no choices'"),
        (FILTERED_ANSWER, ContentFiltered, "(content_filter)"),
        (says(finish="SAFETY"), ContentFiltered, "(SAFETY)"),
        (says(finish="MALFORMED_FUNCTION_CALL"), ModelSilent, "its tool calls were malformed"),
    ],
)
def test_an_empty_answer_says_why_and_is_paid(model, fault, kind, said):
    model.fault = lambda kind, number: fault
    tracker = BudgetTracker(Budget())
    answer = plan(MeteredModel(planner(model.url, assumed_price=(0.01, 0.01)), tracker.scope("plan")))
    assert (answer.text, type(answer.fault)) == ("", kind)
    assert said in answer.fault.message
    assert len(model) == 1
    assert tracker.spending[0].cost_usd == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (GEMINI_SAFETY, ContentFiltered, "The content filter of gemini/gemini-2.5-pro refuses this (SAFETY)."),
        (GEMINI_BLOCKED, ContentFiltered, "(PROHIBITED_CONTENT)"),
        (GEMINI_MALFORMED, ModelSilent, "its tool calls were malformed (MALFORMED_FUNCTION_CALL)"),
    ],
)
def test_what_gemini_hides_in_empty_messages_is_named(answer, kind, said):
    with serve_gemini(lambda number, body: answer) as asked:
        told = plan(planner(f"{asked.url}/v1beta", "gemini/gemini-2.5-pro"))
    assert type(told.fault) is kind
    assert said in told.fault.message
    assert told.tokens == Tokens(prompt=1000, completion=10)


def test_a_fallback_answers_where_the_planner_does_not_and_is_asked_first_for_a_while(model):
    with serve_gemini(lambda number, body: gemini_says("{}")) as other:
        model.fault = lambda kind, number: BROKEN
        fallback = settings(f"{other.url}/v1beta", "gemini/gemini-2.5-pro")
        tracker = BudgetTracker(Budget())
        asked = MeteredModel(planner(model.url, fallback=fallback), tracker.scope("plan"))
        answers = [plan(asked) for _ in range(3)]
    assert {(answer.model, answer.by_fallback) for answer in answers} == {("gemini/gemini-2.5-pro", True)}
    assert (len(model), len(other)) == (3, 3)
    (spent,) = tracker.spending
    assert (spent.model, spent.calls) == ("gemini/gemini-2.5-pro", 3)
    assert spent.cost_usd == pytest.approx(3 * (1000 * 1.25e-6 + 10 * 1e-5))


def test_a_fallback_is_not_asked_about_what_it_cannot_mend(model):
    with serve_script("data-report") as other:
        for fault in (BAD_KEY, FILTERED, TOO_LONG):
            model.fault = lambda kind, number, fault=fault: fault
            with pytest.raises((KeyRefused, ContentFiltered, ContextExceeded)):
                plan(planner(model.url, fallback=settings(other.url, "openai/other")))
    assert (len(model), len(other)) == (4, 0)


def test_where_both_fail_the_first_ones_fault_is_told(model):
    with serve_script("data-report") as other:
        model.fault, other.fault = (lambda kind, number: QUOTA), (lambda kind, number: BROKEN)
        with pytest.raises(QuotaExhausted, match=r"nothing left.*Its fallback does not help: openai/other does not an"):
            plan(planner(model.url, fallback=settings(other.url, "openai/other")))
    assert (len(model), len(other)) == (1, 3)


def test_how_long_a_provider_asks_to_wait():
    def asked(**headers):
        error = load_litellm().RateLimitError("slow down", "openai", "x")
        error.litellm_response_headers = headers
        return asked_to_wait(error)

    assert asked() is None
    assert asked(**{"retry-after": "12"}) == 12
    assert asked(**{"retry-after": "-1"}) == 0
    assert asked(**{"retry-after": "soon"}) is None
    assert 90 < asked(**{"retry-after": formatdate(time.time() + 100, usegmt=True)}) <= 100
    assert asked(**{"retry-after": formatdate(time.time() - 100, usegmt=True)}) == 0


@pytest.mark.parametrize(("fault", "kind", "calls", "said"), FAULTS)
def test_a_lasting_fault_of_the_agents_model(model, fault, kind, calls, said):
    model.fault = lambda kind, number: fault
    with opened(
        "openai/scripted", **gateway(model.url, timeout=patient(0.5) if fault is hang else patient(20))
    ) as gate:
        answers = [ask(gate), ask(gate)]
    outside = kind not in (ContentFiltered, ContextExceeded)
    assert all(answer.status_code >= 400 for answer in answers)
    assert len(model) == (calls if outside else 2 * calls), "what was just refused for good is not asked again"
    assert type(gate.usage.fault) is (kind if outside else type(None))
    assert gate.usage.errors


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (GEMINI_SAFETY, "The content filter of gemini/gemini-2.5-pro refuses this (SAFETY)."),
        (GEMINI_BLOCKED, "(PROHIBITED_CONTENT)"),
        (GEMINI_MALFORMED, "(MALFORMED_FUNCTION_CALL)"),
    ],
)
def test_what_gemini_hides_from_the_agent_is_noted(answer, said):
    with (
        serve_gemini(lambda number, body: answer) as asked,
        opened("gemini/gemini-2.5-pro", **gateway(f"{asked.url}/v1beta")) as gate,
    ):
        told = ask(gate)
    assert told.status_code == 200
    assert said in gate.usage.errors[0]
    assert gate.usage.calls[0].error == gate.usage.errors[0]
    assert gate.usage.fault is None
    assert gate.scope.paid[0] == pytest.approx(1000 * 1.25e-6 + 10 * 1e-5)


@pytest.mark.parametrize("call", [("weather", '{"city": "Os'), ("no_such_tool", "{}")])
def test_what_the_model_does_wrong_reaches_the_agent_as_it_is(model, call):
    model.fault = lambda kind, number: says(calls=[call])
    with opened("openai/scripted", **gateway(model.url)) as gate:
        told = ask(gate)
    function = told.json()["choices"][0]["message"]["tool_calls"][0]["function"]
    assert (function["name"], function["arguments"]) == call
    assert (len(model), gate.usage.errors) == (1, [])


def test_a_fallback_answers_where_the_agents_model_does_not(model):
    with serve_script("data-report") as other:
        model.fault = lambda kind, number: OVERLOADED
        fallback = settings(other.url, "openai/other", assumed_price=(0.01, 0.01))
        with opened("openai/scripted", **gateway(model.url, fallback=fallback, num_retries=1)) as gate:
            answers = [ask(gate).status_code for _ in range(2)]
    assert answers == [200, 200]
    assert (len(model), len(other)) == (2, 2)
    assert [call.model for call in gate.usage.calls] == ["openai/other"] * 2
    assert gate.scope.paid[0] == pytest.approx(0.3)
    assert gate.usage.fault is None
    assert gate.usage.by_fallback


def test_a_fallback_answers_in_time_where_the_agents_model_hangs(model):
    with serve_script("data-report") as other:
        model.fault = lambda kind, number: hang
        fallback = settings(other.url, "openai/other", assumed_price=(0.01, 0.01))
        with opened("openai/scripted", seconds=4, **gateway(model.url, fallback=fallback)) as gate:
            assert ask(gate).status_code == 200
    assert (len(model), len(other)) == (1, 1), "one try has half of the time, and the fallback has the rest"
    assert gate.usage.fault is None
    assert [(each.model, each.calls, each.cut_off) for each in gate.scope.tracker.spending] == [
        ("openai/scripted", 0, 1), ("openai/other", 1, 0),
    ]  # fmt: skip


def gateway(url, **more):
    """Return what `opened` takes of the settings."""
    return settings(url, **more).model_dump(exclude={"model", "api_key"}, exclude_unset=True)
