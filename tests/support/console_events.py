"""Events of a build, and a stream to show them on, for the tests of the consoles."""

import io

from agenthands.events import BuildFinished, BuildStarted, CostChanged, StageFinished, StageStarted, ToolProgress

BUILD = "20260412-093012-7f3a"
START = 1_700_000_000.0
HOSTILE = "[bold red]x[/bold red] [/] \x1b[31mred\x1b[0m \x1b]0;title\x07 a\rb\nc \u202edrow \x9b2J :smile:"


class Stream(io.StringIO):
    """A text stream that says what it is."""

    def __init__(self, tty=False, encoding="utf-8"):
        super().__init__()
        self._tty = tty
        self._encoding = encoding

    @property
    def encoding(self):
        return self._encoding

    def isatty(self):
        return self._tty


def story(status="accepted", request="Convert currencies", action="writes nat_tools/convert.py", cost=0.0125):
    """The events of a build, one second apart."""
    events = [
        lambda at: BuildStarted(BUILD, request, "gemini/pro", "anthropic/opus", "bubblewrap", "/store", at=at),
        lambda at: StageStarted(BUILD, "plan", at=at),
        lambda at: StageFinished(BUILD, "plan", 1.0, "1 tool", at=at),
        lambda at: StageStarted(BUILD, "tools", at=at),
        lambda at: ToolProgress(BUILD, "convert", "waiting", "", 0, at=at),
        lambda at: ToolProgress(BUILD, "convert", "coding", action, 1, cost, at=at),
        lambda at: ToolProgress(BUILD, "convert", "repairing", "held_out failed", 2, cost, at=at),
    ]
    if status:
        end = "rejected" if status == "rejected" else "accepted"
        events += [
            lambda at: ToolProgress(BUILD, "convert", end, "the gate's verdict", 2, cost, at=at),
            lambda at: StageFinished(BUILD, "tools", 4.0, "1 of 1", at=at),
            lambda at: BuildFinished(BUILD, status, f"the reason of {status}", cost_usd=cost, seconds=9.0, at=at),
        ]
    told = [make(START + second) for second, make in enumerate(events)]
    told.insert(6, CostChanged(BUILD, cost, at=START + 5))
    return told
