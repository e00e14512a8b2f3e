import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.tic_tac_toe import TicTacToeConfig, advise, winner


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", TicTacToeConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "line", [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]
)
@pytest.mark.parametrize("sign", ["X", "O"])
def test_winner(line, sign):
    assert winner("".join(sign if place in line else "." for place in range(9))) == sign


@pytest.mark.parametrize("board", ["." * 9, "XXOOOXXXO", "XX.OO....", "XOX......", "X..X..O..", "X...X...O"])
def test_nobody_has_won(board):
    assert winner(board) is None


@pytest.mark.parametrize(
    ("board", "player", "move", "outcome"),
    [
        ("XX.OO....", "X", 2, "win"),
        ("XX.O.....", "O", 2, "loss"),
        ("XX.......", "O", 2, "draw"),
        ("." * 9, "X", 0, "draw"),
        ("X........", "O", 4, "draw"),
        ("XXXOO....", "O", None, "loss"),
        ("XOXXOOOXX", "O", None, "draw"),
        ("OOXXX.O..", "X", 5, "win"),
        ("X.O.O...X", "X", 6, "win"),
    ],
)
def test_advice(board, player, move, outcome):
    if board == "XX.......":
        with pytest.raises(ValueError, match="take turns"):
            advise(board)
    else:
        assert advise(board) == {"player": player, "move": move, "outcome": outcome}


@pytest.mark.parametrize("board", ["O........", "XXO......X"[:9].replace("O", "X")])
def test_turns(board):
    with pytest.raises(ValueError, match="take turns"):
        advise(board)


@pytest.mark.parametrize("board", ["", "XO", "xo.......", "." * 10])
def test_no_board(board):
    with pytest.raises(ValueError):
        call(board=board)


def test_through_nat():
    assert call(board="XX.OO....")["move"] == 2
