import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.morse_code import MorseCodeConfig, LETTERS, encode, translate


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", MorseCodeConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SOS", "... --- ..."),
        ("A B", ".- / -..."),
        ("CQ DX", "-.-. --.- / -.. -..-"),
        ("2024", "..--- ----- ..--- ....-"),
        ("THE QUICK BROWN FOX", "- .... . / --.- ..- .. -.-. -.- / -... .-. --- .-- -. / ..-. --- -..-"),
        ("JUMPS LAZY VG", ".--- ..- -- .--. ... / .-.. .- --.. -.-- / ...- --."),
        ("13567890", ".---- ...-- ..... -.... --... ---.. ----. -----"),
    ],
)
def test_both_ways(text, code):
    assert translate(text) == code
    assert translate(code) == text


def test_case_and_spaces():
    assert encode("  a   b ") == ".- / -..."


@pytest.mark.parametrize(
    ("text", "sign"), [("A!", "'!'"), ("ä", "'Ä'"), ("... .......", r"'\.\.\.\.\.\.\.'"), (".-.-.-", "'")]
)
def test_unknown(text, sign):
    with pytest.raises(ValueError, match=f"{sign}.* is not in Morse code"):
        translate(text)


def test_the_code_is_complete():
    assert len(LETTERS) == 36


def test_through_nat():
    assert call(text="E t") == ". / -"
