"""Explain the exit status of a Unix program."""

import signal
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class SignalNameInput(BaseModel):
    status: int = Field(ge=0, le=255, description="What the shell shows as $?")


KNOWN = {0: "success", 1: "general error", 2: "wrong usage", 126: "cannot be executed", 127: "not found"}


def explain(status: int) -> dict[str, str | int | None]:
    """Return what a status says; above 128 it is the signal that ended the program."""
    number = status - 128
    if number in set(signal.Signals):
        ended = signal.Signals(number)
        return {"meaning": f"ended by {ended.name}", "signal": number, "kind": kind(ended)}
    return {"meaning": KNOWN.get(status, "error of the program itself"), "signal": None, "kind": "exit"}


def kind(ended: signal.Signals) -> str:
    """Return whether a signal asks, forces, or tells of a fault."""
    if ended in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        return "asked"
    if ended in (signal.SIGSEGV, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGBUS):
        return "fault"
    return "forced" if ended == signal.SIGKILL else "other"


class SignalNameConfig(FunctionBaseConfig, name="signal_name"):
    """Configuration of the tool signal_name; it needs none."""


@register_function(config_type=SignalNameConfig)
async def register_signal_name(config: SignalNameConfig, builder: Builder):
    """Register signal_name with NAT."""

    async def _run(data: SignalNameInput) -> dict[str, str | int | None]:
        return explain(data.status)

    yield FunctionInfo.from_fn(_run, description="Explain the exit status of a Unix program.")
