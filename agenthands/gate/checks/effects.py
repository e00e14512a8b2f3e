"""The check `effects`: what a tool does to files, the network and other processes is what was specified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, override

from agenthands._util.formatting import one_line
from agenthands.gate.checks.base import Finding, GateCheck
from agenthands.gate.checks.steady import used_both
from agenthands.gate.harness_jobs import Job, calls, calls_another_day
from agenthands.schemas import Check, ToolSpec, hidden_example_indices

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged

_WORDS = {
    "network": "reaches for the network",
    "process": "starts or signals a process",
    "read": "reads a file",
    "list": "looks through a folder",
    "write": "writes, or changes files",
    "look": "looks whether a file is there",
    "variable": "reads an environment variable",
    "address": "looks up the address of a host, which is for its client to do, and tells where it runs,",
    "clock": "asks what time it is, which its effects do not declare,",
    "later": "leaves a task, a timer or a thread running",
    "kept": "leaves a temporary file",
    "folder": "changes the working folder",
    "objects": "looks at all objects of the program",
    "hooks": "puts a hook into Python",
}
_FOR_NETWORK = {"network", "variable", "look"}  # a key, a file with certificates
_MOST = 30
NETWORK = "undeclared_network"
"""The reason code of a tool that reaches for a network which its specification does not give it."""


class Effects(GateCheck):
    """What was opened, connected and started while the tool was imported and called."""

    name = "effects"
    order = 88
    headline = True
    summary = (
        "it touches no file, network, process or variable that its specification and its arguments do not name, and "
        "leaves nothing behind; packages may read their own data"
    )
    fix = "Take as arguments what the tool reads, and return what it writes; a temporary file belongs into `tempfile`."
    remedy = "The finding says what was done, and in which line. A tool that needs the network must say so in the plan."
    version = 4
    after = ("conformance",)
    needs = ("calls",)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Call the tool, in all circumstances that other checks want."""
        return [calls(judged.tool), calls_another_day(judged.tool), *used_both(judged)]

    def run(self, evidence: Evidence) -> Finding:
        """Judge what was noted in each of these runs."""
        first, repeated = evidence.answers.first, evidence.answers.repeated
        hidden = hidden_example_indices(evidence.tool)
        examples = [*first["calls"].get("events", ()), *repeated["calls"].get("events", ())]
        open_ = [each for each in examples if each["during"] not in hidden] + repeated["used"].get("events", [])
        secret = [each for each in examples if each["during"] in hidden] + repeated["used_hidden"].get("events", [])
        return effects_finding(evidence.tool, open_, secret)

    @override
    def advice(self, found: Check, planned: ToolSpec | None) -> str:
        """Say what the request may have to allow."""
        if found.reason_code == NETWORK:
            return "it wants the network, so say in the request that this tool may use it, or that it must do without"
        return "say in the request that this tool computes from its arguments, and from nothing else"


def effects_finding(tool: ToolSpec, told: Sequence[Mapping[str, Any]], secret: Sequence[Mapping[str, Any]]) -> Finding:
    """Judge what was noted; the coder reads no path of what hidden calls did: it may be an argument."""
    seen: dict[tuple[str, int], tuple[str, str]] = {}
    for each, hidden in [*((each, False) for each in told), *((each, True) for each in secret)]:
        if tool.network and each["what"] in _FOR_NETWORK:
            continue
        line = f"Line {each['line']}" if each["line"] else "Some code that it leaves behind"
        when = "when it is imported" if each["during"] == -1 else "when it is called"
        kind = f"{line} {_WORDS.get(each['what'], each['what'])} {when}"
        path = f": {one_line(each['path'], 200)!r}" if each["path"] else ""
        full = f"{kind}{path}."
        seen.setdefault((each["what"], each["line"]), (full, f"{kind}." if hidden else full))
    if not seen:
        return Finding(True, "It touches nothing but its arguments.")
    full, shown = ("\n".join(list(words)[:_MOST]) for words in zip(*seen.values(), strict=True))
    code = NETWORK if any(what == "network" for what, _ in seen) else ""
    return Finding(False, full, more={"for_coder": shown if shown != full else "", "reason_code": code})
