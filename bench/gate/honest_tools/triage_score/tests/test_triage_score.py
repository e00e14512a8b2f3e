import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.triage_score import TriageScoreConfig, BANDS, triage


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", TriageScoreConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "scores"),
    [
        ("respiration", {0: 3, 8: 3, 9: 1, 11: 1, 12: 0, 20: 0, 21: 2, 24: 2, 25: 3}),
        ("oxygen", {91: 3, 92: 2, 93: 2, 94: 1, 95: 1, 96: 0, 100: 0}),
        ("pulse", {40: 3, 41: 1, 50: 1, 51: 0, 90: 0, 91: 1, 110: 1, 111: 2, 130: 2, 131: 3}),
    ],
)
def test_bands(name, scores):
    assert {value: BANDS[name].score(value) for value in scores} == scores


def signs(respiration=16, oxygen=98, pulse=70):
    return {"respiration": respiration, "oxygen": oxygen, "pulse": pulse}


@pytest.mark.parametrize(
    ("found", "alert", "score", "risk"),
    [
        (signs(), True, 0, "low"),
        (signs(), False, 3, "medium"),
        (signs(22, 94, 95), True, 4, "low"),
        (signs(22, 93, 95), True, 5, "medium"),
        (signs(25), True, 3, "medium"),
        (signs(22, 93, 115), True, 6, "medium"),
        (signs(25, 93, 115), True, 7, "high"),
        (signs(22, 93), False, 7, "high"),
    ],
)
def test_triage(found, alert, score, risk):
    assert triage(found, alert) == {"score": score, "risk": risk}


def test_alert_unless_said_otherwise():
    assert triage(signs()) == {"score": 0, "risk": "low"}


def test_through_nat():
    assert call(**signs()) == {"score": 0, "risk": "low"}
    assert call(**signs(0, 0, 0)) == {"score": 9, "risk": "high"}
    assert call(**signs(16, 100), alert=False)["score"] == 3
    for wrong in (signs(-1), signs(16, -1), signs(16, 101), signs(16, 98, -1)):
        with pytest.raises(ValueError):
            call(**wrong)
