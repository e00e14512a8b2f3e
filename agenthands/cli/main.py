"""The command `agenthands`: reads arguments, runs flows or reads the store, prints. Nothing heavy is imported early."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from agenthands._util.redaction import OutputUnread, RedactedStream, has_password, redact, redact_logs
from agenthands._version import __version__
from agenthands.errors import OwnFault
from agenthands.sandbox.registry import DEFAULT_SANDBOX, SANDBOXES

SEED_REQUEST = (
    "I want an agent that can research a company's stock performance and analyze their latest financial statements"
)
EXIT_UNREAD = 141  # as a shell shows a program that SIGPIPE has ended
DEMO_MODEL = "scripted/financial-research"
_FUNCTION = Callable[..., Any]

sandbox_option = click.option(
    "--sandbox", type=click.Choice([*SANDBOXES]), help=f"What isolates generated code [default: {DEFAULT_SANDBOX}]."
)


def build_options(command: _FUNCTION) -> _FUNCTION:
    """Add the options that every building command takes."""
    options = [
        click.option("--planner", metavar="MODEL", help="Model that plans, as litellm names it."),
        click.option("--coder", metavar="MODEL", help="Model that writes the tools [default: the planner's]."),
        click.option(
            "--agent-model",
            metavar="[ROLE=]MODEL",
            multiple=True,
            help="Model that the agent itself uses [default: the planner's]; again with ROLE=, such as "
            "writer='openai/gpt-4o-mini for plain texts', for what agents of a team may have instead.",
        ),
        click.option("--fallback", metavar="MODEL", help="Model that steps in when one of these does not answer."),
        click.option("--api-base", metavar="URL", help="Endpoint of a self-hosted model."),
        click.option("--config", metavar="FILE.toml", type=click.Path(), help="Model settings."),
        click.option("--store", metavar="URL", help="Folder or fsspec URL [default: ~/.agenthands/store]."),
        sandbox_option,
        click.option("--budget", metavar="USD", type=float, help="What all models of a build may cost together."),
        click.option("--tool-budget", metavar="USD", type=float, help="What writing one tool may cost."),
        click.option("--budget-tokens", metavar="N", type=int, help="Tokens that a build may use."),
        click.option(
            "--price", metavar="IN,OUT", help="US dollars per million tokens, for models without a known price."
        ),
        click.option("--max-attempts", metavar="N", type=int, help="Tries of each tool [default: 3]."),
        click.option("--parallel", metavar="N", type=int, help="Tools written at once [default: 8]."),
        click.option(
            "--openapi",
            metavar="FILE|URL",
            multiple=True,
            default=None,
            help="Description of an API that the agent may use; several times for several.",
        ),
        click.option(
            "--allow-host",
            metavar="HOST[+KEY]",
            multiple=True,
            callback=lambda _, __, given: given or None,
            help="Let the planner see what this host answers (GET, HEAD), with the key of that variable.",
        ),
        click.option(
            "--refresh", is_flag=True, default=None, help="Build everything anew, whatever earlier builds left."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def data_options(command: _FUNCTION) -> _FUNCTION:
    """Add the options that say which data an agent is for."""
    command = click.option(
        "--data-rows", metavar="N", type=int, help="Rows of it that the models read; 0: the schema alone [default: 5]."
    )(command)
    return click.option(
        "--data",
        metavar="PATH",
        multiple=True,
        type=click.Path(),
        help="A file or folder that the agent is for; repeat it.",
    )(command)


as_json = click.option("--json", "as_json", is_flag=True, help="Print only the result, as JSON, on standard output.")
store_option = click.option("--store", metavar="URL", help="Folder or fsspec URL [default: ~/.agenthands/store].")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="agenthands")
def cli() -> None:
    """Build agents: one sentence in, a tested NeMo Agent Toolkit agent out.

    Exit codes: 0 accepted; 1 rejected; 2 you must fix something; 3 something outside failed; 70 a bug in AgentHands;
    130 interrupted; 141 the program that read the output has ended.
    """


@cli.command(short_help="Build one agent.")
@click.argument("request", metavar="REQUEST|FILE.yaml")
@data_options
@build_options
@as_json
def build(request: str, as_json: bool, **options: Any) -> None:
    """Build the agent that a sentence, or a YAML file with the key `request`, describes."""
    began = time.time()  # before anything heavy is loaded: a person waits from here on
    _say_who_begins()
    from agenthands.cli.commands import leave, run_build
    from agenthands.flows.request_files import read_request

    leave(run_build(read_request(request, _given(options)), as_json, began))


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

    leave(run_batch(source, _given(options), at_once, as_json))


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
    leave(run_build(read_request(SEED_REQUEST, {**models, **_given(options)}), as_json, began))


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

        asked = read_request(request, _given(options))
        click.echo(told_data(asked.data or (), data_rows=asked.data_rows), nl=False)
        return
    _say_who_begins()
    from agenthands.cli.commands import leave, run_plan
    from agenthands.flows.request_files import read_request

    leave(run_plan(read_request(request, _given(options)), as_json, began))


@cli.command(short_help="Let the gate alone judge a tool.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@sandbox_option
@as_json
def check(folder: Path, sandbox: str | None, as_json: bool) -> None:
    """Let the gate alone judge a tool workspace (spec.json, nat_tools/, tests/)."""
    from agenthands.cli.commands import run_check

    sys.exit(run_check(folder, sandbox, as_json))


@cli.command(name="list")
@store_option
@as_json
def list_builds(store: str | None, as_json: bool) -> None:
    """List the builds in the store, newest first."""
    from agenthands.api import Store
    from agenthands.reports.terminal.build import list_text
    from agenthands.reports.terminal.layout import fitted

    broken: list[str] = []
    records = list(Store(store).builds(lambda error: broken.append(error.message)))
    if as_json:
        click.echo(json.dumps([record.model_dump(mode="json") for record in records], indent=1))
    elif records:
        click.echo(list_text(records))
    elif not broken:
        click.echo("No builds yet. `agenthands demo` makes one.", err=True)
    for message in broken:
        click.echo(fitted(f"Left out: {message}"), err=True)


@cli.command()
@click.argument("build")
@store_option
@click.option("--full", is_flag=True, help="Everything that its report shows, code and transcripts too.")
@click.option("--open", "in_browser", is_flag=True, help="Open the report in the browser.")
@as_json
def show(build: str, store: str | None, full: bool, in_browser: bool, as_json: bool) -> None:
    """Show one build, by its id or by its agent's name."""
    from agenthands.api import Store
    from agenthands.reports.terminal.build import show_text

    place = Store(store)
    record = place.find(build)
    if in_browser:
        _open_report(place, record)
    if as_json:
        click.echo(json.dumps(record.model_dump(mode="json"), indent=1))  # ASCII: a terminal acts on none of it
    elif full or not in_browser:
        click.echo(show_text(record, place.texts(record) if full else None))


