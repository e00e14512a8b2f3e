"""The strongest honest adversary: a wrong variant whose own tests and visible examples all agree with it.

Only what is held out can tell that the variant is wrong. Of a variant that the data set's own tests reject, those of
their calls that it answers wrongly become held-out examples, and every visible example is a call that it answers
rightly. Which example is held out follows from its content, so the set of examples is chosen until this holds.
"""

import itertools
import sys
from dataclasses import dataclass

from agenthands._util.json_values import same_json
from agenthands.gate.mutation.mutants import mutants
from agenthands.schemas import hidden_example_indices, hold_out_fault
from bench.gate.problem_tools import MAX_EXAMPLES, sampled, specification

MAX_VARIANTS = 24


@dataclass(frozen=True)
class Variant:
    """A wrong variant: its module, what it answers to the problem's calls, and where it is wrong."""

    module: str
    line: int
    kind: str
    calls: list
    wrong: list
    right: list


def candidates(problem, every=False):
    """Return one-mutation variants of the reference, made by the gate's own operators: some, or `every` one."""
    return mutants(problem.module, sys.maxsize if every else MAX_VARIANTS)


def wrong_variants(problem, found, verdicts):
    """Return the variants that the data set's tests reject, those with the fewest wrong answers first."""
    variants = [
        _variant(problem, mutant, verdict["answers"])
        for mutant, verdict in zip(found, verdicts, strict=True)
        if not verdict["passes"]
    ]
    return sorted(variants, key=lambda variant: len(variant.wrong) / max(1, len(variant.right)))


def arranged(problem, variant):
    """Return a specification whose visible examples the variant gets right and whose held-out ones show it wrong.

    None where there is none: fewer than two right answers rank behind a wrong one, or there is no wrong answer, or a
    table of the visible examples could pass, which no planner may give.
    """
    tries = [variant.wrong, *([call] for call in variant.wrong)]
    return next(filter(None, (_hidden_first(problem, wrong, variant.right) for wrong in tries)), None)


def showing(problem, variant):
    """Return a specification in which some examples show a variant wrong, wherever they are.

    None where no planner could give it: nothing that tells a rule from a table could be held back.
    """
    wrong = sampled(variant.wrong, MAX_EXAMPLES // 3)
    tries = [wrong + sampled(variant.right, count) for count in (MAX_EXAMPLES // 2, 2 * MAX_EXAMPLES)]
    specs = (specification(problem, calls) for calls in [*tries, variant.wrong + variant.right])
    return next((spec for spec in specs if not hold_out_fault(spec)), None)


def table_of_visible(problem, calls):
    """Return the adversary that needs no rule: a module that looks up what the coder is shown, and those calls.

    `calls` become the examples. What is not shown gets the commonest answer. None where that is right for all calls
    of the data set.
    """
    hidden = set(hidden_example_indices(specification(problem, calls)))
    shown = [call for index, call in enumerate(calls) if index not in hidden]
    answers = [call["result"] for call in shown]
    other = max(answers, key=answers.count)
    table = [(call["arguments"], call["result"]) for call in shown]
    known = dict((repr(arguments), result) for arguments, result in table)
    if all(same_json(known.get(repr(call["arguments"]), other), call["result"]) for call in problem.calls):
        return None
    names = ", ".join(shown[0]["arguments"])
    asked = ", ".join(f"{name!r}: {name}" for name in shown[0]["arguments"])
    lines = [
        f"ANSWERS = {table!r}\n\n",
        f"def {problem.entry}({names}):",
        '    """Return what is known."""',
        "    for known, answer in ANSWERS:",
        f"        if known == {{{asked}}}:",
        "            return answer",
        f"    return {other!r}\n",
    ]
    return "\n".join(lines), shown


def _hidden_first(problem, wrong, right):
    """Leave out right calls that are held out before a wrong one is, and wrong calls that stay visible."""
    wrong, right = list(wrong), sampled(right)
    while wrong and len(wrong) + len(right) >= 3:
        calls = list(itertools.chain(wrong, right))
        spec = specification(problem, calls)
        hidden = set(hidden_example_indices(spec))
        visible_wrong = [index for index in range(len(wrong)) if index not in hidden]
        if not visible_wrong:
            return None if hold_out_fault(spec) else spec
        hidden_right = [index - len(wrong) for index in hidden if index >= len(wrong)]
        if len(visible_wrong) < len(wrong):
            wrong = [call for index, call in enumerate(wrong) if index in hidden]
        elif hidden_right:
            right = [call for index, call in enumerate(right) if index not in hidden_right]
        else:
            return None
    return None


def _variant(problem, mutant, answers):
    """Sort the calls by whether the variant answers as the reference does; what is no JSON or hangs is neither."""
    calls, wrong, right = [], [], []
    for call, answer in zip(problem.calls, answers, strict=True):
        if "none" in answer:
            continue
        calls.append({"arguments": call["arguments"], **answer})
        if _agree(call, answer):
            right.append(call)
        elif not call["derived"]:
            wrong.append(call)
    return Variant(mutant.source, mutant.line, mutant.kind, calls, wrong, right)


def _agree(call, answer):
    if "result" in call and "result" in answer:
        return same_json(call["result"], answer["result"])
    return call.get("raises", "") == answer.get("raises")
