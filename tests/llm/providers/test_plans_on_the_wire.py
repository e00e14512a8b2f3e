"""A plan of a real request, from every provider, through litellm and the planner, as the providers' protocols let it.

Each case was seen in what goes over the wire: closed objects take the parameters of a plan away, thoughts use up the
room of an answer, a schema in a request is refused, and a small window forgets the question.
"""

from functools import partial

import pytest
from providers.openai_api import Plain
from providers.plans import REQUEST, large_plan
from providers.roster import NAMED, ROSTER, Member
from providers.shared import Wish, count
from tests_support import registry

from agenthands.errors import AnswerCutOff, BudgetReached, ContextExceeded
from agenthands.llm.budget import Budget, BudgetTracker, MeteredModel
from agenthands.llm.litellm_model import LitellmModel
from agenthands.mcp.catalogue import load_catalogue
from agenthands.planning.planner import plan_agent
from agenthands.planning.validation import PlanningContext
from agenthands.schemas import Plan

pytestmark = pytest.mark.timeout(60)
LLM = ("llm", True)
AGENT = {"tool_calling_agent": {"llm_name": LLM, "tool_names": ("functions_and_groups", False)}}
REALITY = PlanningContext(registry(AGENT, ["current_datetime"]), load_catalogue())
THOUGHTS = 6000
LARGE, HUGE = large_plan(), large_plan(examples=24)


def planned(member, provider, tracker=None, **more):
    model = LitellmModel(member.settings(provider, **more))
    return plan_agent(REQUEST, MeteredModel(model, (tracker or paying()).scope("plan")), REALITY)


def paying():
    return BudgetTracker(Budget())


@pytest.mark.parametrize("member", ROSTER, ids=str)
def test_a_plan_of_a_real_request_comes_whole_and_at_once(member):
    assert 5000 < count(LARGE) < 9000, "as plans that were answered by hand"

    def model(asked):
        return Wish(LARGE if REQUEST in asked.text else "What do you want me to do?", thoughts=THOUGHTS)

    with member.opened(model) as provider:
        found = planned(member, provider)
    assert found.plan == Plan.model_validate_json(LARGE), "nothing of it is missing"
    assert found.answers == 1, "and none was asked for again"


# One of each family, with more thoughts than its first limit has room for, or a longer plan.
@pytest.mark.parametrize(
    ("name", "thoughts", "wanted", "more", "limits"),
    [
        ("gemini-2.5", 30_000, LARGE, {}, [32_768, 65_536]),
        ("claude-4.5", 0, large_plan(50), {}, [32_768, 64_000]),
        ("o3", 60_000, LARGE, {}, [32_768, 65_536, 100_000]),
        ("gpt-5.1", 30_000, LARGE, {"reasoning_effort": "high"}, [32_768, 65_536]),
        ("ollama", 0, HUGE, {"context_tokens": 65_536}, [8_192, 16_384]),
        ("plain", 0, large_plan(12), {}, [8_192, 16_384]),
    ],
)
def test_an_answer_that_was_cut_is_asked_for_with_more_room(name, thoughts, wanted, more, limits):
    tracker = paying()
    with NAMED[name].opened(lambda asked: Wish(wanted, thoughts=thoughts)) as provider:
        found = planned(NAMED[name], provider, tracker, **more)
    assert found.plan == Plan.model_validate_json(wanted)
    assert [each.limit for each in provider.asked] == limits
    assert len({len(each.turns) for each in provider.asked}) == 1, "no complaint was sent back"
    assert found.answers == 1
    assert tracker.spending[0].calls == len(limits), "all of them are counted"


def test_an_answer_longer_than_the_model_may_answer_is_continued():
    def model(asked):
        said = asked.turns[-2].text if len(asked.turns) > 1 else ""
        return Wish(HUGE[len(said) :])

    assert 16_384 < count(HUGE) < 2 * 16_384
    tracker = paying()
    with NAMED["gpt-4o"].opened(model) as provider:
        found = planned(NAMED["gpt-4o"], provider, tracker)
    assert found.plan == Plan.model_validate_json(HUGE)
    assert ["response_format" in body for body in provider.bodies] == [True, False], "a form wants a whole answer"
    assert (tracker.spending[0].calls, found.tokens.completion) == (2, count(HUGE))


