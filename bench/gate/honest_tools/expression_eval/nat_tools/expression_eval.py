"""Evaluate an arithmetic expression with variables."""

import ast
import operator
from collections.abc import Callable
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


class ExpressionEvalInput(BaseModel):
    expression: str = Field(max_length=200, description="Such as 2 * (x + 1) ** 2")
    variables: dict[str, float] = Field(default={}, description="Values by name")


def eval(node: ast.AST, variables: dict[str, float]) -> float:
    """Return the value of a part of an expression; only numbers, names and operators are known."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=name):
            if name not in variables:
                raise ValueError(f"{name} has no value")
            return variables[name]
        case ast.BinOp(left=left, op=ast.Pow(), right=right) if abs(eval(right, variables)) > 100:
            raise ValueError("the exponent is too large")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](eval(left, variables), eval(right, variables))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            return OPERATORS[type(op)](eval(operand, variables))
    raise ValueError(f"{type(node).__name__} is not known here")


def calculate(expression: str, variables: dict[str, float]) -> float:
    """Return the value; raises ValueError for what is no arithmetic, ZeroDivisionError for a division by zero."""
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError as error:
        raise ValueError(f"cannot read {expression!r}") from error
    return round(eval(tree.body, variables), 10)


class ExpressionEvalConfig(FunctionBaseConfig, name="expression_eval"):
    """Configuration of the tool expression_eval; it needs none."""


@register_function(config_type=ExpressionEvalConfig)
async def register_expression_eval(config: ExpressionEvalConfig, builder: Builder):
    """Register expression_eval with NAT."""

    async def _run(data: ExpressionEvalInput) -> float:
        return calculate(data.expression, data.variables)

    yield FunctionInfo.from_fn(_run, description="Evaluate an arithmetic expression with variables.")
