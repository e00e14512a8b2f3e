import asyncio
import hashlib

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.seating_hash import SeatingHashConfig, deal, rank


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", SeatingHashConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


PEOPLE = ["Ann", "Bob", "Cy", "Di", "Ed"]


def test_rank_is_the_same_everywhere():
    assert rank("", "Ann") == int(hashlib.blake2b(b"Ann", digest_size=8).hexdigest(), 16)
    assert rank("x", "Zoë") == int(hashlib.blake2b("Zoë".encode(), key=b"x", digest_size=8).hexdigest(), 16)
    assert rank("a" * 64, "Ann") == rank("a" * 65, "Ann") != rank("a" * 63, "Ann")


@pytest.mark.parametrize("tables", [1, 2, 3, 5, 7])
def test_everybody_sits_once_and_tables_differ_by_one(tables):
    dealt = deal(PEOPLE, tables, "x")
    assert sorted(sum(dealt, [])) == PEOPLE
    assert len(dealt) == tables
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_the_order_comes_from_the_word_alone():
    expected = sorted(PEOPLE, key=lambda person: rank("w", person))
    assert deal(PEOPLE, 1, "w") == [expected] == deal(PEOPLE[::-1], 1, "w")
    assert deal(PEOPLE, 2, "w") == [expected[::2], expected[1::2]]
    assert deal(PEOPLE, 1) == [sorted(PEOPLE, key=lambda person: rank("", person))]


def test_twice():
    with pytest.raises(ValueError, match="comes twice"):
        deal(["a", "b", "a"], 2)


def test_through_nat():
    assert call(people=["Ann"], tables=1) == [["Ann"]]
    assert call(people=PEOPLE, tables=1)[0] == deal(PEOPLE, 1)[0]
    assert len(call(people=[], tables=20)) == 20
    for tables in (0, 21):
        with pytest.raises(ValueError):
            call(people=[], tables=tables)
