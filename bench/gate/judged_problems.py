"""What is judged of one problem of a data set: its reference solution, stubs, a table, and wrong variants.

The reference has tests and examples made from itself, and so have the stubs. The table looks up the visible examples,
and its tests ask for nothing else. A variant has tests made from the variant, and where that can be, examples of which
only those that are held out show that it is wrong.
"""

from dataclasses import dataclass
from itertools import islice

from agenthands.schemas import ToolSpec, hold_out_fault
from bench.gate.adversary import arranged, candidates, showing, table_of_visible, wrong_variants
from bench.gate.exploring import explored
from bench.gate.kept import digest
from bench.gate.problem_tools import (
    STUBS,
    Problem,
    example_calls,
    pinning_tests,
    specification,
    stubbed,
    tool_text,
    workspace,
)
from bench.gate.verdicts import verdict_on_texts


@dataclass(frozen=True)
class _Tool:
    """A tool made of a problem: `what` it is, as it is kept, and what it is made of."""

    what: dict
    spec: ToolSpec
    module: str
    tests: str


@dataclass(frozen=True)
class JudgedProblem:
    """A problem of which all is judged, but at most `variants` wrong variants; None judges all of these as well."""

    problem: Problem
    variants: int | None

    @property
    def name(self):
        """The problem's id in its data set."""
        return self.problem.task_id

    @property
    def key(self):
        """What is kept of the problem itself; its `of` has the keys of what is judged."""
        return f"problem {self.name} {'all' if self.variants is None else self.variants}"

    def measure(self, judging, kept):
        """Judge what was not judged yet. Raises SandboxLost."""
        if self.results(kept) is not None:
            return
        problem, said, tools = self._made(judging)
        kept.add(self.key, said)
        for key, tool in tools.items():
            if key not in kept:
                texts = workspace(problem, tool.spec, tool_text(problem, tool.module), tool.tests)
                found = verdict_on_texts(judging, tool.spec, texts, wrong=tool.what["kind"] != "reference")
                kept.add(key, {**tool.what, "name": self.name, "set": problem.data_set, **found})

    def results(self, kept):
        """Return what was found of the problem, and then each verdict; None where one is missing."""
        said = kept.get(self.key)
        if said is None or any(key not in kept for key in said["of"]):
            return None
        return [said, *(kept[key] for key in said["of"])]

    def reference(self, judging):
        """Return the reference's specification and files; None where the problem cannot be used."""
        problem, _, verdicts = explored(self.problem, [], judging.environment(), judging.sandbox)
        assert not verdicts
        if not any(not call["derived"] for call in problem.calls):
            return None
        spec = specification(problem, example_calls(problem))
        if hold_out_fault(spec):
            return None
        tests = pinning_tests(problem, problem.calls)
        return spec, workspace(problem, spec, tool_text(problem, problem.module), tests)

    def _made(self, judging):
        """Return the problem with its calls, what is kept of it, and the tools to judge, by key."""
        mutants = candidates(self.problem, self.variants is None)
        hollow = {what: stubbed(self.problem, body) for what, body in STUBS.items()}
        sources = [*hollow.values(), *(mutant.source for mutant in mutants)]
        problem, left_out, answers = explored(self.problem, sources, judging.environment(), judging.sandbox)
        own = [call for call in problem.calls if not call["derived"]]
        said = {"kind": "problem", "name": self.name, "set": problem.data_set, "calls": len(own), "left_out": left_out}
        if not own:
            return problem, {**said, "usable": False, "of": []}, {}
        spec = specification(problem, example_calls(problem))
        if hold_out_fault(spec):
            said["left_out"] = {"no result could be held back from a coder": 1}
            return problem, {**said, "usable": False, "of": []}, {}
        tests = pinning_tests(problem, problem.calls)
        tools = [_Tool({"kind": "reference"}, spec, problem.module, tests)]
        for (what, module), answer in zip(hollow.items(), answers, strict=False):
            if not answer["passes"]:
                tools.append(_Tool({"kind": "stub", "what": what}, spec, module, tests))
        if found := table_of_visible(problem, example_calls(problem)):
            tools.append(_Tool({"kind": "table"}, spec, found[0], pinning_tests(problem, found[1])))
        wrong = wrong_variants(problem, mutants, answers[len(hollow) :])
        seen = [variant for variant in wrong if variant.wrong]
        specs = sorted(((each, arranged(problem, each)) for each in seen), key=lambda pair: pair[1] is None)
        made = (_variant(problem, variant, found) for variant, found in specs)
        tools += islice((tool for tool in made if tool.spec), self.variants)
        by_key = {self._key(tool): tool for tool in tools}
        said |= {
            "usable": True,
            "mutants": len(mutants),
            "wrong": len(wrong),
            "seen": len(seen),
            "hidden": sum(found is not None for _, found in specs),
            "of": list(by_key),
        }
        return problem, said, by_key

    def _key(self, tool):
        words = [tool.what["kind"], self.name]
        return " ".join(
            [*words, digest(tool.module.encode(), tool.tests.encode(), tool.spec.model_dump_json().encode())]
        )


def _variant(problem, variant, arrangement):
    what = {"kind": "variant", "what": f"{variant.kind} in line {variant.line}", "hidden": arrangement is not None}
    spec = arrangement or showing(problem, variant)
    return _Tool(what, spec, variant.module, pinning_tests(problem, variant.calls))
