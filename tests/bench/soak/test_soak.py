"""What the soak makes go wrong, and how it tells a worker that leaks from one that has found its size."""

import sys
from types import SimpleNamespace

import pytest
from conftest_paths import ROOT

sys.path.insert(0, str(ROOT / "bench"))

from agenthands.settings import Settings
from bench.soak import soak
from bench.soak.faults import CALLS, Faults
from bench.soak.findings import Traces
from bench.soak.worker_memory import WorkerMemory

SCRIPT = [{"content": "", "tool_calls": [(name, {})]} for name in ("terminal", "file_editor", "file_editor", "finish")]


class Worker:
    """A worker whose runs and memory are set."""

    def __init__(self):
        self.started, self.megabytes = 0, 0.0

    def children(self):
        command = ["python", "-m", "prefect.engine"]
        return [SimpleNamespace(pid=n, create_time=lambda: 1.0, cmdline=lambda: command) for n in range(self.started)]

    def memory_info(self):
        return SimpleNamespace(rss=self.megabytes * 1e6)


def told(megabytes, runs):
    worker = Worker()
    memory = WorkerMemory(worker)
    for worker.started in range(runs + 1):
        worker.megabytes = megabytes(worker.started)
        memory.look()
    return memory.told()


def test_a_worker_that_grows_with_each_run_is_seen():
    found = told(lambda runs: 160 + runs, 100)
    assert found["growth"] == round(260 / 180 - 1, 3)
    assert found["kB a run, last half"] == 1000


def test_a_worker_that_has_found_its_size_does_not_grow():
    found = told(lambda runs: 140 + min(runs, 20), 100)
    assert (found["after 20 runs"], found["after 100 runs"], found["growth"]) == (160, 160, 0)
    assert found["kB a run, last half"] == 0
    assert found["runs, MB"][:2] == [(0, 140), (5, 145)]


@pytest.mark.parametrize("runs", [0, 1, 7])
def test_few_runs_are_measured_from_their_half(runs):
    assert told(lambda runs: 160 + runs, runs)["growth"] >= 0


def conversation(model, workspace, turns=12):
    """Ask the coder's turns of one conversation; returns the calls that it made."""
    messages = [{"role": "user", "content": f"Tool: x\nWorkspace: {workspace}\n"}]
    calls = []
    for turn in range(turns):
        message = model.change("coder", messages, SCRIPT[min(turn, 3)])
        calls.append(message["tool_calls"][0][0])
        messages.append({"role": "assistant", "content": ""})
    return calls


def test_a_conversation_that_was_drawn_makes_one_call_for_ever():
    model = SimpleNamespace()
    faults = Faults(model, 1.0)
    for number in range(20):
        calls = conversation(model, f"/work/{number}")
        assert len(set(calls[3:])) == 1
        assert "finish" not in calls
    assert faults.injected["endless loop"] == 20
    assert 9 <= faults.longest_loop() <= 12


def test_a_call_that_sums_up_a_conversation_is_left_alone():
    model = SimpleNamespace()
    Faults(model, 1.0)
    asked = [{"role": "user", "content": "Sum up: Tool: x\nit was written"}]
    assert model.change("coder", asked, SCRIPT[3]) == SCRIPT[3]


def test_without_faults_a_conversation_ends():
    model = SimpleNamespace()
    faults = Faults(model, 0.0)
    assert conversation(model, "/work/1")[3] == "finish"
    assert not faults.injected
    assert faults.longest_loop() == 0


def test_each_kind_of_fault_comes_once_before_one_comes_again():
    model = SimpleNamespace()
    faults = Faults(model, 1.0)
    for number in range(3 * len(CALLS)):
        assert model.fault("coder", number)
    assert faults.injected == dict.fromkeys(CALLS, 3)


def test_some_requests_have_a_fallback_and_others_none(tmp_path):
    asked = []
    served = SimpleNamespace(run=lambda _, parameters: asked.append(parameters) or str(len(asked)))
    night = soak.Night(served, SimpleNamespace(url="http://127.0.0.1:9/v1"), Traces(tmp_path), 0.1)
    for number in range(12):
        night.ask(number)
    models = [Settings(**each["options"]).model("coder") for each in asked]
    fallbacks = [model.fallback.model if model.fallback else None for model in models]
    assert fallbacks == ["openai/second", None, None] * 4
    assert {fallbacks[number] for number in range(0, 12, soak.OWN_TOOL)} == {"openai/second", None}


def test_the_command_and_the_workload_are_told():
    defaults = {each.name: each.default for each in soak.main.params}
    readme = (ROOT / "README.md").read_text().lower()
    assert f"{defaults['builds']} builds" in readme
    assert f"about every {defaults['every']:.0f} seconds" in readme
    assert "every fourth" in readme
    assert soak.OWN_TOOL == 4
    assert "every third" in readme
    assert soak.FALLBACK == 3
