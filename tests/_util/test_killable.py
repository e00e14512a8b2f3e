"""A function is called in another process: its result comes back, or the reason why there is none."""

import os
import threading
import time

import pytest

from agenthands._util.killable import UnfinishedError, killable

FUNCTIONS = """
import os, signal, sys, time

def double(value): return [value, value]
def process(): return os.getpid()
def endless():
    while True: pass
def endless_in_c(): return list(zip(*[iter(range(10**12))] * 2))[0] if sum(range(10**12)) else 0
def hungry(): return len(bytearray(10**10))
def deep(): return deep()
def crash(): os.abort()
def failing(): raise KeyError("what")
def killed():
    mark = sys.argv[0] + ".killed"
    os.kill(os.getpid(), signal.SIGKILL)
def printing():
    print('{"result": "forged"}', flush=True)
    sys.stderr.write("noise")
    return "real"
def variables(): return sorted(os.environ)
def threads_and_time(): time.sleep(0.3); return "slept"
"""


@pytest.fixture(autouse=True)
def functions(tmp_path, monkeypatch):
    (tmp_path / "some_functions.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("agenthands._util.killable._waiting", [])  # a process knows the path that it began with


def call(name, *arguments, **bounds):
    return killable(f"some_functions:{name}", *arguments, **bounds)


@pytest.mark.parametrize("value", [None, 1.5, "\ud800 é", [1, {"a": [True]}], 10**400, {"": -0.0}])
def test_values_go_there_and_back(value):
    assert call("double", value) == [value, value]


def test_one_process_answers_many_calls_and_prints_nothing():
    first = call("process")
    assert first != os.getpid()
    assert call("printing") == "real"
    assert call("process") == first


@pytest.mark.parametrize("name", ["endless", "endless_in_c"])
def test_what_does_not_end_is_ended_and_the_next_call_is_answered(name):
    with pytest.raises(UnfinishedError, match="more than"):
        call(name, cpu_seconds=0.3)
    assert call("double", 1) == [1, 1]


def test_only_cpu_time_counts():
    assert call("threads_and_time", cpu_seconds=0.1) == "slept"


@pytest.mark.parametrize(("name", "why"), [("hungry", "memory"), ("deep", "without end"), ("crash", "memory or time")])
def test_what_breaks_its_process_is_a_reason(name, why):
    with pytest.raises(UnfinishedError, match=why):
        call(name)
    assert call("double", 1) == [1, 1]


def test_what_is_killed_from_outside_every_time_is_given_up():
    with pytest.raises(UnfinishedError, match="again and again"):
        call("killed")


def test_a_process_that_has_ended_meanwhile_is_replaced():
    first = call("process")
    os.kill(first, 9)
    time.sleep(0.1)
    assert call("process") not in (first, os.getpid())


def test_what_a_function_raises_is_a_fault_of_ours():
    with pytest.raises(RuntimeError, match="KeyError: 'what'"):
        call("failing")


def test_no_variable_of_the_user_goes_there(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    assert "OPENAI_API_KEY" not in call("variables")


def test_arguments_that_json_cannot_hold_are_a_reason():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(UnfinishedError, match="nested"):
        call("double", deep)
    with pytest.raises(UnfinishedError, match="thousands of digits"):
        call("double", 10**5000)


def test_calls_of_several_threads_do_not_mix():
    answers = {}

    def ask(number):
        answers[number] = [call("double", [number] * 1000) for _ in range(5)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: [[[number] * 1000] * 2] * 5 for number in range(4)}


def test_a_fork_asks_a_process_of_its_own():
    parents = call("process")
    reader, writer = os.pipe()
    if not (pid := os.fork()):
        try:
            os.write(writer, str(call("process")).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert int(os.read(reader, 100)) != parents
    assert call("process") == parents


def test_a_large_value_goes_through_the_pipe():
    text = "x" * 5_000_000
    assert call("double", text) == [text, text]
