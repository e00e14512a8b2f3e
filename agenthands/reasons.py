"""Why a build, a tool, a test case or a command ended as it did: each reason is a code, and this is the table of them.

Programs branch on codes, never on the words of a message. A code travels in `reason_code` of outcomes and records, as
an attribute of the error, and as the name of the state that Prefect keeps of a run. docs/reasons.md is made from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

About = Literal["build", "tool", "test case", "command", "model"]


@dataclass(frozen=True)
class Reason:
    """One reason: what happened and what to do about it, each in a sentence.

    `exit_code` is what `agenthands build` ends with where this decides; `retryable` says that trying again can help.
    """

    code: str
    about: About
    meaning: str
    advice: str
    exit_code: int
    retryable: bool = False

    @property
    def title(self) -> str:
        """The code as a person reads it; the name of a run's state."""
        return self.code.replace("_", " ").capitalize()


EXIT_CODES = {
    0: "accepted",
    1: "rejected: a tool or a test case did not pass; everything that passed is kept",
    2: "you must fix something: the request, a setting, a key, a budget, the store or the sandbox",
    3: "something outside failed: a model, a package index, a store or a server",
    70: "a bug in AgentHands: it prints a traceback, without your keys, and what to report",
    130: "interrupted",
    141: "the program that read the output has ended, as with `| head`",
}
_STRONGER = "choose a stronger model for writing tools with `--coder`"

