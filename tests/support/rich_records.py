"""A record that fills every part of a report, and the same with a word of its own in place of each text."""

import json

import sample_records as samples
from page_support import planted

from agenthands.schemas import Acceptance, ErrorExample, Opinion, PlanRepair, ResultExample, Ruling

_STRUCTURE = {  # texts that others look for, so that they must stay
    "object", "array", "number", "string", "type", "properties", "required", "items", "amount", "to", "description",
    "line", "kind", "diff", "result", "expected", "bundle.tar.gz",
}  # fmt: skip


def everything():
    """A record that fills every part of the page."""
    ruling = Ruling(
        example=0, held_out=True, specified={"arguments": {"a": "b"}, "expected": "c"}, found={"result": "d"},
        wrong="example", corrected={"arguments": {"a": "b"}, "expected": "d"}, reason="e", planner="f", attempt=1,
    )  # fmt: skip
    rejected = samples.gate("convert_currency", wrong=("held_out", "hygiene")).model_copy(update={"rulings": [ruling]})
    opinion = Opinion(passed=False, reason="g", model="h")
    case = samples.case("simple", passed=False, error="i").model_copy(update={"opinion": opinion})
    return samples.whole(
        status="rejected",
        reason="j",
        tools=[samples.tool("convert_currency", gate=rejected, reason="k", status="rejected", attempts=2)],
        repairs=[PlanRepair(failed=["t"], changed=["u"], reason="v")],
        acceptance=Acceptance(passed=False, reason="l", cached=True, build_id="m", cases=[case]),
    )


def marked():
    """Return that record and its texts, in which every text is one word, the same for the same text."""
    record = everything()
    schema = {
        "type": "object",
        "properties": {"amount": {"type": "number", "description": "n"}, "to": {"type": "string", "description": "o"}},
        "required": ["to"],
    }
    examples = [ResultExample(arguments={"to": f"given {n}"}, expected=f"wanted {n}") for n in range(4)]
    examples.append(ErrorExample(arguments={"to": "p"}, raises="q"))
    changed = {"parameters": schema, "examples": examples, "dependencies": ["r", "s"]}
    tools = [each.model_copy(update=changed) for each in record.plan.custom_tools]
    record = record.model_copy(update={"plan": record.plan.model_copy(update={"custom_tools": tools})})
    words = {}

    def mark(text):
        return text if text in _STRUCTURE else words.setdefault(text, f"word{len(words)}x")

    tool, case = mark("convert_currency"), mark("simple")
    calls = [{**step, "input": mark(step["input"]), "output": mark("9.0")} for step in samples.TRANSCRIPT["steps"][1:]]
    texts = {
        f"tools/{tool}/nat_tools/{tool}.py": mark("the code"),
        f"tools/{tool}/tests/test_{tool}.py": mark("the tests"),
        f"tools/{tool}/gate-1.json": planted(samples.gate("a", wrong=("tests",)), mark).model_dump_json(),
        f"acceptance/{case}.json": json.dumps({"steps": calls}),
        "README.md": f"## Install it\n\n```sh\n{mark('install')}\n```\n",
    }
    return planted(record, mark), texts
