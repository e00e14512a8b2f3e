"""Talking to a built agent without fetching it: in its sandbox, with its servers, each call told as it happens."""

import json
import shutil

import pytest
from conftest_paths import shared_folder
from package_support import built_store
from scripted_server import serve_script

from agenthands.chat import open_chat
from agenthands.errors import RequestInvalid, StoreNotUsable
from agenthands.schemas import BuildOptions
from agenthands.store.feedback import feedback_of
from agenthands.store.fsspec_store import FsspecStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
QUESTION = "Summarise 4, 1 and 7."


@pytest.fixture(scope="module")
def store(tmp_path_factory, warm):
    """A copy of a store with one accepted build of data-report."""
    copy = tmp_path_factory.mktemp("chat") / "store"
    shutil.copytree(built_store(shared_folder(tmp_path_factory), warm), copy)
    return copy


def test_one_question_gives_the_answer_alone_and_as_json_everything(warm, store):
    done = warm.run("chat", "data-report", "-q", QUESTION, AGENTHANDS_STORE=store)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "The 3 numbers have the mean 4.0 and reach from 1.0 to 7.0.\n"


def test_a_chat_remembers_tells_of_each_call_and_keeps_what_is_said_of_an_answer(store, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    heard = []
    with serve_script("data-report") as model:
        options = BuildOptions(store=str(store), planner="openai/scripted", agent_model="openai/scripted",
                               api_base=model.url)  # fmt: skip
        with open_chat("data-report", options) as chat:
            with pytest.raises(RequestInvalid, match="no answer yet"):
                chat.judge("right")
            first = chat.ask(QUESTION, lambda number, call: heard.append((number, call.name, call.seconds is None)))
            wrong = chat.judge("wrong", "the mean of the others")
            chat.ask("And again?")
            told = next(messages for kind, messages in reversed(model) if kind == "agent")
    assert heard[0] == (0, "column_summary", True)
    assert heard[-1] == (0, "column_summary", False)
    assert first.said.calls[0].result["mean"] == 4.0
    assert first.tokens.prompt > 0
    said = [
        (each["role"], each["content"]) for each in told if each["role"] in ("user", "assistant") and each["content"]
    ]
    assert ("user", QUESTION) in said
    assert ("assistant", first.said.answer) in said
    earlier = [each for each in told if each["role"] == "tool"]
    assert '"mean": 4.0' in earlier[0]["content"], "the model sees what its tool returned before"
    (kept,) = feedback_of(FsspecStore(str(store)), "data-report")
    assert kept == wrong
    assert (kept.verdict, kept.question, kept.answer, kept.history) == ("wrong", QUESTION, first.said.answer, [])
    assert kept.calls[0]["name"] == "column_summary"


def test_what_cannot_be_talked_to_is_named(warm, store):
    with (
        pytest.raises(StoreNotUsable, match="no-such-agent"),
        open_chat("no-such-agent", BuildOptions(store=str(store))),
    ):
        pass
    done = warm.run("chat", "data-report", "-q", " ", "--json", AGENTHANDS_STORE=store)
    assert done.returncode == 2
    assert "The question is empty." in done.stderr


def test_a_model_that_is_away_is_no_answer(warm, store):
    away = ["--agent-model", "openai/away", "--api-base", "http://127.0.0.1:9/v1"]
    done = warm.run("chat", "data-report", "-q", QUESTION, "--json", *away, AGENTHANDS_STORE=store, OPENAI_API_KEY="x")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["answer"] == ""
    assert said["error"]
