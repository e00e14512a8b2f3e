"""How a model is called: its route, what it takes, and how much room its answer gets.

Planner, judge, coder and gateway ask here, and each agent's package holds a copy of this file, so that all of them call
a model in the same way. It therefore imports nothing of ours, and litellm only where it is used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

Effort = Literal["none", "minimal", "low", "medium", "high"]

VISIBLE_TOKENS = 8192
"""What the visible part of an answer may have at least, where no setting says otherwise."""
THOUGHT_TOKENS = 24_576
"""The room for thoughts beside it, for a model that thinks; providers count both against one limit."""
SLACK_TOKENS = 8192
"""What is added for a model that does not think: plans of real requests have up to 9,000 tokens."""
CONTEXT_TOKENS = 32_768
"""The context window that a local model of Ollama is asked for: its own default is 4,096, and it cuts in silence."""
LEAST_THOUGHTS = 1024
"""The smallest budget for thoughts that Anthropic takes."""

# Google strongly recommends the default temperature from Gemini 3 on, lower ones may loop, and OpenAI's models that
# think refuse any other: https://ai.google.dev/gemini-api/docs/gemini-3,
# https://platform.openai.com/docs/guides/reasoning (NVIDIA/NeMo-Agent-Toolkit#610)
_OWN_TEMPERATURE = re.compile(r"gemini-[3-9]|o\d|gpt-[5-9]")
# Refused by the same models of OpenAI, though litellm's table lets it pass for some; NAT's react agent sends it:
# https://platform.openai.com/docs/api-reference/chat/create#chat-create-stop
_NO_STOP = re.compile(r"o\d|gpt-[5-9]")
_CLAUDE = re.compile(r"claude")
# Budgets for thoughts are numbers here; later models take an effort:
# https://ai.google.dev/gemini-api/docs/thinking, https://platform.claude.com/docs/en/build-with-claude/extended-thinking
_COUNTED_THOUGHTS = re.compile(r"gemini-2\.5|claude-(?:3-7|(?:sonnet|haiku|opus)-4)(?!-[6-9])")


@dataclass(frozen=True)
class Traits:
    """What litellm's table says of a model; `known` is false, and all else unknown, for one that is not in it."""

    known: bool = False
    most: int | None = None
    thinks: bool = False
    sampling: bool = True


@dataclass(frozen=True)
class Wanted:
    """What the settings of a role say of its model's calls; None leaves a value to us or to the provider."""

    model: str
    temperature: float | None = None
    max_output_tokens: int | None = None
    reasoning_effort: Effort | None = None
    thinking_tokens: int | None = None
    context_tokens: int | None = None


def route(model: str) -> str:
    """Return the name by which litellm reaches a model with tools.

    `ollama/NAME` goes to Ollama's completion API, which has no tools: `ollama_chat/NAME` has
    (https://docs.litellm.ai/docs/providers/ollama).
    """
    provider, slash, name = model.partition("/")
    return f"ollama_chat/{name}" if slash and provider == "ollama" else model


def traits(model: str) -> Traits:
    """Return what litellm's table says of a model, without asking any server."""
    import litellm

    name = route(model)
    entry = litellm.model_cost.get(name) or litellm.model_cost.get(name.partition("/")[2])
    if not entry or name.startswith("ollama"):
        return Traits()
    most = entry.get("max_output_tokens")
    return Traits(
        known=True,
        most=most if isinstance(most, int) else None,
        thinks=bool(entry.get("supports_reasoning")),
        sampling=entry.get("supports_sampling_params") is not False,
    )


def thinking(wanted: Wanted) -> bool:
    """Return whether the model was told to think."""
    return wanted.reasoning_effort not in (None, "none") or bool(wanted.thinking_tokens)


def room(wanted: Wanted) -> int:
    """Return the limit of output tokens: what the visible answer may need, and what the model may think.

    Only a model of litellm's table gets more than the visible part: other servers may count the limit against their
    context window, and refuse.
    """
    visible = wanted.max_output_tokens or VISIBLE_TOKENS
    found = traits(wanted.model)
    if thinking(wanted) or found.thinks:
        limit = visible + (THOUGHT_TOKENS if wanted.thinking_tokens is None else wanted.thinking_tokens)
    elif found.known:
        limit = visible + min(visible, SLACK_TOKENS)
    else:
        limit = visible
    return min(limit, found.most) if found.most else limit


def most_room(wanted: Wanted) -> int:
    """Return the most output tokens that the model can be asked for, after an answer that was cut off.

    An answer of Ollama's lies in the same window as its question, which it would push out.
    """
    most = traits(wanted.model).most or 4 * (wanted.max_output_tokens or VISIBLE_TOKENS)
    window = context_window(wanted)
    return max(room(wanted), most if window is None else min(most, window // 2))


def room_for_thoughts(wanted: Wanted) -> int:
    """Return how much of the limit thoughts may use, so that the visible answer keeps its part; 0 without any."""
    left = room(wanted) - (wanted.max_output_tokens or VISIBLE_TOKENS)
    return left if left >= LEAST_THOUGHTS and wanted.reasoning_effort != "none" else 0


def temperature(wanted: Wanted) -> float | None:
    """Return the temperature to send; None where the model has its own, or refuses any."""
    name = wanted.model.rpartition("/")[2]
    if not traits(wanted.model).sampling or _OWN_TEMPERATURE.match(name):
        return None
    if _CLAUDE.search(name) and thinking(wanted):
        return None  # https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    return wanted.temperature


def call_options(wanted: Wanted) -> dict[str, Any]:
    """Return the arguments of a litellm call that depend on the model and its settings, without address and key."""
    options: dict[str, Any] = {
        "model": route(wanted.model),
        "max_tokens": room(wanted),
        "temperature": temperature(wanted),
        "drop_params": True,  # what a model does not take is left out by litellm
        **_thought_options(wanted),
        **cache_marks(wanted),
    }
    if _NO_STOP.match(wanted.model.rpartition("/")[2]):
        options["additional_drop_params"] = ["stop"]
    if window := context_window(wanted):
        options["num_ctx"] = window
    return {name: value for name, value in options.items() if value is not None}


def cache_marks(wanted: Wanted, goes_on: bool = True) -> dict[str, Any]:
    """Return the option that has Claude keep the beginning of a prompt, which is read again at a tenth of its price.

    Writing it costs a quarter more, so the end of a question is marked only where the conversation `goes_on`; system
    prompts are the same for all. Other providers keep beginnings by themselves.
    https://platform.claude.com/docs/en/build-with-claude/prompt-caching
    """
    if wanted.model.partition("/")[0] != "anthropic":
        return {}
    marks: list[dict[str, Any]] = [{"location": "message", "role": "system"}]
    if goes_on:
        marks.append({"location": "message", "index": -1})
    return {"cache_control_injection_points": marks}


def _thought_options(wanted: Wanted) -> dict[str, Any]:
    name = wanted.model.rpartition("/")[2]
    if wanted.thinking_tokens and _COUNTED_THOUGHTS.search(name):
        budget = max(LEAST_THOUGHTS, min(wanted.thinking_tokens, room_for_thoughts(wanted)))
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}
    return {"reasoning_effort": wanted.reasoning_effort} if wanted.reasoning_effort else {}


def context_window(wanted: Wanted) -> int | None:
    """Return the context window that the call asks for; None where the model has its own."""
    if wanted.model.partition("/")[0] in ("ollama", "ollama_chat"):
        return wanted.context_tokens or CONTEXT_TOKENS
    return None
