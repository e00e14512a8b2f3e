"""Runs inside the sandbox: what functions of a problem answer, and whether the data set's own tests accept them.

Standard library only. One JSON object on standard input:

    {"reference": module, "variants": [module], "entry": name, "check": the data set's tests, "more": int,
     "seconds": float}

One JSON object on standard output:

    {"calls": [{"arguments": {...}, "derived": bool, "result": any | "raises": name}], "left_out": {reason: count},
     "variants": [{"passes": bool, "answers": [{"result": any} | {"raises": name} | {"none": reason}]}]}

`calls` are those that the data set's tests make of the reference, each once and as JSON, and then at most `more` calls
with changed arguments that the reference answers at once (`derived`): first such as tell apart a variant that answers
the data set's calls as the reference does. `seconds` of CPU time bound each module's run of the tests, and each call;
after a call that takes longer a module is asked no more. Each module runs in a process of its own.
"""

import copy
import inspect
import json
import os
import random
import resource
import signal
import sys

MAX_TEXT = 1500
CANDIDATES = 150
TOO_LONG = {"none": "takes too long"}
NO_ANSWER = {"none": "no answer"}


def main():
    """Answer the request."""
    request = json.loads(sys.stdin.buffer.read())
    report = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    recorded = in_child(record, request, request["reference"]) or {"calls": [], "left_out": {"no answer": 1}}
    calls, left_out = recorded["calls"], recorded["left_out"]
    known = [call["arguments"] for call in calls]
    answers = in_child(answer, request, request["reference"], known) or [NO_ANSWER] * len(known)
    again = in_child(answer, request, request["reference"], known, exact) or answers
    chosen = []
    for call, found, other in zip(calls, answers, again, strict=True):
        if found != other:
            left_out["answers otherwise to an equal list"] = left_out.get("answers otherwise to an equal list", 0) + 1
        elif found == call["answer"]:
            chosen.append({"arguments": call["arguments"], "derived": False, **found})
        else:
            reason = found.get("none", "answers otherwise to lists than to tuples")
            left_out[reason] = left_out.get(reason, 0) + 1
    hanging = {}
    chosen += telling(request, chosen, answered(request, derived(known, CANDIDATES)), hanging)[: request["more"]]
    arguments = [call["arguments"] for call in chosen]
    variants = [
        {"passes": False, "answers": hanging[source] + [TOO_LONG] * (len(arguments) - len(hanging[source]))}
        if source in hanging
        else judged(request, source, arguments)
        for source in request["variants"]
    ]
    report.write(json.dumps({"calls": chosen, "left_out": left_out, "variants": variants}))


def answered(request, candidates):
    """Return those of the candidates as calls that the reference answers at once."""
    quick, calls = {**request, "seconds": request["seconds"] / 50}, []
    for arguments in candidates:
        found = (in_child(answer, quick, request["reference"], [arguments]) or [NO_ANSWER])[0]
        if "result" in found:
            calls.append({"arguments": arguments, "derived": True, **found})
    return calls


def telling(request, own, calls, hanging):
    """Return the calls in another order: first one for each variant that answers `own` as the reference does.

    A variant that takes too long for one of `own` is asked no more: `hanging` gets its answers to these.
    """
    first = []
    for source in request["variants"]:
        found = answers_of(request, source, [*own, *first])
        if TOO_LONG in found[: len(own)]:
            hanging[source] = found[: len(own)]
        elif not differing([*own, *first], found):
            first += differing(calls, answers_of(request, source, calls))[:1]
    return first + [call for call in calls if call not in first]


def answers_of(request, source, calls):
    """Return what a variant answers to calls."""
    return in_child(answer, request, source, [call["arguments"] for call in calls]) or [NO_ANSWER] * len(calls)


def differing(calls, found):
    """Return the calls that a variant answers otherwise, or not at all."""
    return [call for call, said in zip(calls, found, strict=True) if said.get("result", said) != call["result"]]


def judged(request, source, arguments):
    """Return how a variant does."""
    passes = bool(in_child(passing, request, source))
    answers = in_child(answer, request, source, arguments) or [NO_ANSWER] * len(arguments)
    return {"passes": passes, "answers": answers}


