"""Options that several commands share, and the help that shows commands in groups."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from agenthands._util.redaction import has_password
from agenthands.sandbox.registry import DEFAULT_SANDBOX, SANDBOXES

_FUNCTION = Callable[..., Any]

sandbox_option = click.option(
    "--sandbox", type=click.Choice([*SANDBOXES]), help=f"What isolates generated code [default: {DEFAULT_SANDBOX}]."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print only the result, as JSON, on standard output.")
store_option = click.option("--store", metavar="URL", help="Folder or fsspec URL [default: ~/.agenthands/store].")
agent_model_option = click.option(
    "--agent-model",
    metavar="[ROLE=]MODEL",
    multiple=True,
    help="Model of the agent, or of its agents with a role [default: those that it was built with].",
)
review_option = click.option(
    "--review", is_flag=True, help="Show the plan with its cost before anything is built: approve, edit, or change it."
)
yes_option = click.option("--yes", is_flag=True, help="Do it without asking.")


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
        store_option,
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


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the typed options. A URL with a password goes into a variable: Prefect keeps options readable."""
    typed = {name: value for name, value in options.items() if value not in (None, ())}
    typed |= _by_role(typed.pop("agent_model", ()))
    if "openapi" in typed:
        typed["openapi"] = list(typed["openapi"])
    for name in ("api_base", "store"):
        if has_password(typed.get(name)):
            os.environ[f"AGENTHANDS_{name.upper()}"] = typed.pop(name)
    return typed


def _by_role(given: Sequence[str]) -> dict[str, Any]:
    """Return the options that `--agent-model` gives: one plain model, and models by role."""
    by_role = {role: model for role, is_one, model in (each.partition("=") for each in given) if is_one}
    plain = [each for each in given if "=" not in each]
    if len(plain) > 1:
        raise click.BadParameter("more than one model without a role", param_hint="--agent-model")
    return {**({"agent_model": plain[0]} if plain else {}), **({"agent_models": by_role} if by_role else {})}


class Sections(click.Group):
    """A group whose help lists its commands by what they are for."""

    sections: Sequence[tuple[str, Sequence[str]]] = ()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands section by section; one that no section names comes last."""
        named = {name for _, names in self.sections for name in names}
        others = [name for name in self.list_commands(ctx) if name not in named]
        longest = max(map(len, self.list_commands(ctx)))
        for title, names in (*self.sections, ("Others", others)):
            commands = [(name, self.get_command(ctx, name)) for name in names]
            rows = [(name, command.get_short_help_str(100)) for name, command in commands if command]
            if rows:
                with formatter.section(title):
                    formatter.write_dl([(name.ljust(longest), about) for name, about in rows])
