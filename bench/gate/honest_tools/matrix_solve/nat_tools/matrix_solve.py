"""Solve a system of linear equations exactly."""

from fractions import Fraction
from typing import Self
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field, model_validator


class MatrixSolveInput(BaseModel):
    matrix: list[list[int]] = Field(min_length=1, description="Rows of coefficients, a square")
    right: list[int] = Field(description="The right-hand sides")

    @model_validator(mode="after")
    def is_square(self) -> Self:
        size = len(self.matrix)
        if len(self.right) != size or any(len(row) != size for row in self.matrix):
            raise ValueError("the matrix must be square, with one right-hand side a row")
        return self


def solve(matrix: list[list[int]], right: list[int]) -> list[Fraction]:
    """Return the solution by Gauss-Jordan elimination; raises ValueError where there is not exactly one."""
    rows = [[Fraction(value) for value in (*row, end)] for row, end in zip(matrix, right, strict=True)]
    for column in range(len(rows)):
        pivot = next((index for index in range(column, len(rows)) if rows[index][column]), None)
        if pivot is None:
            raise ValueError("there is not exactly one solution")
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for index, row in enumerate(rows):
            if index != column:
                rows[index] = [a - row[column] * b for a, b in zip(row, rows[column], strict=True)]
    return [row[-1] for row in rows]


class MatrixSolveConfig(FunctionBaseConfig, name="matrix_solve"):
    """Configuration of the tool matrix_solve; it needs none."""


@register_function(config_type=MatrixSolveConfig)
async def register_matrix_solve(config: MatrixSolveConfig, builder: Builder):
    """Register matrix_solve with NAT."""

    async def _run(data: MatrixSolveInput) -> list[str]:
        return [str(value) for value in solve(data.matrix, data.right)]

    yield FunctionInfo.from_fn(_run, description="Solve a system of linear equations exactly.")
