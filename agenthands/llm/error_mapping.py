"""Maps failed model calls to our errors: by litellm's exception, or by the provider's reason for an empty answer."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

from agenthands._util.redaction import redact_error
from agenthands.errors import (
    AgentHandsError,
    ContentFiltered,
    ContextExceeded,
    KeyRefused,
    ModelLimited,
    ModelNotUsable,
    ModelSilent,
    ModelUnavailable,
    QuotaExhausted,
)
from agenthands.llm.litellm_setup import load_litellm

MAX_WAIT = 60.0
"""The longest wait, in seconds, that a provider may ask for; a longer one fails the call."""
_OTHER_MODEL = "Try again later, choose another model, or name one that steps in: --fallback MODEL."
# Gemini says "check your plan and billing" about per-minute limits too; only its daily limits count as a quota.
_QUOTA = re.compile(r"insufficient_quota|usage_limit_reached|credit balance is too low|insufficient balance|PerDay")
_GEMINI_DELAY = re.compile(r'"retryDelay":\s*"([\d.]+)s"')
_FILTERS = re.compile(
    r"content_?filter|refusal|sensitive|guardrail|SAFETY|RECITATION|BLOCKLIST|PROHIBITED|SPII|^BLOCK|^LANGUAGE$", re.I
)
_MALFORMED = re.compile(r"MALFORMED|UNEXPECTED_TOOL_CALL|TOO_MANY_TOOL_CALLS")
_CUT_OFF = ("MAX_TOKENS", "length", "max_tokens")


def to_agenthands_error(error: BaseException, model: str) -> AgentHandsError:
    """Return our error for an exception that litellm raised, chosen by its class."""
    if isinstance(error, AgentHandsError):
        return error
    kinds = load_litellm().exceptions
    reason = f"{type(error).__name__}: {redact_error(str(error))[:300] or 'no message'}"
    if _no_quota(error):
        return QuotaExhausted(
            f"The account at the provider of {model} has nothing left. {reason}",
            "Raise its limit or top it up with the provider, or name a model that steps in: --fallback MODEL.",
        )
    if isinstance(error, kinds.AuthenticationError | kinds.PermissionDeniedError):
        return KeyRefused(f"The provider of {model} refuses the key.", "Check the key and what it may use.")
    if isinstance(error, kinds.NotFoundError):
        return ModelNotUsable(f"The provider does not know the model {model}.", "Check the name with the provider.")
    if isinstance(error, kinds.ContentPolicyViolationError):
        return content_filtered(model, "content_policy_violation")
    if isinstance(error, kinds.ContextWindowExceededError):
        return context_exceeded(model)
    if isinstance(error, kinds.BadRequestError):
        return ModelNotUsable(f"The provider of {model} refuses the request. {reason}", "Check model and options.")
    wait = asked_to_wait(error)
    if wait is not None and wait > MAX_WAIT:
        return ModelLimited(f"The provider of {model} limits calls, and asks to wait {wait:,.0f} s.", _OTHER_MODEL)
    return ModelUnavailable(f"{model} does not answer. {reason}", _OTHER_MODEL)


def content_filtered(model: str, reason: str) -> ContentFiltered:
    """Return the error for a question or an answer that a content filter refuses; `reason` is the provider's word."""
    return ContentFiltered(
        f"The content filter of {model} refuses this ({reason}).",
        "Say the request in other words, loosen `safety_settings` in the --config file, or choose another model.",
    )


def context_exceeded(model: str) -> ContextExceeded:
    """Return the error for a conversation that exceeds the model's context window."""
    return ContextExceeded(
        f"The conversation is longer than {model} can read.",
        "Choose a model with a larger context window, or ask for less at once.",
    )


def silent(model: str, reason: str) -> AgentHandsError:
    """Return the error for empty answers of a model; `reason` is the finish reason that its provider gave."""
    if _FILTERS.search(reason):
        return content_filtered(model, reason)
    if reason in _CUT_OFF:
        hint = "Raise `max_output_tokens` in the --config file, or choose another model."
    else:
        hint = "Choose another model."
    return ModelSilent(f"{model} answers with empty messages: {why_empty(reason)}.", hint)


def why_empty(reason: str) -> str:
    """Return in a few words why an answer is empty; `reason` is the provider's finish reason."""
    if _FILTERS.search(reason):
        return f"its content filter stopped them ({reason})"
    if _MALFORMED.search(reason):
        return f"its tool calls were malformed ({reason})"
    if reason in _CUT_OFF:
        return f"it used up its output tokens before it said anything ({reason})"
    return f"the provider gives no reason but {reason!r}" if reason else "the provider gives no reason"


def finish_reason(raw: Any) -> str:
    """Return the finish reason in a provider's raw answer; empty if it cannot be read.

    litellm reduces finish reasons to a few values, and drops which of Gemini's filters applied.
    """
    body = raw
    if isinstance(raw, str | bytes):
        with suppress(ValueError, RecursionError):
            body = json.loads(raw)
    if not isinstance(body, dict):
        return ""
    blocked = body.get("promptFeedback")
    if isinstance(blocked, dict) and blocked.get("blockReason"):
        return str(blocked["blockReason"])
    for name, key in (("candidates", "finishReason"), ("choices", "finish_reason")):
        entries = body.get(name)
        if isinstance(entries, list) and entries and isinstance(entries[0], dict):
            return str(entries[0].get(key) or "")
    return str(body.get("stop_reason") or "")


def asked_to_wait(error: BaseException) -> float | None:
    """Return the seconds that the provider asks us to wait; None if it does not say."""
    headers = getattr(error, "litellm_response_headers", None)
    if headers is None:
        headers = getattr(getattr(error, "response", None), "headers", None)
    said = str((headers or {}).get("retry-after") or "").strip()
    if not said:
        found = _GEMINI_DELAY.search(str(error))
        return float(found.group(1)) if found else None
    with suppress(ValueError):
        return max(0.0, float(said))
    with suppress(ValueError):
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    return None


def timed_out(error: BaseException) -> bool:
    """Return whether a call failed because it timed out."""
    return isinstance(error, load_litellm().exceptions.Timeout)


def _no_quota(error: BaseException) -> bool:
    body = getattr(error, "body", None)
    said = f"{error} {json.dumps(body, default=str)}" if body else str(error)
    kinds = load_litellm().exceptions
    if getattr(error, "status_code", None) == 402:
        return True
    limits = isinstance(error, kinds.RateLimitError | kinds.BadRequestError)
    return limits and _QUOTA.search(said) is not None
