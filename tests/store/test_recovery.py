"""What a killed build had spent gets into the store: once, as a failed record of its own, whoever sweeps."""

import json
import os
import threading
import time

import pytest
from patience import patient
from sample_records import plan

from agenthands.errors import StoreUnavailable
from agenthands.llm.budget import Budget, BudgetTracker
from agenthands.planning.cost_estimate import estimate_cost
from agenthands.reports.terminal.build import list_text, show_text
from agenthands.schemas import BuildRequest, Tokens
from agenthands.store.builds import all_records, publish_build, report_of
from agenthands.store.fsspec_store import FsspecStore
from agenthands.store.recorder import BuildRecorder
from agenthands.store.recovery import REASON, CrashRecovery, note_begun
from agenthands.store.workdirs import BuildContext, sweep

BUILD_ID = "20261123-200000-abcdef"
REQUEST = BuildRequest(request="a report", planner="a/planner", budget=5)
MODELS = {"planner": "a/planner", "coder": "a/coder", "agent": "a/agent"}
SOME = Tokens(prompt=1000, completion=50, cached=10)
WEEK = 7 * 24 * 3600


def dead(work, store, build_id=BUILD_ID, spent=True, planned=True):
    """Leave the folder of a build that died while a tool was written; returns the folder, and its record then."""
    folder = work / build_id
    folder.mkdir(parents=True)
    tracker = BudgetTracker(Budget(), log=folder / "spending.jsonl")
    ledger = BuildRecorder(BuildContext(build_id=build_id, request=REQUEST, folder=folder), MODELS, tracker)
    begun = ledger.record("failed", REASON)
    note_begun(folder, begun, store.url)
    if planned:
        (folder / "plan.json").write_text(plan().model_dump_json())
    if spent:
        tracker.scope("plan").charge(0.5, SOME, model="a/planner")
        for _ in range(2):
            tracker.scope("tools", "convert_currency", 1).charge(0.25, SOME, model="a/coder")
    die(folder)
    return folder, begun


def die(folder):
    """Let the folder be one that was claimed a while ago, by a process that has ended."""
    (folder / ".alive").touch()
    os.utime(folder / ".alive", (time.time() - 60,) * 2)


@pytest.fixture
def work(tmp_path):
    return tmp_path / "work"


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store").mkdir()
    return FsspecStore(str(tmp_path / "store"))


def last_words():
    return CrashRecovery(lambda url: FsspecStore(url, patience=0))


def contents(store):
    keys = store.keys()
    return {key: store.get(key) for key in keys}


class Away(FsspecStore):
    """A store that does not answer."""

    asked = 0

    def put(self, key, content):
        Away.asked += 1
        raise StoreUnavailable("The store does not answer.")


def test_a_dead_build_leaves_a_record_of_what_it_had_spent_and_no_folder(work, store):
    folder, begun = dead(work, store)
    assert sweep(work, last_words()) == [BUILD_ID]
    assert not folder.exists()
    (record,) = all_records(store)
    assert (record.build_id, record.status, record.reason) == (BUILD_ID, "failed", REASON)
    assert (record.request, record.models, record.started_at) == (REQUEST, MODELS, begun.started_at)
    assert record.plan == plan()
    assert set(record.files) == {"plan.json", "report.html"}
    assert [(each.stage, each.tool, each.attempt, each.model, each.calls) for each in record.spending] == [
        ("plan", "", 0, "a/planner", 1),
        ("tools", "convert_currency", 1, "a/coder", 2),
    ]
    assert record.cost_usd == pytest.approx(1.0)
    assert record.tokens == SOME + SOME + SOME


def test_its_record_reads_as_every_other(work, store):
    dead(work, store)
    sweep(work, last_words())
    (record,) = all_records(store)
    assert list_text([record]).splitlines()[1].split()[:5] == [BUILD_ID, "currency-agent", "failed", "0/2", "$1.00"]
    text = " ".join(show_text(record, {}).split())
    for said in ("its worker was killed", "run it again: what was finished is used again", "$1.00", "convert_currency"):
        assert said in text
    page = report_of(store, record).decode()
    assert "its worker was killed" in page
    assert "a bug in AgentHands" not in page
    prices = dict.fromkeys(MODELS, (1e-6, 4e-6))
    assert estimate_cost(plan(), MODELS, [record], prices) == estimate_cost(plan(), MODELS, [], prices), (
        "a tool that was half done says nothing of what tools cost"
    )


