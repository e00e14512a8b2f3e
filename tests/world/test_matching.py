"""Which recorded answer belongs to a request."""

import pytest

from agenthands.schemas import Request, World
from agenthands.world.matching import Recorded, asked_of

BASE = {"url": "https://a.example/x?b=2&a=1"}


def recorded(*exchanges):
    return Recorded(World.model_validate({"http": exchanges}))


def found(wanted, made):
    world = recorded({"request": wanted, "response": {}})
    return world.find(asked_of(Request.model_validate(made))) >= 0


@pytest.mark.parametrize(
    ("wanted", "made", "same"),
    [
        (BASE, {"url": "https://a.example/x", "query": {"a": "1", "b": "2"}}, True),
        (BASE, {"url": "https://a.example/x?a=1"}, False),
        (BASE, {"url": "https://a.example/x?a=1&b=2&c="}, False),
        (BASE, {"url": "http://a.example/x?a=1&b=2"}, False),
        (BASE, {"url": "https://b.example/x?a=1&b=2"}, False),
        (BASE, {**BASE, "method": "POST"}, False),
        ({"url": "https://a.example"}, {"url": "https://a.example/"}, True),
        ({"url": "https://a.example/a%20b"}, {"url": "https://a.example/a b"}, True),
        ({**BASE, "query": {"c": ["1", "2"]}}, {**BASE, "query": {"c": ["2", "1"]}}, True),
        ({**BASE, "json": {"n": 1, "m": [1.0]}}, {**BASE, "body": '{"m": [1], "n": 1.0}'}, True),
        ({**BASE, "json": {"n": 1}}, {**BASE, "json": {"n": 2}}, False),
        ({**BASE, "json": {"n": 1}}, BASE, False),
        ({**BASE, "body": "a=1&b=2"}, {**BASE, "body": "b=2&a=1"}, True),
        ({**BASE, "headers": {"X-Key": "k"}}, {**BASE, "headers": {"x-key": "k", "accept": "*/*"}}, True),
        ({**BASE, "headers": {"X-Key": "k"}}, BASE, False),
    ],
)
def test_method_url_query_and_body_count(wanted, made, same):
    assert found(wanted, made) is same


def test_the_exchange_that_says_more_of_the_headers_answers():
    keyed = {"request": {**BASE, "headers": {"X-Key": "k"}}, "response": {"status": 200}}
    world = recorded({"request": BASE, "response": {"status": 401}}, keyed)
    with_key = asked_of(Request.model_validate(keyed["request"]))
    assert world.answer(world.find(with_key), 0).status == 200
    assert world.answer(world.find(asked_of(Request.model_validate(BASE))), 0).status == 401


def test_answers_take_turns_and_the_last_one_repeats():
    world = recorded(
        {"request": BASE, "response": {"status": 200}, "turn": 2},
        {"request": BASE, "response": {"status": 429}, "turn": 1},
    )
    number = world.find(asked_of(Request.model_validate(BASE)))
    assert [world.answer(number, times).status for times in range(4)] == [429, 200, 200, 200]
    assert world.contradictions() == []


def test_two_answers_without_turns_contradict_each_other():
    again = {"request": {"url": "https://a.example/x", "query": {"a": "1", "b": "2"}}, "response": {"status": 404}}
    world = recorded({"request": BASE, "response": {}}, again)
    assert world.contradictions() == ["GET https://a.example/x?a=1&b=2"]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"url": "https://a.example/x?b=2"}, "its query has also a=1"),
        ({"url": "https://a.example/x?b=2&a=1&c=3"}, "its query has no c=3"),
        ({**BASE, "method": "POST"}, "its method is GET, not POST"),
        ({"url": "https://a.example/y?b=2&a=1"}, "its URL is https://a.example/x"),
        ({**BASE, "json": {"n": 1}}, "its body is empty"),
    ],
)
def test_the_nearest_request_is_told(made, said):
    other = {"request": {"url": "https://other.example/far/away"}, "response": {}}
    world = recorded(other, {"request": BASE, "response": {}})
    assert said in world.nearest(asked_of(Request.model_validate(made)))


@pytest.mark.parametrize("url", ["/x", "ftp://a.example/", "https://a.example:8443/", "https://user:word@a.example/"])
def test_a_url_that_no_sandbox_can_answer_is_refused(url):
    with pytest.raises(ValueError, match="the URL"):
        asked_of(Request(url=url))
