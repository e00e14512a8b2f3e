"""Every error that AgentHands raises on purpose.

    AgentHandsError              message, hint, code
    |-- UserError                exit 2: the user must fix something
    |   |-- RequestInvalid         the request or its file cannot be used
    |   |-- SettingsInvalid        a setting, option or configuration file cannot be used
    |   |-- ModelNotUsable         unknown model, or a request that the provider refuses
    |   |   |-- KeyMissing             no key is set
    |   |   `-- KeyRefused             the provider refuses the key
    |   |-- QuotaExhausted         the provider's account has no money or no calls left
    |   |-- ContentFiltered        the provider's content filter refuses the question or the answer
    |   |-- ContextExceeded        the conversation is longer than the model can read
    |   |-- BudgetReached          a budget of the build, of a tool or of the day is used up
    |   |-- ConfirmationNeeded     a revision gives up earlier test cases, and nobody has agreed
    |   |-- StoreNotUsable         the store cannot be written or read, or holds no such build
    |   `-- SandboxUnavailable     no sandbox of the wanted kind works on this machine
    |-- OutsideError             exit 3: something outside failed, after the retries that could help
    |   |-- ModelUnavailable       rate limit, outage, time-out                    (retryable)
    |   |   |-- ModelLimited         a rate limit that lasts longer than we wait
    |   |   |-- ModelSilent          it answers with empty messages
    |   |   `-- AnswerCutOff         its answer is longer than it may be, however much room it got
    |   |-- PlanRefused            the planner's answers stayed unusable
    |   |-- RegistryUnavailable    a package index does not answer                 (retryable)
    |   |-- DependencyRefused      no wheel of the wanted packages fits
    |   |-- ServerUnusable         an MCP server does not start or lacks a tool
    |   |-- StoreUnavailable       the store stopped answering                     (retryable)
    |   |-- SandboxLost            the sandbox itself broke; never a failing command inside it
    |   |-- PrefectUnavailable     Prefect's API does not answer
    |   |   `-- PrefectBusy          it answers with 5xx, however often it is asked
    |   |-- PrefectRefuses         Prefect's API refuses a request: it wants a key, or is of another version
    |   |-- LocksUnavailable       the Redis of AGENTHANDS_LOCKS cannot be used
    |   |-- DiskFull               no space is left on the disk
    |   `-- RunFailed              a run of a deployment ended without a reason of ours
    |-- BuildCancelled           exit 130: the user interrupted
    `-- OwnFault                 exit 70: a bug of ours; what an exception that nobody expected is called in the end

Each class has a code in the table of reasons.py, which says its exit code and whether trying again can help.
A tool that fails the gate, or an agent that fails its test cases, is a result and no exception.
"""

from __future__ import annotations

from typing import ClassVar

from agenthands._util.redaction import redact
from agenthands.reasons import REASONS


class AgentHandsError(Exception):
    """Base of all: `message` says what happened, `hint` what to do about it."""

    code: ClassVar[str] = "outside_failed"
    """The reason, as reasons.py knows it."""
    build_id = ""
    """The build whose record tells more, where one was published."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep both sentences, without keys; `str(error)` is the message alone."""
        self.message = redact(message)
        self.hint = redact(hint)
        super().__init__(self.message)

    def __reduce__(self) -> tuple[type[AgentHandsError], tuple[str, str]]:
        return (type(self), (self.message, self.hint))

    @property
    def exit_code(self) -> int:
        """What a command that this error ends exits with."""
        return REASONS[self.code].exit_code

    @property
    def retryable(self) -> bool:
        """Whether trying again can help."""
        return REASONS[self.code].retryable


class UserError(AgentHandsError):
    """The user must fix something; trying again changes nothing."""

    code = "request_invalid"


class RequestInvalid(UserError):
    """The request, or the file it should come from, cannot be used."""

    code = "request_invalid"


class SettingsInvalid(UserError):
    """A setting, a command line option or the configuration file cannot be used."""

    code = "settings_invalid"


class ModelNotUsable(UserError):
    """The model is unknown, has no key, or its provider refuses the key."""

    code = "model_not_usable"


class KeyMissing(ModelNotUsable):
    """No key is set for a model that needs one."""

    code = "key_missing"


class KeyRefused(ModelNotUsable):
    """The provider refuses the key."""

    code = "key_refused"