@pytest.mark.parametrize("name", ["gpt-4o", "o3", "gemini-3"])
def test_an_answer_without_end_is_a_fault_with_a_name_and_a_bound(name):
    tracker = paying()
    with (
        NAMED[name].opened(lambda asked: Wish("x" * 4 * 200_000, thoughts=50_000)) as provider,
        pytest.raises(AnswerCutOff, match=r"was cut off after [\d,]+ tokens") as caught,
    ):
        planned(NAMED[name], provider, tracker)
    assert caught.value.code == "answer_cut_off"
    assert len(provider.bodies) == tracker.spending[0].calls == 4
    assert tracker.spending[0].cost_usd > 0


@pytest.mark.parametrize("budget", [Budget(usd=0.02), Budget(tokens=9000)])
def test_no_further_call_begins_for_a_cut_answer_once_a_budget_is_used_up(budget):
    scope = BudgetTracker(budget).scope("plan")
    with NAMED["o3"].opened(lambda asked: Wish(LARGE, thoughts=60_000)) as provider:
        model = LitellmModel(NAMED["o3"].settings(provider), allows_more=scope.allows_more)
        with pytest.raises(BudgetReached, match="is used up: plan"):
            plan_agent(REQUEST, MeteredModel(model, scope), REALITY)
    assert len(provider.bodies) == 1
    assert scope.paid[1].completion == 32_768


def test_what_a_server_refuses_is_left_out_from_then_on():
    member = NAMED["plain-refusing"]
    with member.opened(lambda asked: Wish(f"```json\n{LARGE}\n```")) as provider:
        for _ in range(2):
            planned(member, provider, reasoning_effort="high")
    sent = [{"response_format", "reasoning_effort"} & body.keys() for body in provider.bodies]
    assert sent == [{"response_format", "reasoning_effort"}, set(), set()]


def test_a_server_that_counts_the_limit_against_its_window_is_asked_without_one():
    member = Member("small", partial(Plain, window=13_000), "openai/small", "/v1")
    with member.opened(lambda asked: Wish(LARGE)) as provider:
        assert planned(member, provider).plan == Plan.model_validate_json(LARGE)
    assert ["max_tokens" in body for body in provider.bodies] == [True, False]


def test_ollama_is_asked_for_a_window_in_which_the_whole_question_fits():
    member = NAMED["ollama"]
    with member.opened(lambda asked: Wish(LARGE)) as provider:
        planned(member, provider)
        assert (provider.paths[0], provider.bodies[0]["options"]["num_ctx"]) == ("/api/chat", 32_768)
        assert provider.dropped == [0]
        with pytest.raises(ContextExceeded, match="longer than the 4,096 tokens"):
            planned(member, provider, context_tokens=4096)
    assert provider.paths.count("/api/chat") == 1, "it would have forgotten the question, and said nothing"


# The room for thoughts is a setting; models that count their thoughts are told so, and all keep the visible part.
@pytest.mark.parametrize(
    ("name", "settings", "sent"),
    [
        ("claude-4.5", {"thinking_tokens": 4000}, {"max_tokens": 12_192, "thinking": (4000,)}),
        ("claude-4.5", {"reasoning_effort": "low"}, {"max_tokens": 32_768, "thinking": (1024,)}),
        ("claude-4.5", {"reasoning_effort": "none"}, {"max_tokens": 32_768, "temperature": 0.2}),
        ("claude-5", {"reasoning_effort": "high"}, {"max_tokens": 32_768, "output_config": {"effort": "high"}}),
        ("gpt-5.1", {"reasoning_effort": "high"}, {"max_completion_tokens": 32_768, "reasoning_effort": "high"}),
        ("o3", {"thinking_tokens": 0}, {"max_completion_tokens": 8192}),
        ("gpt-4o", {"max_output_tokens": 12_000}, {"max_tokens": 16_384, "temperature": 0.2}),
    ],
)
def test_how_much_a_model_may_think_and_say_is_a_setting(name, settings, sent):
    with NAMED[name].opened(lambda asked: Wish(LARGE, thoughts=500)) as provider:
        planned(NAMED[name], provider, **settings)
    body = provider.bodies[0]
    if "thinking" in body and body["thinking"].get("budget_tokens"):
        body["thinking"] = (body["thinking"]["budget_tokens"],)
    assert {key: body.get(key) for key in sent} == sent
    assert name != "claude-4.5" or ("temperature" in body) == ("thinking" not in body)


def test_gemini_counts_its_thoughts():
    with NAMED["gemini-2.5"].opened(lambda asked: Wish(LARGE, thoughts=500)) as provider:
        planned(NAMED["gemini-2.5"], provider, thinking_tokens=3000)
    assert provider.bodies[0]["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 3000
    assert provider.bodies[0]["generationConfig"]["max_output_tokens"] == 11_192
