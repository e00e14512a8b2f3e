"""Every error that AgentHands raises on purpose.

    AgentHandsError              message, hint, exit_code, retryable
    |-- UserError                exit 2: the user must fix something
    |   |-- RequestInvalid         the request or its file cannot be used
    |   |-- SettingsInvalid        a setting, option or configuration file cannot be used
    |   |-- ModelNotUsable         unknown model, no key, key refused
    |   |-- QuotaExhausted         the provider's account has no money or no calls left
    |   |-- ContentFiltered        the provider's content filter refuses the question or the answer
    |   |-- ContextExceeded        the conversation is longer than the model can read
    |   |-- BudgetReached          a budget of the build, of a tool or of the day is used up
    |   |-- StoreNotUsable         the store cannot be written or read, or holds no such build
    |   `-- SandboxUnavailable     no sandbox of the wanted kind works on this machine
    |-- OutsideError             exit 3: something outside failed, after the retries that could help
    |   |-- ModelUnavailable       rate limit, outage, time-out                    (retryable)
    |   |   |-- ModelLimited         a rate limit that lasts longer than we wait
    |   |   `-- ModelSilent          it answers with empty messages
    |   |-- PlanRefused            the planner's answers stayed unusable
    |   |-- RegistryUnavailable    a package index does not answer                 (retryable)
    |   |-- DependencyRefused      no wheel of the wanted packages fits
    |   |-- ServerUnusable         an MCP server does not start or lacks a tool
    |   |-- StoreUnavailable       the store stopped answering                     (retryable)
    |   `-- SandboxLost            the sandbox itself broke; never a failing command inside it
    |-- BuildCancelled           exit 130: the user interrupted
    `-- OwnFault                 exit 70: a bug of ours; what an exception that nobody expected is called in the end

A tool that fails the gate, or an agent that fails its test cases, is a result and no exception.
"""

from __future__ import annotations

from agenthands._util.redaction import redact


class AgentHandsError(Exception):
    """Base of all: `message` says what happened, `hint` what to do about it."""

    exit_code = 3
    retryable = False
    build_id = ""
    """The build whose record tells more, where one was published."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep both sentences, without keys; `str(error)` is the message alone."""
        self.message = redact(message)
        self.hint = redact(hint)
        super().__init__(self.message)

    def __reduce__(self) -> tuple[type[AgentHandsError], tuple[str, str]]:
        return (type(self), (self.message, self.hint))


class UserError(AgentHandsError):
    """The user must fix something; trying again changes nothing."""

    exit_code = 2


class RequestInvalid(UserError):
    """The request, or the file it should come from, cannot be used."""


class SettingsInvalid(UserError):
    """A setting, a command line option or the configuration file cannot be used."""


class ModelNotUsable(UserError):
    """The model is unknown, has no key, or its provider refuses the key."""


class QuotaExhausted(UserError):
    """The provider's account has nothing left; waiting does not help."""


class ContentFiltered(UserError):
    """The provider's content filter refuses what was asked or what the model would answer."""


class ContextExceeded(UserError):
    """The conversation is longer than the model can read."""


class BudgetReached(UserError):
    """A budget that the user has set is used up; no model is called any more."""


class StoreNotUsable(UserError):
    """The store cannot be written or read with these settings, or lacks what was asked for."""


class SandboxUnavailable(UserError):
    """The wanted kind of sandbox does not work on this machine."""


class OutsideError(AgentHandsError):
    """Something outside AgentHands failed, after the retries that could help."""

    exit_code = 3


class ModelUnavailable(OutsideError):
    """The model's provider limits, fails or does not answer."""

    retryable = True


class ModelLimited(ModelUnavailable):
    """The provider limits the rate of calls for longer than it makes sense to wait."""

    retryable = False


class ModelSilent(ModelUnavailable):
    """The model answers with empty messages."""

    retryable = False


class PlanRefused(OutsideError):
    """The planner's answers stayed unusable; `last_answer` is its last one, as it came."""

    def __init__(self, message: str, hint: str = "", last_answer: str = "") -> None:
        """Keep the answer, so that a person can see what the model said."""
        super().__init__(message, hint)
        self.last_answer = redact(last_answer)

    def __reduce__(self) -> tuple[type[AgentHandsError], tuple[str, ...]]:  # type: ignore[override]
        return (type(self), (self.message, self.hint, self.last_answer))


class RegistryUnavailable(OutsideError):
    """A package index does not answer."""

    retryable = True


class DependencyRefused(OutsideError):
    """The wanted packages do not exist, clash, or come without wheels."""


class ServerUnusable(OutsideError):
    """An MCP server does not start, or does not offer a tool that the plan uses."""


class StoreUnavailable(OutsideError):
    """The store stopped answering."""

    retryable = True


class SandboxLost(OutsideError):
    """The sandbox itself broke; a command that fails inside it is a result instead."""


class BuildCancelled(AgentHandsError):
    """The user interrupted the build."""

    exit_code = 130


class OwnFault(AgentHandsError):
    """A bug of AgentHands: an exception that nobody expected, as `unexpected.named` tells it."""

    exit_code = 70