def test_one_without_a_plan_or_with_half_of_one_is_kept_as_unplanned(work, store):
    folder, _ = dead(work, store, planned=False)
    (folder / "plan.json").write_text(plan().model_dump_json()[:99])
    with (folder / "spending.jsonl").open("a") as log:
        log.write('{"stage": "tools", "to')
    assert sweep(work, last_words()) == [BUILD_ID]
    (record,) = all_records(store)
    assert (record.plan, record.cost_usd) == (None, pytest.approx(1.0))
    assert store.keys("agents/unplanned/")


def test_one_that_had_spent_nothing_is_removed_and_nothing_is_told(work, store):
    dead(work, store, spent=False)
    assert sweep(work, last_words()) == [BUILD_ID]
    assert list(work.iterdir()) == store.keys() == []


@pytest.mark.parametrize("begun", [None, "", '{"store": "x"}'], ids=["absent", "empty", "of another version"])
def test_one_of_which_nobody_noted_what_it_was_is_removed(work, store, begun):
    folder, _ = dead(work, store)
    (folder / "begun.json").unlink()
    if begun is not None:
        (folder / "begun.json").write_text(begun)
    assert sweep(work, last_words()) == [BUILD_ID]
    assert list(work.iterdir()) == store.keys() == []


def test_while_its_store_is_away_it_stays_for_the_next_and_for_a_week(work, store, tmp_path):
    folders = [dead(work, store, f"20261123-20000{number}-abcdef")[0] for number in range(2)]
    Away.asked = 0
    away = CrashRecovery(Away)
    assert sweep(work, away) == []
    assert all((folder / "spending.jsonl").is_file() for folder in folders)
    assert Away.asked == 1, "a store that is away is not waited for again and again"
    for folder in folders:
        die(folder)
    assert sweep(work, last_words()) == [folder.name for folder in folders]
    assert len(list(all_records(store))) == 2

    folder, _ = dead(work, store)
    assert sweep(work, away) == []
    os.utime(folder / ".untold", (time.time() - WEEK - 60,) * 2)
    die(folder)
    assert sweep(work, away) == [BUILD_ID]


def test_whatever_is_wrong_with_one_the_others_are_told_and_nothing_is_raised(work, store):
    broken, _ = dead(work, store)
    (broken / "begun.json").unlink()
    (broken / "begun.json").mkdir()
    dead(work, store, "20261123-200001-abcdef")
    assert sweep(work, last_words()) == ["20261123-200001-abcdef"]
    assert [each.build_id for each in all_records(store)] == ["20261123-200001-abcdef"]
    assert broken.is_dir()


def test_two_that_sweep_at_once_publish_one_record(work, store):
    folder, _ = dead(work, store)
    publishing, go_on = threading.Event(), threading.Event()

    class Slow(FsspecStore):
        def put(self, key, content):
            publishing.set()
            assert go_on.wait(patient(20))
            return super().put(key, content)

    first, told = [], []
    thread = threading.Thread(target=lambda: first.extend(sweep(work, CrashRecovery(Slow))))
    thread.start()
    assert publishing.wait(patient(20))
    os.utime(folder / ".alive", (time.time() - 60,) * 2)
    assert sweep(work, told.append) == []
    assert told == [], "another is about to tell of it"
    assert folder.is_dir()
    go_on.set()
    thread.join()
    assert first == [BUILD_ID]
    assert [each.build_id for each in all_records(store)] == [BUILD_ID]


def test_a_record_that_is_there_stays(work, store):
    _, begun = dead(work, store)
    rejected = begun.model_copy(update={"plan": plan(), "status": "rejected", "reason": "the gate rejected it"})
    publish_build(rejected, {}, store)
    before = contents(store)
    assert sweep(work, last_words()) == [BUILD_ID]
    assert contents(store) == before


def test_what_is_noted_holds_no_key(work, store, monkeypatch):
    key = "canary-" + "4711-key"
    monkeypatch.setenv("GEMINI_API_KEY", key)
    folder, begun = dead(work, store)
    said = begun.model_copy(update={"request": REQUEST.model_copy(update={"request": f"use {key}"})})
    note_begun(folder, said, f"s3://user:{key}@host/builds")
    noted = (folder / "begun.json").read_text()
    assert key not in noted
    assert json.loads(noted)["store"] == "s3://host/builds"
