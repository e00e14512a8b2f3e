"""Pages and listeners: whatever files of a build and events hold, a page comes out, and text that can be sent."""

import gzip
import json

from fuzzing import EVENT, JSON, NUMBER, TEXT, changed
from hypothesis import example, given
from hypothesis import strategies as st
from sample_records import gate, plan, rejected_by_cases, rejected_by_gate
from sample_records import record as accepted

from agenthands.evaluation.transcript import tool_calls
from agenthands.events import BatchProgress, ToolProgress
from agenthands.packaging.bundle import pack, unpack
from agenthands.packaging.readme import HEADINGS, commands_of, readme_of
from agenthands.reports.html import render_batch, render_report
from agenthands.reports.markdown import gate_markdown
from agenthands.reports.terminal.build import show_text
from agenthands.schemas import BatchReport, GateReport
from agenthands.store.recorder import StageTimer
from agenthands.store.workdirs import BuildContext
from agenthands.tasks.artifacts import BatchArtifacts, BuildArtifacts

STEP = st.fixed_dictionaries({}, optional={
    "event": st.one_of(st.sampled_from(["FUNCTION_START", "FUNCTION_END"]), JSON),
    "name": st.one_of(st.sampled_from(["convert_currency", "<workflow>"]), JSON),
    "input": JSON, "output": JSON, "at": st.one_of(NUMBER, JSON),
})  # fmt: skip
TRANSCRIPT = st.one_of(
    TEXT,
    JSON.map(json.dumps),
    st.lists(st.one_of(STEP, JSON), max_size=5).map(lambda steps: json.dumps({"steps": steps})),
)
GATE = changed(gate("convert_currency", wrong=("held_out",)).model_dump(mode="json"))
README = st.one_of(TEXT, st.lists(st.one_of(TEXT, st.sampled_from([
    *(f"## {title}" for title in HEADINGS), "```sh", "```", "## ", "pip install x"]))).map("\n".join))  # fmt: skip
SOURCE = st.one_of(TEXT, st.sampled_from(["\x00", "def f(:\n\x0c\u2028", "'''", "\r", "\x85\n" * 3, "#" * 300_000]))
FILES = st.fixed_dictionaries({}, optional={
    "README.md": README,
    "acceptance/simple.json": TRANSCRIPT,
    "acceptance/date.json": TRANSCRIPT,
    "tools/convert_currency/gate-1.json": st.one_of(TRANSCRIPT, GATE.map(json.dumps)),
    "tools/convert_currency/gate-2.json": GATE.map(json.dumps),
    "tools/convert_currency/nat_tools/convert_currency.py": SOURCE,
    "tools/convert_currency/tests/test_convert_currency.py": SOURCE,
})  # fmt: skip


@given(TRANSCRIPT)
@example('{"steps": [{"event": "FUNCTION_START", "at": 1}, {"event": "FUNCTION_END", "at": 1' + "0" * 400 + "}]}")
@example('{"steps": ' + "[" * 100_000)
def test_any_transcript_gives_calls(text):
    for call in tool_calls(text):
        assert isinstance(call.tool + call.given + call.answered, str)
        assert call.seconds is None or call.seconds - call.seconds == 0, "a time that can be shown"


@given(FILES)
def test_any_files_of_a_build_are_shown(files):
    for record in (accepted(), rejected_by_gate(), rejected_by_cases()):
        page = render_report(record, files)
        page.encode()
        assert "<script>alert(1)" not in page


@given(st.one_of(README, st.binary(max_size=40).map(lambda content: content.decode("latin-1"))))
def test_any_readme_has_commands_or_none(text):
    assert all(title in HEADINGS and isinstance(block, str) for title, block in commands_of(text))


@given(GATE)
def test_any_gate_report_is_shown_or_is_none(document):
    try:
        report = GateReport.model_validate(document)
    except ValueError:
        return
    assert gate_markdown(report, 1)


REPORT = BatchReport.model_validate({
    "batch_id": "20261123-200000-abcdef", "source": "b.yaml", "started_at": "2026-11-23T20:00:00Z", "seconds": 61,
    "builds": [{"request": {"request": "a"}, "status": status, "exit_code": code, "cost_usd": 0.5, "agent": "counter"}
               for status, code in (("accepted", 0), ("failed", 3))],
}).model_dump(mode="json")  # fmt: skip


@given(changed(REPORT))
@example({**REPORT, "seconds": "1e999"})
def test_any_report_of_a_batch_is_shown_or_is_none(document):
    try:
        report = BatchReport.model_validate(document)
    except ValueError:
        return
    assert render_batch(report)


@given(st.lists(EVENT, max_size=12), st.floats(0, 1e12))
@example(
    [ToolProgress("b", "\ud800", "waiting", "", 0), BatchProgress("b", 1, 1, "", "\ud800", "", "\ud800", False, 0, 0)],
    0,
)
def test_any_events_are_timed_and_make_artifacts_that_can_be_sent(tmp_path_factory, events, began):
    timekeeper = StageTimer("b", began)
    build = BuildContext(build_id="b", request=accepted().request, folder=tmp_path_factory.getbasetemp())
    listeners = [timekeeper, BuildArtifacts(build), BatchArtifacts()]
    for event in events:
        for listener in listeners:
            listener(event)
    times = {"stages": timekeeper.stages, "turns": timekeeper.turns}
    assert show_text(accepted().model_copy(update=times))
    assert render_report(accepted().model_copy(update=times), {})
    for listener in listeners[1:]:
        for artifact in listener._artifacts.values():
            json.dumps(artifact.wanted.model_dump(mode="json")["data"], ensure_ascii=False).encode()


PACKED = gzip.decompress(pack({"README.md": b"## Ask it\n", "src/a.py": b"x = 1\n", "long" * 60: b"y"}, "agent"))


@given(st.one_of(
    st.binary(max_size=80),
    st.binary(max_size=80).map(gzip.compress),
    st.lists(st.tuples(st.integers(0, len(PACKED) - 1), st.integers(0, 255)), min_size=1, max_size=4).map(
        lambda changes: gzip.compress(_changed(PACKED, changes))),
    st.integers(0, len(PACKED)).map(lambda length: gzip.compress(PACKED[:length])),
))  # fmt: skip
def test_any_bundle_is_unpacked_or_refused(tmp_path_factory, bundle):
    folder = tmp_path_factory.mktemp("bundle")
    assert isinstance(readme_of(bundle), str)
    try:
        unpack(bundle, folder / "agent")
    except (ValueError, OSError):
        assert list(folder.iterdir()) == [], "whole or not at all"


def _changed(content, changes):
    changed = bytearray(content)
    for place, value in changes:
        changed[place] = value
    return bytes(changed)


def test_the_plan_of_the_samples_has_the_names_that_the_files_use():
    assert plan().custom_tools[0].name == "convert_currency"
    assert [case.id for case in plan().test_cases] == ["simple", "date"]