def in_child(function, request, *arguments):
    """Return what a function gives in a forked process; None where it raises, or takes too much time or memory."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        try:
            resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
            limit = int(request["seconds"] * 10) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            random.seed(0)
            write(writing, function(request, *arguments))
        except BaseException:  # a variant may raise anything
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    try:
        return json.loads(data)
    except ValueError:
        return None


def write(descriptor, value):
    """Write all of a value."""
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(json.dumps(value).encode())


def loaded(request, source):
    """Execute a module, and the data set's tests beside it as the data set does; give the namespace."""
    space = {"__name__": "problem"}
    exec(compile(source, "problem.py", "exec"), space)  # noqa: S102 - a problem is code
    exec(compile(request["check"], "check.py", "exec"), space)  # noqa: S102
    return space


def passing(request, source):
    """Return whether the data set's tests accept a module; a failure raises."""
    space = loaded(request, source)
    timed(request["seconds"], lambda: space["check"](space[request["entry"]]))
    return True


def record(request, source):
    """Run the data set's tests on the reference and note each of its calls that is JSON."""
    space = loaded(request, source)
    candidate = space[request["entry"]]
    signature = inspect.signature(candidate)
    calls, left_out, seen = [], {}, set()

    def recording(*args, **kwargs):
        arguments = copy.deepcopy(dict(signature.bind(*args, **kwargs).arguments))
        result = candidate(*args, **kwargs)
        try:
            call = {"arguments": as_json(arguments), "answer": {"result": as_json(result)}}
        except ValueError as error:
            left_out[str(error)] = left_out.get(str(error), 0) + 1
            return result
        key = json.dumps(call["arguments"])
        if key not in seen:
            seen.add(key)
            calls.append(call)
        return result

    timed(request["seconds"] * 5, lambda: space["check"](recording))
    return {"calls": calls, "left_out": left_out}


def exact(value):
    """Return a copy whose lists have room for no more: equal, and of another size in memory than lists that grew."""
    if isinstance(value, dict):
        return {key: exact(each) for key, each in value.items()}
    if not isinstance(value, list):
        return value
    made = [None] * len(value)
    for place, each in enumerate(value):
        made[place] = exact(each)
    return made


def answer(request, source, arguments, copied=copy.deepcopy):
    """Return what a module answers to each call."""
    function = loaded(request, source)[request["entry"]]
    answers = []
    for each in arguments:
        late = bool(answers) and answers[-1] == TOO_LONG
        answers.append(TOO_LONG if late else one(function, copied(each), request["seconds"]))
    return answers


def one(function, arguments, seconds):
    """Make one call."""
    try:
        result = timed(seconds, lambda: function(**arguments))
    except TimeoutError:
        return TOO_LONG
    except MemoryError:
        return {"none": "takes too much memory"}
    except Exception as error:
        return {"raises": type(error).__name__}
    try:
        return {"result": as_json(result)}
    except ValueError as error:
        return {"none": str(error)}


def timed(seconds, function):
    """Call a function; raises TimeoutError after `seconds` of CPU time, which does not depend on what else runs."""

    def late(*_):
        raise TimeoutError

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return function()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def as_json(value):
    """Return a value as JSON, with lists for tuples; raises ValueError for what JSON does not have."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return value
    if isinstance(value, list | tuple):
        plain = [as_json(each) for each in value]
    elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
        plain = {key: as_json(each) for key, each in value.items()}
    elif isinstance(value, dict):
        raise ValueError("an object's keys are not all text")
    else:
        raise ValueError(f"no JSON: {type(value).__name__}")
    if len(json.dumps(plain)) > MAX_TEXT:
        raise ValueError("too long for an example")
    return plain


def derived(known, count):
    """Return new arguments, each made from known ones by one change."""
    found, seen = [], {json.dumps(each) for each in known}
    for base in known:
        for name in base:
            for changed in changes(base[name]):
                arguments = {**base, name: changed}
                key = json.dumps(arguments)
                if key not in seen:
                    seen.add(key)
                    found.append(arguments)
    random.Random(0).shuffle(found)
    return found[:count]


def changes(value):
    """Return values like this one."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value - 1, value * 2, -value, value * 0]
    if isinstance(value, str):
        return [value[1:], value[:-1], value[::-1], value + value, value.swapcase(), ""]
    if isinstance(value, list):
        inside = [[each, *value[1:]] for each in changes(value[0])] if value else []
        return [value[1:], value[:-1], value[::-1], value + value, [], *inside]
    return []


if __name__ == "__main__":
    main()
