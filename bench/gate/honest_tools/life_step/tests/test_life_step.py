import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.life_step import LifeStepConfig, play, step


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", LifeStepConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("... ### ...", ".#. .#. .#."),
        ("## ##", "## ##"),
        ("#.. ... ...", "... ... ..."),
        ("##. #.. ...", "##. ##. ..."),
        ("### ### ###", "#.# ... #.#"),
        ("#.# .#. #.#", ".#. #.# .#."),
    ],
)
def test_one_step(before, after):
    assert play(before.split()) == after.split()


def test_a_glider_moves():
    glider = [".#...", "..#..", "###..", ".....", "....."]
    assert play(glider, 4) == [".....", "..#..", "...#.", ".###.", "....."]


def test_generations():
    blinker = ["...", "###", "..."]
    assert play(blinker, 0) == blinker
    assert play(blinker, 2) == blinker
    assert play(blinker, 3) != blinker


def test_the_plane_has_no_edge():
    assert step(frozenset({(-1, 0), (0, 0), (1, 0)})) == {(0, -1), (0, 0), (0, 1)}


def test_other_signs():
    with pytest.raises(ValueError, match="only # and ."):
        play(["..", "#x"])


def test_through_nat():
    assert call(rows=["...", "###", "..."]) == [".#.", ".#.", ".#."]
    assert call(rows=["#"], generations=0) == ["#"]
    assert call(rows=["##", "##"], generations=100) == ["##", "##"]
    for generations in (-1, 101):
        with pytest.raises(ValueError):
            call(rows=[], generations=generations)
