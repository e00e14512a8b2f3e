"""The plain console, and which console is chosen: what a log file gets."""

import subprocess
import sys
from pathlib import Path

import pytest
from console_events import BUILD, HOSTILE, START, Stream, story

from agenthands.cli.progress import LiveProgress, PlainProgress, choose_progress
from agenthands.events import BuildFinished, BuildStarted, Notice, StageFinished, StageStarted, ToolProgress


class TestPlain:
    def lines(self, events, **options):
        stream = Stream(**options)
        with PlainProgress(stream) as console:
            for event in events:
                console(event)
        return stream.getvalue().splitlines()

    def test_every_event_is_one_line_with_its_time(self):
        lines = self.lines([*story("accepted"), Notice(BUILD, "two\nlines", at=START)])
        assert len(lines) == len(story("accepted")), "all but the change of the cost, and the note"
        told = [line.split(" ", 1)[1] for line in lines]
        assert all(line[2] == line[5] == ":" for line in lines)
        assert told == [
            f"build {BUILD} started: Convert currencies "
            "(planner gemini/pro, coder anthropic/opus, sandbox bubblewrap, store /store)",
            "plan: started, a plan is made and checked",
            "plan: done in 1.0 s, 1 tool",
            "tools: started",
            "tool convert: waiting, $0.00",
            "tool convert: coding, attempt 1, $0.013, writes nat_tools/convert.py",
            "tool convert: repairing, attempt 2, $0.013, held_out failed",
            "tool convert: accepted, attempt 2, $0.013, the gate's verdict",
            "tools: done in 4.0 s, 1 of 1, $0.013 so far",
            f"build {BUILD} accepted, $0.013, 9.0 s: the reason of accepted",
            "note: two lines",
        ]

    def test_failures_stand_out(self):
        lines = self.lines(
            [
                StageFinished(BUILD, "plan", 2.5, "", "no such model"),
                BuildFinished(BUILD, "failed", "why", "", 0.5, 3.0),
            ]
        )
        assert lines[0].endswith("plan: FAILED after 2.5 s: no such model")
        assert lines[1].endswith(f"build {BUILD} FAILED, $0.500, 3.0 s: why")

    def test_an_unknown_price_is_said(self):
        assert "cost unknown" in self.lines([ToolProgress(BUILD, "t", "coding", "", 1, None)])[0]

    def test_foreign_text_brings_no_sequences_and_no_further_lines(self):
        lines = self.lines([BuildStarted(BUILD, HOSTILE, HOSTILE, "m", "docker", "s"), Notice(BUILD, HOSTILE)])
        assert len(lines) == 2
        assert not any(char in "".join(lines) for char in "\x1b\r\x07\x9b\u202e")

    def test_builds_are_told_apart_once_there_are_several(self):
        lines = self.lines([StageStarted("one", "plan"), StageStarted("two", "plan")])
        assert "[" not in lines[0]
        assert lines[1].endswith("[two] plan: started, a plan is made and checked")

    def test_a_log_without_utf8_gets_ascii_alone(self):
        assert self.lines([Notice(BUILD, "Über 漢字")], encoding="ascii")[0].endswith("note: ?ber ??")

    def test_a_reader_that_went_away_ends_nothing(self):
        class Gone(Stream):
            def write(self, text):
                raise BrokenPipeError(32, "Broken pipe")

        console = PlainProgress(Gone())
        console(Notice(BUILD, "a"))
        console(Notice(BUILD, "b"))


class TestChoice:
    @pytest.mark.parametrize(
        ("tty", "variables", "kind"),
        [
            (True, {"TERM": "xterm"}, LiveProgress),
            (False, {"TERM": "xterm"}, PlainProgress),
            (True, {"TERM": "dumb"}, PlainProgress),
            (True, {"TERM": "xterm", "CI": "true"}, PlainProgress),
            (True, {"TERM": "xterm", "NO_COLOR": "1"}, LiveProgress),
        ],
    )
    def test_people_get_the_live_one_and_logs_the_plain_one(self, monkeypatch, tty, variables, kind):
        for name in ("CI", "NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert type(choose_progress(Stream(tty=tty), "model")) is kind

    def test_the_module_imports_neither_rich_nor_pydantic(self):
        code = "import sys, agenthands.cli.progress;sys.exit(any(name in sys.modules for name in ('rich', 'pydantic')))"
        assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
