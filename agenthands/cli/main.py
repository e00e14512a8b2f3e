"""The command `agenthands`: reads arguments, runs flows or reads the store, prints. Nothing heavy is imported early."""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path
from typing import Any

import click

from agenthands._util.redaction import OutputUnread, RedactedStream, redact, redact_logs
from agenthands._version import __version__
from agenthands.cli.feedback import feedback as feedback_command
from agenthands.cli.options import (
    Sections,
    agent_model_option,
    as_json,
    build_options,
    data_options,
    given,
    review_option,
    sandbox_option,
    store_option,
    yes_option,
)
from agenthands.cli.store_commands import STORE_COMMANDS
from agenthands.errors import OwnFault

SEED_REQUEST = (
    "I want an agent that can research a company's stock performance and analyze their latest financial statements"
)
EXIT_UNREAD = 141  # as a shell shows a program that SIGPIPE has ended
DEMO_MODEL = "scripted/financial-research"


class _Commands(Sections):
    sections = (
        ("Make an agent", ("build", "batch", "demo", "plan", "doctor")),
        ("Live with it", ("chat", "try", "revise", "feedback", "history", "diff", "check")),
        ("What is kept", ("list", "show", "open", "fetch", "rm", "prune")),
        ("For many", ("serve",)),
    )


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="agenthands")
def cli() -> None:
    """Build agents: one sentence in, a tested NeMo Agent Toolkit agent out.

    Exit codes: 0 accepted; 1 rejected; 2 you must fix something; 3 something outside failed; 70 a bug in AgentHands;
    130 interrupted; 141 the program that read the output has ended.
    """


@cli.command(short_help="Build one agent.")
@click.argument("request", metavar="[REQUEST|FILE.yaml]", required=False)
@data_options
@click.option("--plan", "plan_file", metavar="FILE.json", help="Build this plan, as `plan --json` prints it; edit it.")
@review_option
@build_options
@as_json
def build(request: str | None, plan_file: str | None, review: bool, as_json: bool, **options: Any) -> None:
    """Build the agent that a sentence, or a YAML file with the key `request`, describes.

    With --plan, build an edited plan: what earlier builds made for the same specifications is used again.
    """
    began = time.time()  # before anything heavy is loaded: a person waits from here on
    if request is None and plan_file is None:
        raise click.MissingParameter(param_hint="REQUEST", param_type="argument")
    _say_who_begins()
    from agenthands.cli.commands import leave, run_build, run_given_plan
    from agenthands.cli.review import require_terminal
    from agenthands.flows.request_files import read_request

    if review:
        require_terminal()
    if plan_file is not None:
        leave(run_given_plan(plan_file, request or "", given(options), as_json, began, review))
    leave(run_build(read_request(request or "", given(options)), as_json, began, review))


@cli.command(short_help="Build every agent of a list.")
@click.argument("source", metavar="FILE.yaml|FILE.jsonl")
@click.option(
    "--at-once", metavar="N", type=click.IntRange(1, 64), default=2, show_default=True, help="Builds at once."
)
@data_options
@build_options
@as_json
def batch(source: str, at_once: int, as_json: bool, **options: Any) -> None:
    """Build every agent of a list; run it again to build those that were not accepted."""
    _say_who_begins()
    from agenthands.cli.commands import leave, run_batch

    leave(run_batch(source, given(options), at_once, as_json))


@cli.command(short_help="Build an agent with a scripted model; no key is needed.")
@build_options
@as_json
def demo(as_json: bool, **options: Any) -> None:
    """Build the seed's own request with a scripted model: needs no key, everything but the model is real."""
    began = time.time()
    _say_who_begins()
    from agenthands.cli.commands import leave, run_build
    from agenthands.flows.request_files import read_request

    models = {"planner": DEMO_MODEL, "coder": DEMO_MODEL, "agent_model": DEMO_MODEL}
    leave(run_build(read_request(SEED_REQUEST, {**models, **given(options)}), as_json, began))


@cli.command(short_help="Plan an agent and estimate what building it costs.")
@click.argument("request", metavar="REQUEST|FILE.yaml")
@data_options
@click.option("--show-data", is_flag=True, help="Print all that models would read of the data, and end.")
@build_options
@as_json
def plan(request: str, as_json: bool, show_data: bool, **options: Any) -> None:
    """Plan an agent and estimate what building it costs; nothing is built."""
    began = time.time()
    if show_data:
        from agenthands.api import told_data
        from agenthands.flows.request_files import read_request

        asked = read_request(request, given(options))
        click.echo(told_data(asked.data or (), data_rows=asked.data_rows), nl=False)
        return
    _say_who_begins()
    from agenthands.cli.commands import leave, run_plan
    from agenthands.flows.request_files import read_request

    leave(run_plan(read_request(request, given(options)), as_json, began))


@cli.command(short_help="Change an agent as you wish.")
@click.argument("agent")
@click.argument("change", default="")
@click.option("--feedback", is_flag=True, help="Answer all accepted feedback on the agent.")
@review_option
@yes_option
@build_options
@as_json
def revise(agent: str, change: str, feedback: bool, review: bool, yes: bool, as_json: bool, **options: Any) -> None:
    """Build a revision of an agent, by its name or a build's id; CHANGE says what is to be different.

    Only what the change concerns is made anew. The agent must pass all test cases that it had, and the new ones; where
    one no longer holds, the planner says why and you are asked. What you leave out is as the agent was built.
    """
    began = time.time()
    _say_who_begins()
    from agenthands.cli.commands import Revised, leave, run_revision
    from agenthands.cli.review import require_terminal

    if review:
        require_terminal()
    wanted = Revised(agent, change, feedback, yes)
    leave(run_revision(wanted, given(options), as_json, began, review))


