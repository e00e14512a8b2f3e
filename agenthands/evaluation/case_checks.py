"""Decides a test case from the agent's answer and its calls, without a model.

Acceptance and the evaluator of each agent's package, which holds a copy of this file, decide here, so that they decide
alike. It therefore imports nothing but Python's own.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Call = Mapping[str, Any]
Found = Callable[[str, str], bool]

ANY = "any"
"""As the value of `not_called`: no tool and no colleague at all."""
# NAT gives these to a user, or to the agent that asked, as if they were answers.
NO_ANSWER = re.compile(
    r"The (?:tool calling|react) agent could not produce a final answer within \d+ iterations"
    r"|Router agent failed with exception: "
    r"|I apologize, but I encountered an error while processing your query: '"
    r"|No human input received to the agent"
    r"|Tool call failed after all retry attempts\. Last error: "
    r"|Tool execution failed: "
    r"|The tool \S+ provided an empty response\."
    r"|There is no tool named .+?\. Tool must be one of "
    r"|Invalid Format: Missing 'Action(?: Input)?:' after '(?:Thought|Action):'"
    r"|Parsing LLM output produced both a final answer and a parse-able action:"
)
# The same from tools: of MCP servers, and of NAT's own searches.
NO_RESULT = re.compile(
    r"MCPToolClient tool call failed: "
    r"|Web search (?:is unavailable: |failed after \d+ attempts)"
    r"|Error while running the tool: |Error: RAG service returned unexpected response format"
)
_OF_A_SERVER = "__"  # NAT puts it between a server's name and its tool's
_CALL_AS_TEXT = (
    {"name", "arguments"}, {"name", "parameters"}, {"action", "action_input"}, {"tool", "tool_input"},
    {"tool", "arguments"}, {"function", "arguments"},
)  # fmt: skip
_FENCED = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)
# Languages that are told apart by their letters alone; where several share a script, a reader decides.
_SCRIPTS = {
    "ar": "ARABIC", "fa": "ARABIC", "ur": "ARABIC", "el": "GREEK", "he": "HEBREW", "hi": "DEVANAGARI",
    "mr": "DEVANAGARI", "ne": "DEVANAGARI", "bn": "BENGALI", "ta": "TAMIL", "te": "TELUGU", "th": "THAI",
    "ka": "GEORGIAN", "hy": "ARMENIAN", "ko": "HANGUL", "zh": "CJK", "ja": "CJK HIRAGANA KATAKANA", "ru": "CYRILLIC",
    "uk": "CYRILLIC", "bg": "CYRILLIC", "sr": "CYRILLIC", "mk": "CYRILLIC", "be": "CYRILLIC", "kk": "CYRILLIC",
}  # fmt: skip
_ALONE = {"el", "he", "bn", "ta", "te", "th", "ka", "hy", "ko"}
_MOST_OF_IT = 0.5
_ENOUGH_LETTERS = 8
_TOLERANCE = 1e-6

_FOR_A_READER = ("refused", "asks_back")

# What failed first, as a reason of docs/reasons.md.
_CODES = {
    "tool_called": "tool_not_called",
    "agent_called": "agent_not_called",
    "not_called": "called_unasked",
    "refused": "called_unasked",
    "asks_back": "called_unasked",
    "called_in_order": "wrong_order",
    "tool_fails": "tool_did_not_fail",
}


def _search(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


@dataclass(frozen=True)
class Decision:
    """What is decided of a case. `undecided` ones need a reader: a judge, or a person.

    `checks` are the case's own with `passed`, `code` is the reason in docs/reasons.md and `error` a sentence where it
    failed, `failed` names the tools whose last call failed.
    """

    state: Literal["passed", "failed", "undecided"]
    checks: Sequence[Mapping[str, Any]] = ()
    code: str = ""
    error: str = ""
    failed: Sequence[str] = field(default_factory=list)


def decide(
    checks: Sequence[Mapping[str, Any]],
    answer: str,
    calls: Sequence[Call],
    specified: Mapping[str, Sequence[str]] | None = None,
    error: str = "",
    found: Found = _search,
) -> Decision:
    """Return what can be decided of a case without a reader.

    `specified` holds the exceptions that the specification of a tool names, by the tool; `error` is how the run ended,
    empty where it gave an answer; `found` looks for a pattern.

    A case fails by an error, an empty answer, words of NAT in place of an answer, a check that does not hold, or a tool
    whose last call failed: its agent answered without it. But a check `tool_fails` wants just that, and an exception
    that the specification names may be what the user must hear, so there a reader decides.
    """
    results = [{**check, "passed": _holds(check, answer, calls, found)} for check in checks]
    failed = failed_tools(calls)
    wanted = {str(check["value"]) for check in checks if check["kind"] == "tool_fails"}
    told = [name for name in failed if name not in wanted and _is_specified(name, calls, specified or {})]
    silent = [name for name in failed if name not in wanted and name not in told]

    def ended(state: Literal["passed", "failed", "undecided"], code: str = "", why: str = "") -> Decision:
        return Decision(state, results, code, why, failed)

    if error:
        return ended("failed", "agent_failed", error)
    if not answer.strip():
        return ended("failed", "no_answer")
    if said := no_answer(answer, checks):
        return ended("failed", "agent_failed", said)
    if silent:
        return ended("failed", "tool_failed", f"a tool failed and the agent went on: {', '.join(silent)}")
    missed = [each for each in results if not each["passed"]]
    if missed:
        return ended("failed", code_of(missed, calls, found))
    return ended("undecided" if told or not checks or any(map(_needs_reader, checks)) else "passed")


def code_of(missed: Sequence[Mapping[str, Any]], calls: Sequence[Call] = (), found: Found = _search) -> str:
    """Return the reason for checks that did not hold, that of the most telling one."""
    for kind, code in _CODES.items():
        for check in missed:
            if check["kind"] == kind:
                return _code_of_call(check["value"], calls, found) if kind == "tool_called" else code
    return "check_failed"


def _code_of_call(value: Any, calls: Sequence[Call], found: Found) -> str:
    made = _named(calls, str(value.get("tool"))) if isinstance(value, Mapping) else []
    if made and not any(_given(call, value, found) for call in made):
        return "wrong_arguments"
    return "wrong_result" if made else "tool_not_called"


def no_answer(answer: str, checks: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return why a text is no answer of the agent, but NAT's words about a failure or a call; empty if it is one."""
    text = answer.strip()
    if NO_ANSWER.match(text):
        return f"NAT gave up, and said instead of an answer: {text[:300]}"
    if _is_call(text) and not any(check["kind"] == "json_equal" for check in checks):
        return f"the model wrote a call as its answer, which nobody made: {text[:300]}"
    return ""