_TABLE: Sequence[Reason] = (
    Reason("request_invalid", "build", "The request, or the file it comes from, cannot be used.",
           "Correct what the message names.", 2),
    Reason("settings_invalid", "build", "A setting, an option or a configuration file cannot be used.",
           "Correct what the message names; docs/settings.md explains every setting.", 2),
    Reason("model_not_usable", "build", "The model is unknown, or its provider refuses the request.",
           "Check the model's name and its options.", 2),
    Reason("key_missing", "build", "No key is set for a model.", "Set the variable that the message names.", 2),
    Reason("key_refused", "build", "The provider refuses the key.", "Check the key and what it may be used for.", 2),
    Reason("quota_exhausted", "build", "The provider's account has no money or no calls left.",
           "Raise its limit or top it up, or name a model that steps in: `--fallback MODEL`.", 2),
    Reason("content_filtered", "build", "The model's content filter refuses the question or the answer.",
           "Describe in other words what it is for, or choose another model with `--coder`.", 2),
    Reason("context_exceeded", "build", "The conversation is longer than the model can read.",
           "Ask for a smaller tool, or choose a model with a larger context window with `--coder`.", 2),
    Reason("budget_reached", "build", "A budget of the build or of the day is used up.",
           "Give more money or tokens and run the same command again: what is finished is kept.", 2),
    Reason("confirmation_needed", "build", "A revision gives up earlier test cases, and nobody has agreed to that.",
           "Read why each no longer holds, and run the same command with `--yes`; its plan is kept.", 2),
    Reason("store_not_usable", "build", "The store cannot be read or written, or has no such build.",
           "Correct what the message names; `agenthands list` shows the builds of a store.", 2),
    Reason("sandbox_unavailable", "build", "The chosen sandbox does not work on this machine.",
           "Run `agenthands doctor`, which says what is missing.", 2),
    Reason("outside_failed", "build", "Something outside AgentHands failed.", "Do what the message says.", 3),
    Reason("model_unavailable", "build", "The model's provider limits calls, fails or does not answer.",
           "Try again later, choose another model, or name one that steps in: `--fallback MODEL`.", 3, retryable=True),
    Reason("model_limited", "build", "The provider limits calls for longer than it makes sense to wait.",
           "Try again later, or name a model that steps in: `--fallback MODEL`.", 3),
    Reason("model_silent", "build", "The model answers with empty messages.", "Choose another model.", 3),
    Reason("answer_cut_off", "build", "The model's answer is longer than the model may answer at once.",
           "Choose a model that may answer more, let it think less, or ask for less at once.", 3),
    Reason("plan_refused", "build", "The planner gave no plan that can be built.",
           "Word the request differently, or choose a stronger model with `--planner`.", 3),
    Reason("registry_unavailable", "build", "A package index does not answer.",
           "Check the network, UV_INDEX_URL and proxies.", 3, retryable=True),
    Reason("dependency_refused", "build", "Packages that are needed do not exist, clash, or have no wheels.",
           "Name in the request the packages that it may use.", 3),
    Reason("server_unusable", "build", "An MCP server does not start, or lacks a tool that the plan uses.",
           "Read what the server said, and try again or ask for the agent without it.", 3),
    Reason("store_unavailable", "build", "The store stopped answering.",
           "Check that it is running, and run the same command again: what is finished is kept.", 3, retryable=True),
    Reason("sandbox_lost", "build", "The sandbox itself broke down.", "Run the same command again.", 3),
    Reason("prefect_unavailable", "build", "The Prefect API does not answer.",
           "Start it, or unset PREFECT_API_URL to use the embedded server.", 3),
    Reason("prefect_busy", "build", "The Prefect API did not answer in time, however often it was asked.",
           "Its database may be too slow for so many builds at once: SQLite has one writer, PostgreSQL has many.", 3),
    Reason("prefect_refuses", "build", "The Prefect API refuses a request.",
           "It wants a key, or its version is another than that of Prefect here: `prefect version` shows both.", 3),
    Reason("locks_unavailable", "build", "The Redis of AGENTHANDS_LOCKS cannot be used.",
           "Start it, check the URL, or unset AGENTHANDS_LOCKS.", 3),
    Reason("disk_full", "build", "The disk is full.", "Free some space, or point AGENTHANDS_HOME at another disk.", 3),
    Reason("worker_lost", "build", "The worker was killed, its machine went down, or its store was away at the end.",
           "Run it again: what was finished is used again.", 3),
    Reason("chat_not_loaded", "build", "NAT cannot load the agent that was to be talked to.",
           "Look at it with `agenthands show`, and build it again.", 3),
    Reason("run_failed", "build", "A run of the deployment ended before AgentHands could say why.",
           "Read the run's logs in Prefect's UI.", 3),
    Reason("own_fault", "build", "This is a bug in AgentHands, not your mistake.",
           "Please report it: the command, the traceback, and what `agenthands --version` and `agenthands doctor` "
           "print.", 70),
    Reason("cancelled", "build", "The build was interrupted.", "Build again with the same request.", 130),
    Reason("output_unread", "command", "The program that read the output has ended.", "Nothing.", 141),

    Reason("tools_rejected", "build", "The gate rejected one or more tools.",
           "See what the gate found about each of them.", 1),
    Reason("attempts_used_up", "tool", "The coder had no attempts left.",
           f"Make the request or its examples more exact, give more attempts with `--max-attempts`, or {_STRONGER}.",
           1),
    Reason("no_progress", "tool", "The gate found the same twice.",
           f"Make the request or its examples more exact, or {_STRONGER}.", 1),
    Reason("no_files", "tool", "The model was twice ready without having written the files.",
           f"The model says that it is done and leaves no files, so {_STRONGER}.", 1),
    Reason("stuck", "tool", "The agent got stuck twice.", f"{_STRONGER[0].upper()}{_STRONGER[1:]}.", 1),
    Reason("refused", "tool", "The model's content filter refused twice.",
           "Describe in other words what it is for, or choose another model with `--coder`.", 1),
    Reason("out_of_steps", "tool", "The agent used up its steps twice.",
           "Give it more steps with AGENTHANDS_CODER_STEPS, or ask for a smaller tool.", 1),
    Reason("out_of_time", "tool", "The agent used up its time twice.",
           "Give it more time with AGENTHANDS_CODER_SECONDS, or ask for a smaller tool.", 1),
    Reason("turn_failed", "tool", "The agent's turn broke off twice.",
           f"Read the end of its trajectory, or {_STRONGER}.", 1),
    Reason("tool_budget_reached", "tool", "The budget of the tool is used up.",
           "Give more money with `--tool-budget`, or ask for less in this tool.", 1),

    Reason("agent_not_loaded", "build", "NAT cannot load the agent.",
           "Read `load-error.txt` of the build, and build again.", 1),
    Reason("agent_run_ended", "build", "The agent's run ended before it had answered every test case.",
           "Read the transcripts of the build: they show how far it came.", 1),
    Reason("cases_failed", "build", "Test cases failed.",
           "A stronger model for the agent (`--agent-model`) or a clearer request may help.", 1),
    Reason("no_case_tried", "build", "No test case could be tried: all of them need the network.",
           "List the hosts that the agent may reach in AGENTHANDS_EGRESS, and build again: the tools are kept.", 1),
    Reason("network_missing", "test case", "Not tried: it needs the network, which was closed.",
           "List the hosts that it needs in AGENTHANDS_EGRESS, and build again.", 1),
    Reason("tool_failed", "test case", "A tool raised an error, and the agent went on without it.",
           "The call and its error are in the transcript.", 1),
    Reason("agent_failed", "test case", "The agent ended with an error.",
           "The transcript shows how far it came.", 1),
    Reason("no_answer", "test case", "The agent said nothing.", "Try a stronger model for the agent (--agent-model).",
           1),
    Reason("tool_not_called", "test case", "The agent did not call a tool that it should have called.",
           "Ask for a description that says when to use it, or try a stronger model (--agent-model).", 1),
    Reason("wrong_arguments", "test case", "The agent called the tool, but with other arguments.",
           "Look at the call in the transcript; say in the request what the arguments should be.", 1),
    Reason("wrong_result", "test case", "The tool was called as it should be, but gave something else.",
           "Look at the call in the transcript; the plan may expect what the tool does not give.", 1),
    Reason("agent_not_called", "test case", "An agent of the team was not asked that should have been.",
           "Say in the request who of the team does what, or try a stronger model (--agent-model).", 1),
    Reason("called_unasked", "test case", "The agent called what it should not have called.",
           "Say in the request when the agent must refuse or ask back.", 1),
    Reason("wrong_order", "test case", "The agent made its calls in another order.",
           "Say in the request what comes first.", 1),
    Reason("tool_did_not_fail", "test case", "The test case expects a tool to fail, and it did not.",
           "Look at the call in the transcript: the agent may have changed what the user asked for.", 1),
    Reason("check_failed", "test case", "The answer lacks what the check wants.",
           "If the answer is right all the same, the plan's check is too narrow.", 1),
    Reason("judged_wrong", "test case", "The judge did not find what was expected.",
           "Read its reason, and say in the request what you expect.", 1),

    Reason("answer_unreadable", "model", "The model's answer is not the JSON that was asked for.",
           "Choose a stronger model for this role.", 2),
    Reason("answer_wrong", "model", "The model's answer has the form that was asked for, and is wrong.",
           "Choose a stronger model for this role.", 2),
    Reason("free_form_lost", "model", "JSON without a fixed form is lost on its way from the model.",
           "No plan with parameters can come through: reach the model through another server or provider.", 2),
    Reason("question_forgotten", "model", "The beginning of a long question does not reach the model.",
           "Give the server a larger context window, 32,768 tokens at least.", 2),
    Reason("tools_refused", "model", "The server refuses calls with tools.",
           "Choose a model that can call tools, or switch its tools on in the server.", 2),
    Reason("tools_not_called", "model", "The model answers with text where it should call a tool.",
           "Choose a model that can call tools, or give the server the model's own template for them.", 2),
    Reason("arguments_wrong", "model", "The arguments of a tool call are not what was asked for.",
           "Choose a stronger model for this role.", 2),
    Reason("results_unread", "model", "The model does not use what a tool returned.",
           "Choose a stronger model for this role.", 2),
    Reason("work_not_done", "model", "The coding agent did not get one small file written.",
           "Choose a stronger model for writing tools with `--coder`.", 2),
    Reason("judgement_wrong", "model", "The model judges a right answer wrong, or a wrong answer right.",
           "Choose a stronger model with `--planner`: it also judges.", 2),
)  # fmt: skip

REASONS = {reason.code: reason for reason in _TABLE}
_TITLES = {reason.title: reason for reason in _TABLE}


def with_title(title: str) -> Reason | None:
    """Return the reason after which a run's state is named; None where its name is Prefect's own."""
    return _TITLES.get(title)


def as_part(sentence: str) -> str:
    """Return a sentence as a part of another one."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")