@cli.command(short_help="Let the gate alone judge a tool, or those of a fetched agent.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--tool", metavar="NAME", default="", help="Of a fetched agent, this tool alone [default: all].")
@sandbox_option
@as_json
def check(folder: Path, tool: str, sandbox: str | None, as_json: bool) -> None:
    """Let the gate alone judge a tool workspace (spec.json, nat_tools/, tests/), or the tools of a fetched agent."""
    from agenthands.cli.commands import run_check

    sys.exit(run_check(folder, tool, sandbox, as_json))


@cli.command(short_help="Talk to an agent.")
@click.argument("agent")
@click.option("-q", "--question", metavar="TEXT", help="Ask this, print the answer alone, and end; - reads it.")
@agent_model_option
@click.option("--api-base", metavar="URL", help="Endpoint of a self-hosted model.")
@click.option("--config", metavar="FILE.toml", type=click.Path(), help="Model settings.")
@click.option("--budget", metavar="USD", type=float, help="What the chat may cost.")
@click.option(
    "--allow-host", "hosts", metavar="HOST", multiple=True, help="A host that its tools may reach; repeat it."
)
@sandbox_option
@store_option
@as_json
def chat(agent: str, question: str | None, hosts: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Talk to the agent of a build, by its id or by its agent's name, without fetching it.

    It runs in a sandbox, with its servers; each call of a tool is shown. /right, /wrong and /case keep what you say of
    the last answer for its next revision; /help shows all commands.
    """
    from agenthands.cli.chat import run_chat

    sys.exit(run_chat(agent, question, given(options), as_json, hosts))


@cli.command(name="try", short_help="Try an agent on its real hosts and files.")
@click.argument("agent")
@click.option("--yes", is_flag=True, help="Reach what it lists without asking.")
@click.option("--allow-writes", is_flag=True, help="Also make requests that may change something: POST, DELETE, ...")
@click.option("--save", "file", metavar="FILE", type=click.Path(path_type=Path), help="Where recorded exchanges go.")
@agent_model_option
@click.option("--api-base", metavar="URL", help="Endpoint of a self-hosted model.")
@click.option("--config", metavar="FILE.toml", type=click.Path(), help="Model settings.")
@click.option("--budget", metavar="USD", type=float, help="What the agent's model may cost.")
@sandbox_option
@store_option
@as_json
def try_(agent: str, yes: bool, allow_writes: bool, file: Path | None, as_json: bool, **options: Any) -> None:
    """Ask an agent its test cases with the real hosts and files, and show where its recorded world was wrong.

    Keys and paths come from your variables, as in the agent's .env.example; keys stay outside of the sandbox. What is
    reached is listed first.
    """
    from agenthands.cli.try_agent import run_try

    sys.exit(run_try(agent, (yes, allow_writes, file), given(options), as_json))


@cli.command(short_help="Check this machine, and with --model a model.")
@store_option
@click.option("--install", is_flag=True, help="Install NAT's environment first, so that no build has to.")
@click.option("--model", metavar="MODEL", help="Try a model in every role, with a few cheap calls, before a build.")
@click.option("--api-base", metavar="URL", help="Endpoint of a self-hosted model.")
@click.option("--config", metavar="FILE.toml", type=click.Path(), help="Model settings.")
@click.option("--price", metavar="IN,OUT", help="US dollars per million tokens, for models without a known price.")
def doctor(install: bool, **options: Any) -> None:
    """Check what this machine has and what is missing, and with --model what a model can do."""
    from agenthands.cli.doctor import examine, install_environment, try_model

    if install:
        install_environment()
    typed = given(options)
    model = typed.pop("model", None)
    broken = examine({**typed, "planner": model} if model else typed)
    sys.exit(max(broken, try_model(model, typed)) if model else broken)


@cli.command(short_help="Run a Prefect server with UI, and a worker.")
@click.option("--port", default=4200, show_default=True, help="Where Prefect's UI and API listen.")
@click.option("--runs", type=click.IntRange(1), default=4, show_default=True, help="Runs at once.")
def serve(port: int, runs: int) -> None:
    """Run a Prefect server with its UI, the deployments, and this machine as their worker."""
    from agenthands.flows.server.serve import serve_here

    serve_here(port, runs)


for _command in (*STORE_COMMANDS, feedback_command):
    cli.add_command(_command)


def _say_who_begins() -> None:
    """Say at once that something happens: what a build imports takes a second or more."""
    click.echo("AgentHands is getting ready.", err=True)


def main() -> None:
    """Run the command and print no keys; an error ends with message, hint and exit code, a bug with a traceback."""
    redact_logs()
    sys.stdout, sys.stderr = RedactedStream(sys.stdout), RedactedStream(sys.stderr)
    try:
        code = _run()
    except OutputUnread:
        code = EXIT_UNREAD
    if code and "agenthands.cli.commands" in sys.modules:
        from agenthands.cli.commands import leave

        leave(code)  # a build was begun: its threads are not waited for
    sys.exit(code)


def _run() -> int:
    """Run the command, print what went wrong, and return the exit code."""
    try:
        code = cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except OutputUnread:
        raise
    except Exception as error:
        return _explained(error)
    return code if isinstance(code, int) else 0


def _explained(error: Exception) -> int:
    """Print what happened and what to do about it, and return the exit code."""
    from agenthands.error_mapping import as_agenthands_error
    from agenthands.reports.terminal.layout import fitted

    known = as_agenthands_error(error)
    click.echo(fitted(f"Error: {known.message}"), err=True)
    if known.hint:
        click.echo(fitted(f"Hint: {known.hint}"), err=True)
    if isinstance(known, OwnFault):
        click.echo(redact(f"\n{''.join(traceback.format_exception(error))}"), err=True)
    return known.exit_code


if __name__ == "__main__":
    main()