def fault_of(call: Call) -> str:
    """Return why a call failed; empty if it gave a result. What NAT's client passes on as "" was no text."""
    result = call.get("result")
    if call.get("error"):
        return str(call["error"])
    if isinstance(result, str) and (NO_ANSWER.match(result.strip()) or NO_RESULT.match(result.strip())):
        return result.strip()[:2000]
    if _OF_A_SERVER in str(call.get("name")) and isinstance(result, str) and not result.strip():
        return "it gave nothing that NAT passes on: no text"
    return ""


def failed_tools(calls: Sequence[Call]) -> list[str]:
    """Return the tools and colleagues whose last call failed. Names that exist nowhere are not among them."""
    last = {str(call["name"]): call for call in calls if not is_unknown(call)}
    return [name for name, call in last.items() if fault_of(call)]


def is_unknown(call: Call) -> bool:
    """Whether the model called a tool that is not there: NAT told it which ones are."""
    return bool(call.get("refused")) and call.get("arguments") is None


def _is_specified(tool: str, calls: Sequence[Call], specified: Mapping[str, Sequence[str]]) -> bool:
    last = [call for call in calls if call["name"] == tool][-1]
    return bool(last.get("exception")) and last["exception"] in specified.get(tool, ())


def _holds(check: Mapping[str, Any], answer: str, calls: Sequence[Call], found: Found) -> bool:
    kind, value = check["kind"], check["value"]
    if kind in ("contains", "not_contains"):
        return (str(value).casefold() in answer.casefold()) is (kind == "contains")
    if kind == "regex":
        return found(str(value), answer)
    if kind == "json_equal":
        return _is_json(answer, value)
    if kind == "language":
        return _may_be(answer, str(value))
    return _called(kind, value, calls, found)


