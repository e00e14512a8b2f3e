"""Revises an agent: its plan is changed as its user wishes, and only what the change concerns is made anew."""

from contextlib import nullcontext
from typing import Annotated, cast

from prefect import flow, runtime
from pydantic import Field

from agenthands._util.formatting import cut, one_line
from agenthands.error_mapping import as_agenthands_error
from agenthands.flows.build_agent import DEFAULTS, finished
from agenthands.planning.decisions import Agrees, deciding
from agenthands.schemas import MAX_REQUEST_CHARACTERS, BuildOptions, BuildRecord
from agenthands.tasks.revise import begin_revision
from agenthands.tasks.run_states import failed_state

# No `from __future__ import annotations` in this folder: Prefect must resolve a flow's annotations by itself.

_NAME_WIDTH = 60


def _run_name() -> str:
    given = runtime.flow_run.parameters
    return cut(one_line(f"{given.get('agent', '')}: {given.get('change', '')}"), _NAME_WIDTH) or "revision"


@flow(name="revise-agent", flow_run_name=_run_name)
def revise_agent(
    agent: Annotated[str, Field(min_length=1, max_length=100)],
    change: Annotated[str, Field(max_length=MAX_REQUEST_CHARACTERS)] = "",
    feedback: bool = False,
    yes: bool = False,
    options: BuildOptions = DEFAULTS,
) -> BuildRecord:
    """Build a revision of an agent; returns the published record, accepted or rejected. Ends as `build_agent` does.

    The new agent must pass all test cases of the old one, but those of which the planner says why they no longer hold.

    Args:
        agent: The id of a build, or the name of an agent.
        change: What is to be changed.
        feedback: Also answer all accepted feedback.
        yes: Agree to test cases being given up; else such a revision ends.
        options: How to build it; what is empty is as the agent was built, then as the worker's settings say.
    """
    try:
        request, beginning = begin_revision(agent, change, feedback, options)
    except Exception as error:
        return cast("BuildRecord", failed_state(as_agenthands_error(error)))
    with deciding(Agrees()) if yes else nullcontext():
        return finished(request.request, request.options(), beginning)
