"""Each kind of check, decided from an answer and calls; the same file decides in the delivered package."""

import pytest

from agenthands.evaluation.case_checks import decide


def call(name, arguments=None, result="fine", **changes):
    base = {"name": name, "by": "", "arguments": arguments or {}, "result": result, "error": "", "exception": ""}
    return {**base, "refused": False, "at": 1.0, "seconds": 0.1, **changes}


CALLS = [
    call("helper", {"question": "What is 1994?"}, "It is MCMXCIV."),
    call("roman", {"number": 1994, "style": {"upper": True, "wide": False}, "list": [1, 2.0000000001]}, {"r": "MCM"},
         by="helper"),
    call("clock__now", {"zone": "Europe/Berlin"}, "12:00"),
]  # fmt: skip


def passed(kind, value, answer="It is MCMXCIV.", calls=CALLS):
    return decide([{"kind": kind, "value": value}], answer, calls).checks[0]["passed"]


def called(**wanted):
    return {"tool": "roman", **wanted}


@pytest.mark.parametrize(
    ("kind", "value", "holds"),
    [
        ("contains", "mcmxciv", True),
        ("contains", "MMXX", False),
        ("not_contains", "MMXX", True),
        ("not_contains", "mcm", False),
        ("regex", "M{1,3}C", True),
        ("regex", "^M", False),
        ("json_equal", "It", False),
        ("tool_called", "roman", True),
        ("tool_called", "<workflow>", False),
        ("tool_called", called(), True),
        ("tool_called", called(arguments={"number": 1994.0}), True),
        ("tool_called", called(arguments={"number": "1994"}), False),
        ("tool_called", called(arguments={"number": True}), False),
        ("tool_called", called(arguments={"numbers": 1994}), False),
        ("tool_called", called(arguments={"style": {"upper": True}, "list": [1, 2]}), True),
        ("tool_called", called(arguments={"list": [1]}), False),
        ("tool_called", called(arguments={"list": [1, 3]}), False),
        ("tool_called", called(arguments={"number": {"regex": "^19"}}), True),
        ("tool_called", {"tool": "clock__now", "arguments": {"zone": {"regex": "(?i)berlin$"}}}, True),
        ("tool_called", called(result="mcm"), True),
        ("tool_called", called(result={"regex": "^{"}), True),
        ("tool_called", called(result={"r": "MCM"}), True),
        ("tool_called", called(result="MMX"), False),
        ("not_called", "any", False),
        ("not_called", ["moon", "sun"], True),
        ("not_called", "helper", False),
        ("refused", "any", False),
        ("asks_back", "moon", True),
        ("agent_called", "helper", True),
        ("agent_called", {"agent": "helper", "by": "roman"}, False),
        ("called_in_order", ["helper", "clock__now"], True),
        ("called_in_order", ["clock__now", "helper"], False),
        ("tool_fails", "roman", False),
        ("language", "en", True),
        ("language", "el", False),
        ("of_tomorrow", "x", False),
    ],
)
def test_each_kind_of_check_decides(kind, value, holds):
    assert passed(kind, value) is holds


def test_json_is_compared_as_json():
    assert passed("json_equal", {"a": 1}, '{"a": 1.0}')
    assert not passed("json_equal", {"a": 1}, '{"a": true}')


@pytest.mark.parametrize(
    ("language", "answer", "state"),
    [
        ("ja", "今日は東京で雨が降ります。気温は二十度です。", "undecided"),
        ("ko", "오늘 서울은 비가 옵니다. 기온은 이십 도입니다.", "passed"),
        ("ko", "It rains in Seoul today.", "failed"),
        ("de", "Heute regnet es in Berlin.", "undecided"),
        ("de", "Сегодня в Берлине дождь.", "failed"),
        ("uk", "42 °C", "undecided"),
    ],
)
def test_letters_tell_some_languages_and_a_reader_the_others(language, answer, state):
    assert decide([{"kind": "language", "value": language}], answer, []).state == state


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ([("tool_called", "moon")], "tool_not_called"),
        ([("tool_called", {"tool": "moon", "arguments": {"a": 1}})], "tool_not_called"),
        ([("tool_called", called(arguments={"number": 3}))], "wrong_arguments"),
        ([("tool_called", called(arguments={"number": 1994}, result="MMX"))], "wrong_result"),
        ([("contains", "MMXX"), ("agent_called", "writer")], "agent_not_called"),
        ([("not_called", "any")], "called_unasked"),
        ([("called_in_order", ["roman", "helper"])], "wrong_order"),
        ([("contains", "MMXX")], "check_failed"),
    ],
)
def test_the_most_telling_check_says_why(checks, code):
    decided = decide([{"kind": kind, "value": value} for kind, value in checks], "It is MCMXCIV.", CALLS)
    assert (decided.state, decided.code) == ("failed", code)


CHECK = [{"kind": "contains", "value": "MCMXCIV"}]


@pytest.mark.parametrize(
    "failed",
    [
        call("roman", result=None, error="boom", exception="KeyError"),
        call("roman", result=None, error="1 validation error", exception="ValidationError", refused=True),
        call(
            "helper", result="The tool calling agent could not produce a final answer within 15 iterations. And more."
        ),
        call("clock__now", result=""),
        call("clock__now", result="MCPToolClient tool call failed: gone"),
        call("wiki_search", result="Web search failed after 3 attempts for: x"),
    ],
)
def test_a_failed_call_fails_a_case_unless_the_tool_was_called_again(failed):
    assert decide(CHECK, "It is MCMXCIV.", [failed]).code == "tool_failed"
    assert decide(CHECK, "It is MCMXCIV.", [failed, call(failed["name"])]).state == "passed"


def test_what_gives_nothing_by_itself_and_a_name_that_is_nowhere_are_no_failures():
    unknown = call("moon", result=None, error="no such tool", refused=True) | {"arguments": None}
    assert decide(CHECK, "It is MCMXCIV.", [call("roman", result=""), unknown]).state == "passed"
    assert decide([{"kind": "not_called", "value": "any"}], "No.", [unknown]).state == "passed"


@pytest.mark.parametrize(
    "answer",
    [
        '{"name": "roman", "arguments": {"number": 1994}}',
        '```json\n{"action": "roman", "action_input": {"number": 1994}}\n```',
    ],
)
def test_a_call_that_was_only_written_is_no_answer(answer):
    assert decide([{"kind": "contains", "value": "1994"}], answer, []).code == "agent_failed"
    asked_for = [{"kind": "json_equal", "value": {"name": "roman", "arguments": {"number": 1994}}}]
    assert decide(asked_for, answer.strip("`json\n"), []).code != "agent_failed"
