"""When stages and attempts began, told by events."""

from agenthands.events import StageFinished, ToolProgress
from agenthands.store.recorder import StageTimer

BUILD = "20260412-093012-7f3a9c"


def progress(tool, state, attempt, at, build=BUILD):
    return ToolProgress(build, tool, state, "", attempt, at=at)


def kept(*events):
    keeper = StageTimer(BUILD, began=1000.0)
    for event in events:
        keeper(event)
    return keeper


def test_a_stage_began_when_it_ended_less_what_it_took():
    (stage,) = kept(StageFinished(BUILD, "plan", 12.5, at=1020.0)).stages
    assert (stage.name, stage.started, stage.seconds) == ("plan", 7.5, 12.5)


def test_the_turns_of_two_tools_at_once_are_told_apart():
    turns = kept(
        progress("a", "waiting", 0, 1001),
        progress("a", "coding", 1, 1002),
        progress("b", "coding", 1, 1003),
        progress("a", "coding", 1, 1004),
        progress("a", "checking", 1, 1010),
        progress("b", "failed", 0, 1011),
        progress("a", "repairing", 2, 1015),
        progress("a", "checking", 2, 1020),
        progress("a", "accepted", 2, 1026),
        progress("a", "accepted", 2, 1030),
        progress("a", "coding", 1, 1040),
        progress("a", "repairing", 2, 1042),
        progress("a", "failed", 0, 1043),
    ).turns
    assert [(turn.tool, turn.attempt, turn.doing, turn.started, turn.seconds) for turn in turns] == [
        ("a", 1, "coding", 2, 8),
        ("b", 1, "coding", 3, 8),
        ("a", 1, "checking", 10, 5),
        ("a", 2, "coding", 15, 5),
        ("a", 2, "checking", 20, 6),
        ("a", 1, "coding", 40, 2),
        ("a", 2, "coding", 42, 1),
    ]


def test_other_builds_and_clocks_that_are_set_back_do_no_harm():
    keeper = kept(
        progress("a", "coding", 1, 1002, build="other"),
        StageFinished("other", "plan", 1.0, at=1003.0),
        progress("a", "coding", 1, 1005),
        progress("a", "accepted", 1, 990),
        StageFinished(BUILD, "plan", 5.0, at=1001.0),
    )
    assert [(turn.started, turn.seconds) for turn in keeper.turns] == [(5, 0)]
    assert [stage.started for stage in keeper.stages] == [0]
