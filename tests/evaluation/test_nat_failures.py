"""NAT gives many failures to its user, or to the agent's model, as if they were answers: each is provoked in real NAT.

A NAT that words one of them differently, or keeps something else to itself, is noticed here.
"""

import json
import subprocess
from pathlib import Path

import pytest
from patience import patient

import agenthands.evaluation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SOURCES = Path(agenthands.evaluation.__file__).parent
SCRIPT = Path(__file__).parents[1] / "support" / "nat_failures_script.py"
FINE = ["a good call", "a good react call", "an answer of a server", "an image with a text"]
INSTEAD_OF_AN_ANSWER = [
    "a loop", "a router without a branch", "a router's branch that gives nothing", "a router's branch that fails",
    "a chat without its model", "no question", "react without an action", "react without an input", "react with both",
]  # fmt: skip
RAISED = ["an agent without its model", "react that raises", "an exception under rewoo"]
FAILED_CALLS = {
    "an exception": ("halve", "the number must be even"),
    "an exception under react": ("halve", "the number must be even"),
    "refused arguments": ("halve", "validation error"),
    "refused arguments under react": ("halve", "validation error"),
    "refused arguments of a server": ("pages__reads", "validation error"),
    "an error of a server": ("pages__fails", "no such page"),
    "an image": ("pages__draws", "ImageContent"),
    "structured content alone": ("pages__structures", "nothing"),
    "a server that ends": ("pages__dies", "Connection closed"),
    "a colleague's loop": ("helper", "could not produce a final answer"),
}


@pytest.fixture(scope="module")
def outcomes(nat_environment):
    """What came of each question, by the name of what was provoked."""
    sources = [str(SOURCES / "nat_steps.py"), str(SOURCES / "case_checks.py")]
    command = [str(nat_environment.python), "-P", str(SCRIPT), *sources]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patient(300))
    assert done.stdout, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", FINE)
def test_what_works_passes(name, outcomes):
    assert outcomes[name]["state"] == "passed", outcomes[name]
    assert not any(outcomes[name]["faults"])


@pytest.mark.parametrize("name", INSTEAD_OF_AN_ANSWER)
def test_a_failure_that_nat_says_as_an_answer_is_none(name, outcomes):
    assert outcomes[name]["answer"].strip()
    assert outcomes[name]["error"] == ""
    assert (outcomes[name]["state"], outcomes[name]["code"]) == ("failed", "agent_failed"), outcomes[name]


@pytest.mark.parametrize("name", RAISED)
def test_a_failure_that_nat_raises_is_an_error(name, outcomes):
    assert outcomes[name]["error"]


@pytest.mark.parametrize("name", FAILED_CALLS)
def test_a_call_that_failed_is_seen_with_its_error_whatever_the_model_answers(name, outcomes):
    tool, error = FAILED_CALLS[name]
    assert "It is two." in outcomes[name]["answer"]
    assert (outcomes[name]["state"], outcomes[name]["code"]) == ("failed", "tool_failed"), outcomes[name]
    faults = dict(zip((call["name"] for call in outcomes[name]["calls"]), outcomes[name]["faults"], strict=True))
    assert error in faults[tool]


def test_calls_have_their_caller_arguments_and_results_as_they_were(outcomes):
    (call,) = outcomes["a good call"]["calls"]
    assert (call["name"], call["by"], call["arguments"], call["result"]) == ("halve", "", {"number": 4}, "2")
    asked, *made = outcomes["a colleague's loop"]["calls"]
    assert (asked["name"], asked["by"], asked["arguments"]) == ("helper", "", {"question": "?"})
    assert {each["by"] for each in made} == {"helper"}
    (raised,) = outcomes["an exception"]["calls"]
    assert (raised["exception"], raised["refused"]) == ("ValueError", False)
    (refused,) = outcomes["refused arguments"]["calls"]
    assert (refused["arguments"], refused["refused"]) == ({"value": 1}, True)


@pytest.mark.parametrize("name", ["an unknown tool", "an unknown tool under react"])
def test_a_tool_that_is_not_there_is_seen_but_no_failure_of_a_tool(name, outcomes):
    (call,) = outcomes[name]["calls"]
    assert (call["name"], call["refused"], call["arguments"]) == ("double", True, None)
    assert outcomes[name]["state"] == "passed"


@pytest.mark.parametrize("name", ["a conversation", "a conversation with react", "a conversation with a chat"])
def test_what_was_said_before_reaches_the_model(name, outcomes):
    assert [word for word in ("one", "two", "three") if word not in outcomes[name]["answer"]] == []


def test_a_router_gets_the_last_message_alone(outcomes):
    (asked,) = outcomes["a conversation with a router"]["calls"]
    assert asked["arguments"] == "three", "planning/case_validation.py refuses conversations with it for that reason"