def _called(kind: str, value: Any, calls: Sequence[Call], found: Found) -> bool:
    """Return whether a check of calls holds; False for a kind that this version does not know."""
    if kind == "tool_called":
        wanted = value if isinstance(value, Mapping) else {"tool": value}
        return any(_fits(call, wanted, found) for call in _named(calls, str(wanted.get("tool"))))
    if kind == "agent_called":
        wanted = value if isinstance(value, Mapping) else {"agent": value}
        return any(call["by"] == wanted.get("by", call["by"]) for call in _named(calls, str(wanted.get("agent"))))
    if kind in ("not_called", *_FOR_A_READER):
        names = value if isinstance(value, list) else [value]
        made = [call for call in calls if not is_unknown(call)]
        return not (made if ANY in names else [call for call in made if call["name"] in names])
    if kind == "called_in_order":
        made_in_order = iter([str(call["name"]) for call in calls])
        return all(wanted in made_in_order for wanted in value)
    return kind == "tool_fails" and any(fault_of(call) for call in _named(calls, str(value)))


def _needs_reader(check: Mapping[str, Any]) -> bool:
    """Whether what is checked is only a part of what is meant."""
    return check["kind"] in _FOR_A_READER or (check["kind"] == "language" and str(check["value"]).lower() not in _ALONE)


def _named(calls: Sequence[Call], name: str) -> list[Call]:
    return [call for call in calls if call["name"] == name]


def _fits(call: Call, wanted: Mapping[str, Any], found: Found) -> bool:
    if not _given(call, wanted, found):
        return False
    return wanted.get("result") in (None, "") or (
        not fault_of(call) and _says(call.get("result"), wanted["result"], found)
    )


def _given(call: Call, wanted: Mapping[str, Any], found: Found) -> bool:
    """Return whether a call has the arguments that are wanted, among others."""
    given, expected = call.get("arguments"), wanted.get("arguments") or {}
    return not expected or _matches(given, expected, found)


def _matches(given: Any, wanted: Any, found: Found) -> bool:
    """Return whether an argument is what is wanted: equal, found by a pattern, or with these entries among others."""
    if isinstance(wanted, Mapping):
        if set(wanted) == {"regex"}:
            return found(str(wanted["regex"]), given if isinstance(given, str) else json.dumps(given))
        return isinstance(given, Mapping) and all(
            name in given and _matches(given[name], value, found) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(given, list)
            and len(given) == len(wanted)
            and all(_matches(one, other, found) for one, other in zip(given, wanted, strict=True))
        )
    return same(given, wanted)


def _says(result: Any, wanted: Any, found: Found) -> bool:
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    if isinstance(wanted, Mapping):
        if set(wanted) == {"regex"}:
            return found(str(wanted["regex"]), text)
        return _matches(result, wanted, found)
    return str(wanted).casefold() in text.casefold()


def same(one: Any, other: Any) -> bool:
    """Compare as JSON, numbers with a relative tolerance of 1e-6; True and 1 differ."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=1e-12)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def _is_json(answer: str, value: Any) -> bool:
    try:
        return same(json.loads(answer), value)
    except (ValueError, RecursionError):
        return False


def _is_call(text: str) -> bool:
    fenced = _FENCED.fullmatch(text)
    try:
        value = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and set(value) in _CALL_AS_TEXT


def _may_be(answer: str, language: str) -> bool:
    """Return whether an answer's letters are those of a language; too few letters may be of any."""
    letters = [character for character in answer if character.isalpha()]
    if len(letters) < _ENOUGH_LETTERS:
        return True
    scripts = _SCRIPTS.get(language.lower(), "LATIN").split()
    own = sum(unicodedata.name(letter, "").startswith(tuple(scripts)) for letter in letters)
    return own >= _MOST_OF_IT * len(letters)
