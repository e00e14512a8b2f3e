import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.expression_eval import ExpressionEvalConfig, calculate


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", ExpressionEvalConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 - 10", -3),
        ("7 / 2", 3.5),
        ("7 % 4", 3),
        ("2 ** 10", 1024),
        ("-x", -5),
        ("+x", 5),
        ("2 ** -1", 0.5),
        ("0.1 + 0.2", 0.3),
        ("1 ** 100", 1),
        ("1 / 3", 0.3333333333),
        ("x * y", 10),
    ],
)
def test_values(expression, value):
    assert calculate(expression, {"x": 5, "y": 2}) == value


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("z", "z has no value"),
        ("1 ** 101", "exponent is too large"),
        ("1 ** -101", "exponent is too large"),
        ("len(x)", "Call is not known"),
        ("x.real", "Attribute is not known"),
        ("1 // 2", "BinOp is not known"),
        ("not x", "UnaryOp is not known"),
        ("'a'", "Constant is not known"),
        ("1 +", "cannot read"),
        ("", "cannot read"),
    ],
)
def test_refused(expression, said):
    with pytest.raises(ValueError, match=said):
        calculate(expression, {"x": 1})


def test_division_by_zero():
    with pytest.raises(ZeroDivisionError):
        calculate("1 / 0", {})


def test_through_nat():
    assert call(expression="2 * (x + 1) ** 2", variables={"x": 3}) == 32
    assert call(expression="1" + "+1" * 99) == 100
    with pytest.raises(ValueError):
        call(expression="1" + "+1" * 100)