class QuotaExhausted(UserError):
    """The provider's account has nothing left; waiting does not help."""

    code = "quota_exhausted"


class ContentFiltered(UserError):
    """The provider's content filter refuses what was asked or what the model would answer."""

    code = "content_filtered"


class ContextExceeded(UserError):
    """The conversation is longer than the model can read."""

    code = "context_exceeded"


class BudgetReached(UserError):
    """A budget that the user has set is used up; no model is called any more."""

    code = "budget_reached"


class ConfirmationNeeded(UserError):
    """A revision gives up test cases of the agent, and nobody has agreed to that."""

    code = "confirmation_needed"


class StoreNotUsable(UserError):
    """The store cannot be written or read with these settings, or lacks what was asked for."""

    code = "store_not_usable"


class SandboxUnavailable(UserError):
    """The wanted kind of sandbox does not work on this machine."""

    code = "sandbox_unavailable"


class OutsideError(AgentHandsError):
    """Something outside AgentHands failed, after the retries that could help."""

    code = "outside_failed"


class ModelUnavailable(OutsideError):
    """The model's provider limits, fails or does not answer."""

    code = "model_unavailable"


class ModelLimited(ModelUnavailable):
    """The provider limits the rate of calls for longer than it makes sense to wait."""

    code = "model_limited"


class ModelSilent(ModelUnavailable):
    """The model answers with empty messages."""

    code = "model_silent"


class AnswerCutOff(ModelUnavailable):
    """The model's answer was cut off at the limit of its tokens, however much room it got."""

    code = "answer_cut_off"


class PlanRefused(OutsideError):
    """The planner's answers stayed unusable; `last_answer` is its last one, as it came."""

    code = "plan_refused"

    def __init__(self, message: str, hint: str = "", last_answer: str = "") -> None:
        """Keep the answer, so that a person can see what the model said."""
        super().__init__(message, hint)
        self.last_answer = redact(last_answer)

    def __reduce__(self) -> tuple[type[AgentHandsError], tuple[str, ...]]:  # type: ignore[override]
        return (type(self), (self.message, self.hint, self.last_answer))


class RegistryUnavailable(OutsideError):
    """A package index does not answer."""

    code = "registry_unavailable"


class DependencyRefused(OutsideError):
    """The wanted packages do not exist, clash, or come without wheels."""

    code = "dependency_refused"


class ServerUnusable(OutsideError):
    """An MCP server does not start, or does not offer a tool that the plan uses."""

    code = "server_unusable"


class StoreUnavailable(OutsideError):
    """The store stopped answering."""

    code = "store_unavailable"


class SandboxLost(OutsideError):
    """The sandbox itself broke; a command that fails inside it is a result instead."""

    code = "sandbox_lost"


class PrefectUnavailable(OutsideError):
    """Prefect's API does not answer."""

    code = "prefect_unavailable"


class PrefectBusy(PrefectUnavailable):
    """Prefect's API answers with 5xx, however often it is asked."""

    code = "prefect_busy"


class PrefectRefuses(OutsideError):
    """Prefect's API does not take a request as it is: it wants a key, or is of another version."""

    code = "prefect_refuses"


class LocksUnavailable(OutsideError):
    """The Redis of AGENTHANDS_LOCKS cannot be used."""

    code = "locks_unavailable"


class DiskFull(OutsideError):
    """No space is left on the disk."""

    code = "disk_full"


class AgentNotLoaded(OutsideError):
    """NAT cannot load an agent that was built."""

    code = "chat_not_loaded"


class RunFailed(OutsideError):
    """A run of a deployment ended before AgentHands could say why."""

    code = "run_failed"


class BuildCancelled(AgentHandsError):
    """The user interrupted the build."""

    code = "cancelled"


class OwnFault(AgentHandsError):
    """A bug in AgentHands: an exception that nobody expected, as `error_mapping` says it."""

    code = "own_fault"


def error_with(code: str, message: str) -> AgentHandsError:
    """Return the error of this code, as another process had it; a code that is no error's gives RunFailed."""
    kinds: list[type[AgentHandsError]] = [AgentHandsError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    named = {kind.code: kind for kind in kinds}  # of a class and its base with the same code, the class
    return named.get(code, RunFailed)(message)
