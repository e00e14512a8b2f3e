"""Tools that lie in folders, as `agenthands check` takes them, and the cheats of the gate's own tests."""

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from agenthands.schemas import ToolSpec
from bench.gate.kept import digest
from bench.gate.verdicts import verdict_on_texts
from bench.measuring import ROOT

HONEST = Path(__file__).with_name("honest_tools")
WRONG = Path(__file__).with_name("wrong_tools")
CHEATS = ROOT / "tests" / "gate" / "test_cheating.py"
SPEC = "spec.json"


@dataclass(frozen=True)
class FolderTool:
    """A tool with its files by relative path; `kind` is "honest", "wrong" or "cheat"."""

    kind: str
    name: str
    texts: dict

    @property
    def key(self):
        """What its verdict is kept as; another one after any change of a file."""
        files = [f"{path}\n{text}".encode() for path, text in sorted(self.texts.items())]
        return f"{self.kind} {self.name} {digest(*files)}"

    @property
    def spec(self):
        """Its specification; raises ValidationError where there is none that counts."""
        return ToolSpec.model_validate_json(self.texts[SPEC])

    def measure(self, judging, kept):
        """Judge it once. Raises SandboxLost."""
        if self.key not in kept:
            found = verdict_on_texts(judging, self.spec, self.texts)
            kept.add(self.key, {"kind": self.kind, "name": self.name, **found})

    def results(self, kept):
        """Return its verdict in a list; None where it was not judged yet."""
        return [kept[self.key]] if self.key in kept else None


def folder_tools(kind, folder):
    """Return the tools in the folders below `folder`, in the order of their names."""
    return [
        FolderTool(kind, path.parent.name, _texts(path.parent)) for path in sorted(folder.glob(f"*/{SPEC}"))
    ]  # fmt: skip


def cheats():
    """Return the tools by which the gate's tests try to win, with the specification of all of them."""
    sys.path[:0] = [str(ROOT / "tests" / "support")]
    found = importlib.util.spec_from_file_location("gate_cheats", CHEATS)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    name = module.SPEC.name
    return [
        FolderTool(
            "cheat",
            title,
            {SPEC: json.dumps(module.ROMAN_SPEC), f"nat_tools/{name}.py": tool, f"tests/test_{name}.py": tests},
        )
        for title, (tool, tests, *_) in module.CHEATS.items()
    ]


def _texts(folder):
    """Return what a coder leaves of a tool; what Python and editors leave does not count."""
    files = [folder / SPEC, *folder.glob("nat_tools/*"), *folder.glob("tests/*")]
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(files)
        if path.is_file() and path.suffix in (".py", ".json")
    }