@cli.command(short_help="Talk to an agent.")
@click.argument("agent")
@click.option("-q", "--question", metavar="TEXT", help="Ask this, print the answer alone, and end; - reads it.")
@click.option(
    "--agent-model",
    metavar="[ROLE=]MODEL",
    multiple=True,
    help="Model of the agent, or of its agents with a role [default: those that it was built with].",
)
@click.option("--api-base", metavar="URL", help="Endpoint of a self-hosted model.")
@click.option("--config", metavar="FILE.toml", type=click.Path(), help="Model settings.")
@click.option("--budget", metavar="USD", type=float, help="What the chat may cost.")
@sandbox_option
@store_option
@as_json
def chat(agent: str, question: str | None, as_json: bool, **options: Any) -> None:
    """Talk to the agent of a build, by its id or by its agent's name, without fetching it.

    It runs in a sandbox, with its servers; each call of a tool is shown. /right, /wrong and /case keep what you say of
    the last answer for its next revision; /help shows all commands.
    """
    from agenthands.cli.chat import run_chat

    sys.exit(run_chat(agent, question, _given(options), as_json))


@cli.command(name="try", short_help="Try an agent on its real hosts and files.")
@click.argument("agent")
@click.option("--yes", is_flag=True, help="Reach what it lists without asking.")
@click.option("--allow-writes", is_flag=True, help="Also make requests that may change something: POST, DELETE, ...")
@click.option("--save", "file", metavar="FILE", type=click.Path(path_type=Path), help="Where recorded exchanges go.")
@click.option("--agent-model", metavar="MODEL", help="Model of the agent [default: the one that it was built with].")
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

    sys.exit(run_try(agent, (yes, allow_writes, file), _given(options), as_json))


@cli.command()
@click.argument("build")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@store_option
@click.option("--rejected", is_flag=True, help="Also if it was rejected, to find out why.")
def fetch(build: str, folder: Path, store: str | None, rejected: bool) -> None:
    """Unpack the agent of a build into a new folder."""
    from agenthands.api import Store

    place = Store(store)
    record = place.find(build)
    filled = place.fetch(record.build_id, folder, rejected=rejected)
    if record.status == "accepted":
        said = f"{folder} holds the agent; its README.md says how to run it."
        if filled:
            said += f" Its .env has the paths of your data ({', '.join(filled)})."
    else:
        said = f"{folder} holds an agent that was {record.status.upper()}; its README.md says why."
    click.echo(said, err=True)


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
    given = _given(options)
    model = given.pop("model", None)
    broken = examine({**given, "planner": model} if model else given)
    sys.exit(max(broken, try_model(model, given)) if model else broken)


@cli.command(short_help="Run a Prefect server with UI, and a worker.")
@click.option("--port", default=4200, show_default=True, help="Where Prefect's UI and API listen.")
@click.option("--runs", type=click.IntRange(1), default=4, show_default=True, help="Runs at once.")
def serve(port: int, runs: int) -> None:
    """Run a Prefect server with its UI, the deployments, and this machine as their worker."""
    from agenthands.flows.server.serve import serve_here

    serve_here(port, runs)


def _say_who_begins() -> None:
    """Say at once that something happens: what a build imports takes a second or more."""
    click.echo("AgentHands is getting ready.", err=True)


def _open_report(store: Any, record: Any) -> None:
    from agenthands.cli.commands import open_report

    file, opened = open_report(store, record)
    click.echo(f"{'Opened' if opened else 'There is no browser here; the report is'} {file}", err=True)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the typed options. A URL with a password goes into a variable: Prefect keeps options readable."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    given |= _by_role(given.pop("agent_model", ()))
    if "openapi" in given:
        given["openapi"] = list(given["openapi"])
    for name in ("api_base", "store"):
        if has_password(given.get(name)):
            os.environ[f"AGENTHANDS_{name.upper()}"] = given.pop(name)
    return given


def _by_role(given: Sequence[str]) -> dict[str, Any]:
    """Return the options that `--agent-model` gives: one plain model, and models by role."""
    by_role = {role: model for role, is_one, model in (each.partition("=") for each in given) if is_one}
    plain = [each for each in given if "=" not in each]
    if len(plain) > 1:
        raise click.BadParameter("more than one model without a role", param_hint="--agent-model")
    return {**({"agent_model": plain[0]} if plain else {}), **({"agent_models": by_role} if by_role else {})}


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
