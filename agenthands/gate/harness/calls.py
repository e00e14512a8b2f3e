"""The jobs that call the tool through NAT: once each, each alone, or many times among other calls."""

import asyncio
import atexit
import contextlib
import copy
import ctypes
import enum
import itertools
import math
import random
import sys
import tempfile
import threading
import time

from agenthands.gate.harness.audit import Watch
from agenthands.gate.harness.conditions import conditions, tool_file
from agenthands.gate.harness.forks import Child, encode, wait_for
from agenthands.gate.harness.jobs import JOBS, load_tool
from agenthands.gate.harness.listening import watch_clock
from agenthands.gate.harness.state import changed, memory_of
from agenthands.gate.harness.surroundings import move, move_back
from agenthands.gate.harness.worlds import Built

WAITING = 15.0  # seconds, of which a busy machine needs few
AT_ONCE = 8  # calls of a round beside those of the examples
LONGEST_CALL = 1.0  # CPU seconds for arguments that nobody has asked for
LARGEST_RESULT = 20_000
DEEPER = 120  # frames above a call, every other time
DIFFERENT = 3  # outcomes that are kept of one call
own_copy, spent, now = copy.deepcopy, time.process_time, time.time


class EndedError(BaseException):
    """A call that took too long is ended; what it has found then does not count."""


def as_json(value):
    """Return a result in JSON's own types, read past what its class says of itself.

    Raises ValueError or TypeError for what is no JSON, and for a class that shows another value than it holds.
    """
    kind = type(value)
    if value is None or kind in (bool, str, int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{float.__repr__(value)} is no JSON")
        return _shown_as_held(value, float.__float__(value))
    if isinstance(value, str):
        return _shown_as_held(value, str.__str__(value))
    if isinstance(value, int):
        return _shown_as_held(value, int.__int__(value))
    if isinstance(value, list | tuple):
        return [as_json(each) for each in (list if isinstance(value, list) else tuple).__iter__(value)]
    if isinstance(value, dict):
        return {_key(key): as_json(each) for key, each in dict.items(value)}
    raise TypeError(f"a {kind.__name__} is no JSON")


def _shown_as_held(value, held):
    if type(value) is not type(held) and not isinstance(value, enum.Enum) and str(value) != str(held):
        raise ValueError(f"a {type(value).__name__} shows another value than it holds")
    return held


def _key(key):
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, bool | int | float):
        return "".join(encode(as_json(key), 0))
    raise TypeError(f"keys must be text, not {type(key).__name__}")


async def outcome(function, arguments):
    """Call the tool through NAT; give its result, or the classes and the message of its error."""
    from pydantic import BaseModel

    try:
        result = await function.ainvoke(own_copy(arguments))
    except EndedError:
        raise
    except BaseException as error:  # SystemExit, too, is only what this call gave
        return {"raises": [type.__getattribute__(cls, "__name__") for cls in type(error).__mro__],
                "message": _message(error)}  # fmt: skip
    try:
        if isinstance(result, BaseModel):
            result = BaseModel.model_dump(result, mode="json")
        return {"result": as_json(result)}
    except EndedError:
        raise
    except Exception as error:
        return {"raises": ["NotJson"], "message": f"the result is no JSON: {_message(error)}"}


async def deeper(levels, function, arguments):
    """Call the tool from below so many more frames: an agent that uses it is a large program."""
    if levels:
        return await deeper(levels - 1, function, arguments)
    return await outcome(function, arguments)


def _message(error):
    try:
        return str(error)[:500]
    except Exception:
        return ""


def examples(request, job):
    """Call the tool with each of the given arguments, in the `order` given; `alone`: each in a process of its own."""
    from nat.builder.workflow_builder import WorkflowBuilder

    arguments, answers = job["arguments"], [None] * len(job["arguments"])
    watch, tasks, events = Watch(job), [], []
    watch.module = tool_file(request)
    built, leaves = Built(request, job, watch), job.get("leaves", {})
    atexit._clear()

    async def some(numbers):
        async with WorkflowBuilder() as builder:
            await built.build(builder, config)
            for number in numbers:
                watch.call(number, arguments[number])
                function = built.enter(number, arguments[number])
                with built.listening(watch.module) as heard:
                    given = await outcome(function, arguments[number])
                answers[number] = built.told(given, leaves.get(str(number)), heard.told)
            await asyncio.sleep(0)
            later = [each for each in asyncio.get_running_loop()._scheduled if not each._cancelled]
            tasks.extend(str(each) for each in [*later, *(asyncio.all_tasks() - {asyncio.current_task()})])

    def one(job):
        asyncio.run(some([job["number"]]))
        watch.during = None
        return {"ok": True, "call": answers[job["number"]], "events": watch.events}

    if job.get("timeless"):
        watch_clock(watch.module, watch.asked_time)
    with conditions(request, job):
        watch.during = -1
        config = load_tool(request)[0].config_type
        if job.get("alone"):
            for number in range(len(arguments)):
                bounds = {name: job[name] for name in ("seconds", "cpu_seconds") if name in job}
                answer = _in_a_fork(one, {"number": number, **bounds})
                if not answer["ok"]:
                    return answer
                answers[number] = answer["call"]
                events += answer["events"]
        else:
            try:
                asyncio.run(some(job["order"]))
            except BaseException:
                if not any(answers):
                    raise
                return {"ok": False, "error": "the tool raises an error where it is closed, after its last call"}
            atexit._run_exitfuncs()
            watch.left_behind(tempfile.gettempdir(), tasks)
    watch.during = None
    return {"ok": True, "calls": answers, "events": [*watch.events, *events]}


