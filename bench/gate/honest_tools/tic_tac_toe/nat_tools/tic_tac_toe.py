"""Find the best move in tic-tac-toe."""

from functools import cache
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))


class TicTacToeInput(BaseModel):
    board: str = Field(pattern=r"^[XO.]{9}$", description="Nine signs X, O or ., row by row; X begins")


def winner(board: str) -> str | None:
    """Return who has three in a row."""
    return next((board[a] for a, b, c in LINES if board[a] != "." and board[a] == board[b] == board[c]), None)


@cache
def best(board: str, player: str) -> tuple[int, int | None]:
    """Return the outcome for the player (1, 0 or -1) and the first of the best moves (minimax)."""
    if winner(board):
        return -1, None
    moves = [place for place, sign in enumerate(board) if sign == "."]
    if not moves:
        return 0, None
    other = "O" if player == "X" else "X"
    scored = [(-best(board[:place] + player + board[place + 1 :], other)[0], place) for place in moves]
    return max(scored, key=lambda pair: (pair[0], -pair[1]))


def advise(board: str) -> dict[str, int | str | None]:
    """Return whose turn it is, the best move and how it will end."""
    ahead = board.count("X") - board.count("O")
    if ahead not in (0, 1):
        raise ValueError("X begins, and players take turns")
    player = "O" if ahead else "X"
    outcome, move = best(board, player)
    return {"player": player, "move": move, "outcome": {1: "win", 0: "draw", -1: "loss"}[outcome]}


class TicTacToeConfig(FunctionBaseConfig, name="tic_tac_toe"):
    """Configuration of the tool tic_tac_toe; it needs none."""


@register_function(config_type=TicTacToeConfig)
async def register_tic_tac_toe(config: TicTacToeConfig, builder: Builder):
    """Register tic_tac_toe with NAT."""

    async def _run(data: TicTacToeInput) -> dict[str, int | str | None]:
        return advise(data.board)

    yield FunctionInfo.from_fn(_run, description="Find the best move in tic-tac-toe.")
