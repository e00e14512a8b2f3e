"""Results that are kept line by line, so that an interrupted run goes on, and several runs share one measurement."""

import hashlib
import json
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".cache" / "bench" / "accuracy"
JUDGES = ("agenthands/gate", "agenthands/sandbox", "agenthands/schemas")
MAKERS = ("adversary", "exploring", "exploring_script", "human_eval_data", "json_types", "mbpp_data", "problem_tools")


class Kept:
    """The results in a folder, by key: each JSON line of each file. New ones are appended to one of the files."""

    def __init__(self, folder, name):
        """Read what is there; a line that was cut off does not count."""
        folder.mkdir(parents=True, exist_ok=True)
        self._results = {}
        self._lock = threading.Lock()
        for file in sorted(folder.glob("*.jsonl")):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    result = json.loads(line)
                except ValueError:
                    continue
                self._results[result["key"]] = result
        self._path = folder / f"{name}.jsonl"
        if self._path.exists() and not self._path.read_bytes().endswith(b"\n"):
            self._append("")

    def __contains__(self, key):
        return key in self._results

    def __getitem__(self, key):
        return self._results[key]

    def get(self, key):
        """Return a result, or None."""
        return self._results.get(key)

    def of_kind(self, kind):
        """Return the results of a kind, those first that were read or added first."""
        return [result for result in self._results.values() if result["kind"] == kind]

    def add(self, key, result):
        """Keep a result and return it."""
        kept = {"key": key, **result}
        with self._lock:
            self._append(json.dumps(kept))
            self._results[key] = kept
        return kept

    def _append(self, line):
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


def fingerprint():
    """Return a name for what decides a verdict: the gate, its sandbox, and what makes tools of problems."""
    files = [path for folder in JUDGES for path in (ROOT / folder).rglob("*.py")]
    files += [Path(__file__).with_name(f"{name}.py") for name in MAKERS]
    return digest(*(path.read_bytes() for path in sorted(files)))


def digest(*contents):
    """Return a short hash of some bytes."""
    found = hashlib.sha256()
    for content in contents:
        found.update(hashlib.sha256(content).digest())
    return found.hexdigest()[:12]