def _in_a_fork(function, job):
    child, ended = Child(job, function), []
    while not ended:
        ended = wait_for([child])
    return child.end(ended[0][1])


class Usage:
    """A tool in use: called many times, in the surroundings of an agent, at many times of the day and year."""

    def __init__(self, request, job):
        """Take the calls to make: those of `arguments`, which must be answered, and those of `others`, which may."""
        self.request, self.job = request, job
        self.wanted = len(job["arguments"])
        self.arguments = [*job["arguments"], *job["others"]]
        self.found = [[] for _ in self.arguments]
        self.texts = [set() for _ in self.arguments]
        self.too_long, self.changed, self.made = set(), [], 0
        self.started = time.monotonic()
        self.levels, self.kept = 0, []
        self.instants = [itertools.cycle(job["instants"]) for _ in self.arguments]
        self.random = random.Random(job["seed"])
        self.lock, self.current, self.began = threading.Lock(), None, 0.0
        self.thread, self.error = None, None
        self.watch = Watch(job)
        self.built = Built(request, job, self.watch)

    def run(self):
        """Make the calls in a thread, so that its stack is the tool's alone, and end those that take too long."""
        import time_machine

        self.clock = time_machine
        self.watch.module = move(self.request, self.watch)
        self.thread = threading.Thread(target=self.use, daemon=True)
        self.thread.start()
        while self.thread.is_alive():
            self.thread.join(0.02)
            with self.lock:
                if self.current is not None and spent() - self.began > LONGEST_CALL:
                    self.too_long.add(self.current)
                    self.current = None
                    identity = ctypes.c_ulong(self.thread.ident)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(EndedError))
        self.watch.during = None
        move_back()
        if self.error:
            raise self.error
        kept = {"found": self.found, "changed": self.changed, "made": self.made, "events": self.watch.events}
        return {"ok": True, "too_long": sorted(self.too_long), **kept}

    def use(self):
        """Import the tool and make the calls."""
        try:
            self.watch.during = -1
            config = load_tool(self.request)[0].config_type
            asyncio.run(self.calls(config))
        except BaseException as error:
            self.error = error

    async def calls(self, config):
        """Make all calls once, the others first, and then some again in any order, until the time is used up."""
        from nat.builder.workflow_builder import WorkflowBuilder

        first = [*range(self.wanted, len(self.arguments)), *range(self.wanted)]
        async with WorkflowBuilder() as builder:
            await self.built.build(builder, config)
            until = spent() + self.job["budget"]
            await self.round(first, 0, until, must=True)
            await self.again(until)
            number = 0
            while self.made < self.job["calls"] and spent() < until and self.is_early():
                number += 1
                others = range(self.wanted, len(self.arguments))
                order = [*range(self.wanted), *self.random.sample(others, min(AT_ONCE, len(others)))]
                self.random.shuffle(order)
                await self.round(order, number, until, must=False)

    async def round(self, order, number, until, must):
        """Make calls in this order on another day; those that must be answered even where the time is used up."""
        self.levels = DEEPER * (number % 2)
        half = until - self.job["budget"] / 2
        for index in order:
            wanted = must and index < self.wanted
            if wanted or (self.is_early() and spent() < (half if must else until)):
                with self.another_time(index, number):
                    await self.call(index)

    def is_early(self):
        """Return whether there is time for calls that nobody must have; a tool that sleeps uses no CPU time."""
        return time.monotonic() - self.started < WAITING

    @contextlib.contextmanager
    def another_time(self, index, number):
        """Make it another day and hour, in two of three rounds: in the others no clock of tests is to be seen."""
        if number % 3 == 0:
            yield
            return
        sys.modules["time_machine"] = self.clock  # it looks itself up
        with self.clock.travel(now() + next(self.instants[index])):
            yield
        del sys.modules["time_machine"]

    async def again(self, until):
        """Make the same call three times in a row, and see what the tool remembers of the third."""
        module = sys.modules[f"nat_tools.{self.request['tool']}"]
        names = set()
        for index in range(min(self.wanted, 10)):
            if spent() > until - self.job["budget"] / 4:
                break
            await self.call(index)
            await self.call(index)
            before = memory_of(module)
            await self.call(index)
            names.update(changed(before, memory_of(module)))
        self.changed = sorted(names)

    async def call(self, index):
        """Make one call and keep what it gave, where that is new."""
        if index in self.too_long:
            return
        self.made += 1
        self.kept.append([[] for _ in range(self.random.randrange(8))])  # what comes next lies elsewhere in memory
        self.watch.call(index, self.arguments[index])
        function = self.built.enter(index, self.arguments[index])
        self.began = spent()
        self.current = index if index >= self.wanted else None
        try:
            given = await deeper(self.levels, function, self.arguments[index])
            with self.lock:
                self.current = None
            for _ in range(3 if index in self.too_long else 0):
                time.sleep(0.01)  # what ends this call may be on its way
        except EndedError:
            return
        finally:
            self.built.leave()
        if index not in self.too_long:
            self.keep(index, given)

    def keep(self, index, given):
        """Keep an outcome that the same call has not had yet."""
        text = "".join(encode(given, 0))
        if index >= self.wanted and len(text) > LARGEST_RESULT:
            return
        key = text if "result" in given else "".join(encode(given["raises"], 0))
        if key not in self.texts[index] and len(self.found[index]) < DIFFERENT:
            self.texts[index].add(key)
            self.found[index].append(given)


def used(request, job):
    """Use the tool as an agent does, and give all different outcomes of each call."""
    return Usage(request, job).run()


JOBS.update(examples=examples, used=used)
