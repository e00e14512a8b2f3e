import asyncio
from fractions import Fraction

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.matrix_solve import MatrixSolveConfig, solve


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", MatrixSolveConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("matrix", "right", "solution"),
    [
        ([[3]], [2], [Fraction(2, 3)]),
        ([[2, 1], [1, 3]], [3, 5], [Fraction(4, 5), Fraction(7, 5)]),
        ([[0, 2], [3, 0]], [4, 9], [3, 2]),
        ([[1, 1, 1], [0, 2, 5], [2, 5, -1]], [6, -4, 27], [5, 3, -2]),
        ([[0, 0, 1], [0, 1, 0], [1, 0, 0]], [1, 2, 3], [3, 2, 1]),
        ([[1, 1, 0], [1, 1, 1], [0, 1, 1]], [1, 2, 3], [-1, 2, 1]),
    ],
)
def test_solutions(matrix, right, solution):
    assert solve(matrix, right) == solution


@pytest.mark.parametrize(("matrix", "right"), [([[0]], [1]), ([[1, 2], [2, 4]], [1, 2]), ([[1, 2], [2, 4]], [1, 3])])
def test_singular(matrix, right):
    with pytest.raises(ValueError, match="not exactly one"):
        solve(matrix, right)


@pytest.mark.parametrize(("matrix", "right"), [([[1, 2]], [1]), ([[1]], [1, 2]), ([], []), ([[1, 2], [3]], [1, 2])])
def test_shapes(matrix, right):
    with pytest.raises(ValueError):
        call(matrix=matrix, right=right)


def test_through_nat():
    assert call(matrix=[[4]], right=[1]) == ["1/4"]
