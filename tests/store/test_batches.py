"""The report of a batch: its figures, its sentence, its page, and the one exit code."""

import io
import json

import httpx
import pytest
from prefect.states import Failed
from sample_records import record

from agenthands.cli.progress import PlainBatchProgress
from agenthands.error_mapping import as_agenthands_error
from agenthands.errors import (
    BuildCancelled,
    DiskFull,
    KeyMissing,
    ModelUnavailable,
    OwnFault,
    PrefectBusy,
    PrefectUnavailable,
    RequestInvalid,
    RunFailed,
)
from agenthands.events import BatchStarted
from agenthands.reports.summary import batch_state, batch_steps, batch_verdict
from agenthands.schemas import BatchItem, BatchReport, BuildRequest, Tokens
from agenthands.store.batches import failed_item, item_of, new_batch_id, progress_of, publish_batch
from agenthands.store.fsspec_store import FsspecStore
from agenthands.tasks.run_states import error_of

REQUEST = BuildRequest(request="An agent that <b>counts</b>")


def item(status="accepted", code=0, cost=0.5, **more):
    return BatchItem(request=REQUEST, status=status, exit_code=code, cost_usd=cost, agent="counter", **more)


def report(*items):
    return BatchReport(batch_id=new_batch_id(), source="b.yaml", started_at="2026-11-23T20:00:00Z", seconds=61,
                       builds=list(items))  # fmt: skip


@pytest.mark.parametrize(
    ("codes", "code", "state"),
    [
        ((0, 0), 0, "Accepted"),
        ((0, 1), 1, "Rejected"),
        ((1, 2, 0), 2, "Incomplete"),
        ((1, 2, 3), 3, "Incomplete"),
        ((130, 0), 130, "Incomplete"),
        ((3, 70), 70, "Incomplete"),
    ],
)
def test_exit_code_and_state_are_those_of_the_worst(codes, code, state):
    made = report(*(item(code=each) for each in codes))
    assert (made.exit_code, batch_state(made)) == (code, state)


def test_one_unknown_cost_makes_the_sum_unknown():
    assert report(item(), item(cost=0.25)).cost_usd == 0.75
    assert report(item(), item(cost=None)).cost_usd is None


def test_the_sentence_counts():
    assert batch_verdict(report(item(), item())) == "All 2 agents work."
    said = batch_verdict(report(item(), item("rejected", 1), item("failed", 3), item("failed", 2)))
    assert said.startswith("1 of 4 agents work; 1 rejected, 2 failed.")


def test_page_and_json_are_in_the_store_and_nothing_written_by_others_is_markup(tmp_path):
    made = report(item(build_id="20261123-200000-abcdef"), item("rejected", 1, reason="<script>alert(1)</script>"))
    publish_batch(made, FsspecStore(str(tmp_path)))
    folder = tmp_path / "batches" / made.batch_id
    assert BatchReport.model_validate_json((folder / "batch.json").read_bytes()) == made
    page = (folder / "report.html").read_text()
    assert "<script>" not in page
    assert "<b>counts" not in page
    assert '"../../agents/counter/20261123-200000-abcdef/report.html"' in page
    assert page.index("alert(1)") < page.index("20261123-200000-abcdef"), "what needs attention comes first"


def test_an_error_before_a_build_cost_nothing_and_one_inside_an_unknown_amount(tmp_path):
    store = FsspecStore(str(tmp_path))
    before = failed_item(REQUEST, RequestInvalid("It is empty.", "Say more."), store)
    assert (before.status, before.exit_code, before.cost_usd, before.reason) == (
        "failed",
        2,
        0,
        "It is empty. Say more.",
    )
    error = ModelUnavailable("It is away.")
    error.build_id = "20261123-200000-abcdef"
    inside = failed_item(REQUEST, error, store)
    assert (inside.build_id, inside.exit_code, inside.cost_usd) == (error.build_id, 3, None)
    bug = failed_item(REQUEST, as_agenthands_error(KeyError("x")), store)
    assert (bug.status, bug.exit_code, bug.cost_usd) == ("failed", 70, None)
    assert [step for step in batch_steps(report(bug)) if "a bug in AgentHands" in step]


@pytest.mark.parametrize(("name", "kind", "code"), [
    ("Request invalid", RequestInvalid, 2),
    ("Key missing", KeyMissing, 2),
    ("Model unavailable", ModelUnavailable, 3),
    ("Own fault", OwnFault, 70),
    ("Cancelled", BuildCancelled, 130),
    ("Failed", RunFailed, 3),
    ("Crashed", RunFailed, 3),
])  # fmt: skip
def test_the_name_of_a_failed_runs_state_tells_its_error_whatever_its_message_says(name, kind, code):
    state = Failed(name=name, message="RequestInvalid: OwnFault: KeyError: 'x'")
    error = error_of(state, "busy-bee")
    assert (type(error), error.exit_code) == (kind, code)


def test_a_failed_builds_exit_code_is_that_of_its_reason(tmp_path):
    failed = record(status="failed", reason="No money.", reason_code="budget_reached")
    assert (item_of(failed).exit_code, item_of(failed).reason_code) == (2, "budget_reached")
    assert item_of(record(status="failed", reason="of an old store")).exit_code == 3


def _status(code):
    request = httpx.Request("POST", "http://x")
    return httpx.HTTPStatusError("some words", request=request, response=httpx.Response(code, request=request))


def _with_cause(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(("error", "kind"), [
    (httpx.ConnectError("All connection attempts failed"), PrefectUnavailable),
    (_with_cause(RuntimeError("whatever it says"), httpx.ConnectError("x")), PrefectUnavailable),
    (_status(503), PrefectBusy),
    (_status(409), OwnFault),
    (OSError(28, "No space left on device"), DiskFull),
    (RuntimeError("Failed to reach API at http://x"), OwnFault),
    (KeyError("redis"), OwnFault),
])  # fmt: skip
def test_what_an_exception_means_is_told_by_classes_and_numbers_and_no_words(error, kind):
    assert type(as_agenthands_error(error)) is kind


def test_each_build_that_ended_is_a_line():
    stream = io.StringIO()
    console = PlainBatchProgress(stream)
    console(BatchStarted("b", 2))
    console(progress_of("b", 2, 2, item().from_before()))
    console(progress_of("b", 1, 2, item("failed", 3, None, reason="It is\naway.", tokens=Tokens(), seconds=61)))
    lines = [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == [
        "batch b: 2 builds",
        "1/2 accepted (built before) #2 An agent that <b>counts</b>",
        "2/2 failed (cost unknown, 1m 01s) #1 An agent that <b>counts</b>: It is away.",
    ]


def test_a_closed_stream_does_not_end_a_batch():
    stream = io.StringIO()
    stream.close()
    PlainBatchProgress(stream)(BatchStarted("b", 2))


def test_events_of_a_batch_are_json():
    assert json.dumps(progress_of("b", 1, 2, item()).as_json())


def test_a_redis_that_is_away_is_no_bug_of_ours():
    from redis.exceptions import AuthenticationError, ConnectionError

    for error in (ConnectionError("Error 111 connecting to 127.0.0.1:9."), AuthenticationError("invalid password")):
        found = as_agenthands_error(error)
        assert found.exit_code == 3
        assert "The Redis of AGENTHANDS_LOCKS cannot be used" in found.message
