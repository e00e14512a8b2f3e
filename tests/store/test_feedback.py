"""What users said of answers: kept as it was said, accepted with what is right, fixed by a revision, exported."""

import json

import pytest
import sample_records as samples

from agenthands._util.redaction import remember
from agenthands.errors import RequestInvalid, StoreNotUsable
from agenthands.schemas.feedback import Correction, Feedback
from agenthands.store.builds import publish_build
from agenthands.store.feedback import (
    accept_feedback,
    add_feedback,
    entries_of,
    find_feedback,
    settle_feedback,
    with_arguments,
)  # fmt: skip
from agenthands.store.fsspec_store import FsspecStore

ONE, OTHER = "20261130-101500-abcdef", "20261130-101501-abcdef"
CALL = {"name": "lend", "arguments": {"book": "Emma"}, "result": "lent", "error": ""}
SECRET = "sk-proj-" + "a1B2" * 10


@pytest.fixture
def store(tmp_path):
    remember(SECRET)
    store = FsspecStore(str(tmp_path / "store"))
    for name, verdict in ((ONE, "wrong"), (OTHER, "right")):
        add_feedback(store, Feedback(
            id=name, at="2026-11-30T10:15:00Z", agent="library", build_id="b1", verdict=verdict,
            note=f"my key {SECRET}",
            history=[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Yes?"}],
            question="Lend me Emma.", answer="No.", calls=[CALL],
        ))  # fmt: skip
    return store


def state(store, name):
    return next(entry.state for entry in entries_of(store, "library") if entry.feedback.id == name)


def test_what_was_said_stays_and_states_are_added(store):
    kept = store.get(f"agents/library/feedback/{ONE}.json")
    assert SECRET.encode() not in kept
    assert state(store, ONE) == "open"
    accept_feedback(store, find_feedback(store, ONE), Correction(answer=f"Yes {SECRET}"))
    assert state(store, ONE) == "accepted"
    assert SECRET not in entries_of(store, "library")[0].correction.answer
    assert store.get(f"agents/library/feedback/{ONE}.json") == kept
    with pytest.raises(RequestInvalid, match="accepted already"):
        accept_feedback(store, find_feedback(store, ONE), Correction())


def test_it_is_found_by_a_beginning_that_is_the_only_one(store):
    with pytest.raises(StoreNotUsable, match="begins 2"):
        find_feedback(store, "20261130")
    with pytest.raises(StoreNotUsable, match="no feedback"):
        find_feedback(store, "2027")


def test_what_an_accepted_revision_could_not_note_is_noted_later(store):
    accept_feedback(store, find_feedback(store, ONE), Correction())
    plan = samples.plan().model_copy(update={"name": "library"})
    publish_build(samples.whole(plan=plan, feedback=[ONE], parent="b1", revision=2), {}, store)
    assert state(store, ONE) == "accepted", "it was killed before it noted that"
    settle_feedback(store, "library")
    entry = next(entry for entry in entries_of(store, "library") if entry.feedback.id == ONE)
    assert (entry.state, entry.fix.revision) == ("fixed", 2)


def test_a_corrected_result_has_the_arguments_of_the_agents_call(store):
    said = find_feedback(store, ONE).feedback
    assert with_arguments(said, Correction(tool="lend", result="due")).arguments == {"book": "Emma"}
    with pytest.raises(RequestInvalid, match="did not call"):
        with_arguments(said, Correction(tool="other", result="due"))


def test_a_wrong_answer_is_never_exported_as_an_example(store, agenthands):
    def export(form):
        code, out, _ = agenthands("feedback", "export", "library", "--format", form, "--store", store.url)
        assert code == 0
        return [json.loads(line) for line in out.splitlines()]

    assert [line["state"] for line in export("agenthands")] == ["open", "open"]
    assert [each["messages"][-1]["content"] for each in export("openai")] == ["No."]
    items = {item["id"]: item for item in export("langfuse")}
    assert "expectedOutput" not in items[ONE]
    assert items[OTHER]["expectedOutput"] == "No."
    assert items[ONE]["input"]["messages"][-1] == {"role": "user", "content": "Lend me Emma."}
    code, _, err = agenthands("feedback", "accept", ONE, "--answer", "Here it is.", "--store", store.url)
    assert (code, "revise library --feedback" in err) == (0, True)
    assert [each["messages"][-1]["content"] for each in export("openai")] == ["Here it is.", "No."]
    assert export("langfuse")[0]["expectedOutput"] == "Here it is."


def test_it_is_listed_with_its_state(store, agenthands):
    code, out, _ = agenthands("feedback", "list", "--store", store.url)
    assert (code, "wrong  open" in out, "Lend me Emma." in out) == (0, True, True)
    code, _, err = agenthands("feedback", "accept", ONE, "--tool", "lend", "--result", "{", "--store", store.url)
    assert (code, "is no JSON" in err) == (2, True)
