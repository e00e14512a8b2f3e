"""The report of a batch: its figures, its sentence, its page, and the one exit code."""

import io
import json

import pytest

from agenthands.cli.progress import PlainBatchProgress
from agenthands.error_mapping import as_agenthands_error, exit_code_of
from agenthands.errors import ModelUnavailable, RequestInvalid
from agenthands.events import BatchStarted
from agenthands.reports.summary import batch_state, batch_steps, batch_verdict
from agenthands.schemas import BatchItem, BatchReport, BuildRequest, Tokens
from agenthands.store.batches import failed_item, new_batch_id, progress_of, publish_batch
from agenthands.store.fsspec_store import FsspecStore

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
    assert [step for step in batch_steps(report(bug)) if "a bug of AgentHands" in step]


@pytest.mark.parametrize(("said", "code"), [
    ("Flow run encountered an exception: RequestInvalid: It is empty.", 2),
    ("Flow run encountered an exception: ModelUnavailable: busy", 3),
    ("Flow run encountered an exception: KeyError: 'x'", 70),
    ("Flow run encountered an exception: ValidationError: 1 validation error for Plan", 70),
    ("Flow run encountered an exception: ConnectError: All connection attempts failed", 3),
    ("Flow run encountered an exception: RuntimeError: Failed to reach API at http://x", 3),
    ("Flow run encountered an exception: OSError: [Errno 28] No space left on device", 3),
    ("Flow run encountered an exception: PrefectHTTPStatusError: Server error '503 Unavailable' for url 'x'", 3),
    ("Flow run encountered an exception: PrefectHTTPStatusError: Client error '409 Conflict' for url 'x'", 70),
    ("Flow run infrastructure exited with non-zero status code -9.", 3),
])  # fmt: skip
def test_the_message_of_a_failed_run_tells_its_exit_code(said, code):
    assert exit_code_of(said) == code


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
