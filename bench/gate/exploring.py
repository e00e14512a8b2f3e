"""Asks in the sandbox what the function of a problem answers, and whether the data set's own tests accept variants."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from agenthands.sandbox.base import Command, Limits

SCRIPT = Path(__file__).parent / "exploring_script.py"
MORE = 24
CALL_SECONDS = 1.0
SECONDS = 1800
OF_MEMORY = "answers otherwise to an equal list"
SEEDS = ("0", "1")


def explored(problem, variants, environment, sandbox):
    """Run a problem's tests in the sandbox, on the reference and on `variants`.

    Returns the problem with its calls; how many calls were left out, by reason; and of each variant whether the tests
    accept it, and what it answers to each call. There are no calls where the reference answers otherwise with another
    hash seed, or to a list that lies otherwise in memory.
    """
    request = {
        "reference": problem.module,
        "variants": variants,
        "entry": problem.entry,
        "check": problem.check,
        "more": MORE,
        "seconds": CALL_SECONDS,
    }
    try:
        answer = _asked(request, SEEDS[0], environment, sandbox)
        again = _asked({**request, "variants": []}, SEEDS[1], environment, sandbox)
    except ValueError as error:
        return problem, {str(error): 1}, []
    if OF_MEMORY in answer["left_out"]:
        return problem, answer["left_out"], []
    second = {_said(call["arguments"]): call for call in again["calls"]}
    if any(second.get(_said(call["arguments"]), call) != call for call in answer["calls"]):
        return problem, {"the reference answers otherwise with another hash seed": 1}, []
    return replace(problem, calls=answer["calls"]), answer["left_out"], answer["variants"]


def _said(arguments):
    return json.dumps(arguments, sort_keys=True)


def _asked(request, seed, environment, sandbox):
    """Return what the script answers; raises ValueError."""
    with tempfile.TemporaryDirectory(prefix="agenthands-bench-") as folder:
        ran = sandbox.run(
            Command(
                argv=[str(environment.python), "-P", "-s", "-c", SCRIPT.read_text(encoding="utf-8")],
                workspace=Path(folder),
                read_only=[environment.path],
                variables={"PYTHONHASHSEED": seed},
                stdin=json.dumps(request).encode(),
                limits=Limits(seconds=SECONDS, output_bytes=64 * 1024**2),
            )
        )
    if ran.exit_code != 0:
        raise ValueError(f"the sandbox ended with {ran.exit_code}: {ran.stderr.decode()[-300:]}")
    return json.loads(ran.stdout)
