"""The live console through its events: what a person sees on a terminal."""

import re
import sys
import threading
from dataclasses import replace

import pytest
from console_events import BUILD, HOSTILE, START, Stream, story
from rich.cells import cell_len
from rich.console import Console

from agenthands.cli.progress import LiveProgress
from agenthands.events import (
    BuildFinished,
    BuildStarted,
    CostChanged,
    Notice,
    StageFinished,
    ToolProgress,
    emit,
    listening,
)


def picture(events, width=80, height=24, encoding="utf-8", at=START + 20, leave=False, **options):
    """What stands on the terminal after `events`: at the end, or (leave=False) while the console is open."""
    stream = Stream(tty=True, encoding=encoding)
    terminal = Console(file=stream, width=width, height=height, force_terminal=True, color_system=None, **options)
    console = LiveProgress(stream, "gemini/pro", terminal, clock=lambda: at)
    for event in events:
        console(event)
    if leave:
        console.__exit__(None, None, None)
    with terminal.capture() as capture:
        terminal.print(console._frame())
    return capture.get()


class TestLive:
    def test_before_the_build_begins_it_says_that_it_starts(self):
        assert "AgentHands  starting" in picture([])
        assert "gemini/pro" in picture([])

    def test_a_running_build_shows_everything_of_each_part(self):
        shown = picture(story(status=""))
        lines = shown.splitlines()
        assert lines[0] == "AgentHands  Convert currencies"
        assert lines[1] == "planner gemini/pro, coder anthropic/opus, sandbox bubblewrap"
        assert "✓ plan           1.0 s  1 tool" in lines
        tool = next(line for line in lines if "convert" in line)
        assert tool.split() == [tool.split()[0], "convert", "2", "repairing", "held_out", "failed", "$0.013", "15", "s"]
        assert lines[-1].strip() == "$0.013, 20 s"

    def test_one_model_is_named_once(self):
        event = BuildStarted(BUILD, "x", "gemini/pro", "gemini/pro", "docker", "/store", at=START)
        assert "model gemini/pro, sandbox docker" in picture([event])

    @pytest.mark.parametrize(
        ("status", "mark"),
        [("accepted", "✓"), ("planned", "✓"), ("rejected", "✗"), ("failed", "✗"), ("cancelled", "✗")],
    )
    def test_the_verdict_ends_the_picture(self, status, mark):
        lines = picture(story(status), leave=True).splitlines()
        assert f"{mark} {status}  the reason of {status}" in lines
        assert lines[-1].strip() == "$0.013, 9.0 s"

    def test_the_cost_stays_while_the_gate_is_checking_and_counts_all_models(self):
        checking = ToolProgress(BUILD, "convert", "checking", "the gate is checking it", 1, 0.0125, at=START + 9)
        shown = picture([*story(""), CostChanged(BUILD, 0.5, at=START + 8), checking])
        assert "$0.013" in next(line for line in shown.splitlines() if "checking" in line)
        assert shown.splitlines()[-1].strip() == "$0.500, 20 s"

    def test_the_clock_counts_from_the_command_and_ends_with_what_the_record_says(self):
        started = replace(story("")[0], began=START - 30)
        assert picture([started]).splitlines()[-1].strip() == "$0.00, 50 s"
        ended = BuildFinished(BUILD, "accepted", "", "The agent works.", 0.75, 42.0, at=START + 15)
        *_, verdict, totals = picture([started, ended], leave=True).splitlines()
        assert verdict.strip() == "✓ accepted  The agent works."
        assert totals.strip() == "$0.750, 42 s"

    def test_a_long_reason_is_wrapped_and_not_cut(self):
        reason = "convert did not pass the gate because " + "of a very long story, " * 5 + "END"
        shown = picture([*story("")[:1], BuildFinished(BUILD, "failed", reason, at=START + 3)], width=60, leave=True)
        assert " ".join(shown.split("failed  ")[1].split()).startswith(reason)

    def test_a_failed_stage_says_why(self):
        shown = picture([*story("")[:2], StageFinished(BUILD, "plan", 2.5, "", "no such model", at=START + 4)])
        assert "✗ plan           2.5 s  no such model" in shown

    def test_leaving_in_the_middle_stops_the_clocks(self):
        shown = picture(story(""), leave=True)
        assert "· stopped before its end" in shown
        assert "· convert" in shown

    def test_an_unknown_price_is_said_and_makes_the_sum_unknown(self):
        events = [*story("", cost=None), ToolProgress(BUILD, "other", "coding", "", 1, 0.5, at=START)]
        shown = picture(events)
        assert shown.count("cost unknown") == 2
        assert shown.splitlines()[-1].strip() == "cost unknown, 20 s"

    def test_nothing_spent_is_zero_and_not_unknown(self):
        shown = picture(story("", cost=0.0))
        assert "$0.00" in shown
        assert "unknown" not in shown

    @pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
    @pytest.mark.parametrize("wide", [False, True])
    def test_no_line_is_wider_than_the_terminal(self, width, wide):
        word = "漢字" * 40 if wide else "long-" * 40
        events = [*story("", request=word, action=word), StageFinished(BUILD, word, 1, word, word, at=START)]
        events += [ToolProgress(BUILD, word, "coding", word, 12, None, at=START)]
        assert max(cell_len(line) for line in picture(events, width=width).splitlines()) <= width

    def test_sixty_columns_still_show_attempt_state_action_cost_and_time(self):
        line = next(line for line in picture(story(""), width=60).splitlines() if "convert" in line)
        for part in (" 2 ", "repairing", "held_out failed", "$0.013", "15 s"):
            assert part in line

    def test_many_tools_fit_the_screen_and_the_busy_ones_stay(self):
        events = story("")[:4]
        for number in range(40):
            state = "accepted" if number < 30 else "waiting"
            events.append(ToolProgress(BUILD, f"tool_{number}", state, "", 1, at=START))
        events.append(ToolProgress(BUILD, "busy", "coding", "now", 1, at=START))
        shown = picture(events, height=24)
        assert len(shown.splitlines()) < 24
        assert "busy" in shown
        assert "accepted" in shown.splitlines()[-3]
        assert "more:" in shown.splitlines()[-3]
        assert len(picture(events, height=24, leave=True).splitlines()) > 40

    def test_foreign_text_is_neither_markup_nor_terminal_sequence(self):
        events = [*story("", request=HOSTILE, action=HOSTILE)[:-1], StageFinished(BUILD, "s", 1, HOSTILE, at=START)]
        shown = picture(events, width=200)
        assert shown.count("[bold red]x[/bold red] [/] red a b c drow :smile:") == 3
        assert not any(char in shown for char in "\x1b\r\x07\x9b\u202e")

    def test_a_terminal_without_utf8_gets_ascii_alone(self):
        shown = picture(story("accepted", request="Über 漢字 " * 20), encoding="ascii", leave=True)
        assert shown.isascii()
        assert "+ accepted" in shown

    def test_many_builds_share_the_picture_one_line_each(self):
        events = story("")
        events += [
            BuildStarted(f"b{number}", f"Request {number}", "m", "m", "docker", "s", at=START) for number in range(3)
        ]
        shown = picture(events)
        assert "4 builds running" in shown
        assert [f"Request {number}" in shown for number in range(3)] == [True] * 3
        assert "tools, 0 of 1 tool" in shown

    def test_a_finished_build_moves_above_the_others(self):
        stream = Stream(tty=True)
        terminal = Console(file=stream, width=80, height=24, force_terminal=True, color_system=None)
        with LiveProgress(stream, "m", terminal, clock=lambda: START + 20) as console:
            console(BuildStarted("other", "Another request", "m", "m", "docker", "s", at=START))
            for event in story("accepted"):
                console(event)
            assert "Convert currencies" not in console._frame().plain
            assert "Another request" in console._frame().plain
        assert "✓ Convert currencies" in stream.getvalue()

    def test_a_notice_stays_above_the_picture(self):
        stream = Stream(tty=True)
        terminal = Console(file=stream, width=80, height=24, force_terminal=True, color_system=None)
        with LiveProgress(stream, "m", terminal) as console:
            console(Notice(BUILD, f"read this {HOSTILE}"))
        assert "note  read this [bold red]x[/bold red] [/] red a b c drow :smile:" in stream.getvalue()

    def test_events_of_other_threads_while_drawing_do_not_deadlock(self):
        stream = Stream(tty=True)
        terminal = Console(file=stream, width=80, height=24, force_terminal=True)
        console = LiveProgress(stream, "m", terminal)
        console._live.refresh_per_second = 200

        def send(number):
            for turn in range(100):
                emit(ToolProgress(BUILD, f"tool_{number}", "coding", str(turn), 1))
                emit(Notice(BUILD, f"{number} {turn}"))

        with console, listening(console):
            threads = [threading.Thread(target=send, args=(number,), daemon=True) for number in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            assert not any(thread.is_alive() for thread in threads)

    def test_nothing_is_printed_while_a_frame_is_locked_out(self):
        # rich asks for a frame under its own lock, so printing under ours can end in a deadlock.
        held = []

        class Watched(Console):
            def print(self, *objects, **options):
                held.append(console._lock.locked())

        console = LiveProgress(Stream(tty=True), "m", Watched(file=Stream(tty=True)))
        console(Notice(BUILD, "a"))
        assert held == [False]

    def test_no_color_is_respected(self, monkeypatch):
        def codes():
            stream = Stream(tty=True)
            terminal = Console(file=stream, width=80, height=24, force_terminal=True, color_system="standard")
            with LiveProgress(stream, "m", terminal) as console:
                for event in story("accepted"):
                    console(event)
            return re.findall(r"\x1b\[[0-9;]*3[0-7]m", stream.getvalue())

        monkeypatch.delenv("NO_COLOR", raising=False)
        assert codes()
        monkeypatch.setenv("NO_COLOR", "1")
        assert not codes()

    def test_a_terminal_that_went_away_ends_nothing(self, capsys):
        class Gone(Stream):
            def write(self, text):
                raise BrokenPipeError(32, "Broken pipe")

        with LiveProgress(Gone(tty=True), "m") as console:
            console(Notice(BUILD, "anybody there?"))
        sys.stdout.write("standard output still works\n")
        assert capsys.readouterr().out == "standard output still works\n"

    def test_restoring_in_a_signal_handler_shows_the_cursor_and_draws_no_more(self, tmp_path):
        path = tmp_path / "terminal"
        with path.open("w") as stream:
            terminal = Console(file=stream, width=80, height=24, force_terminal=True)
            with LiveProgress(stream, "m", terminal) as console:
                with console._lock:
                    console.restore()
                drawn = path.read_bytes()
                console(Notice(BUILD, "too late"))
        assert drawn.endswith(b"\x1b[?25h\n")
        assert b"too late" not in path.read_bytes()
