import asyncio
import zlib

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.checksum_text import ChecksumTextConfig, checksum, groups


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", ChecksumTextConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("crc32", "352441c2"),
        ("adler32", "024d0127"),
    ],
)
def test_known_checksums(algorithm, expected):
    assert checksum("abc", algorithm) == expected


def test_leading_zeros_stay():
    assert checksum("", "crc32") == "00000000"


def test_text_is_utf_8():
    assert checksum("é", "crc32") == f"{zlib.crc32(bytes([0xC3, 0xA9])):08x}"


def test_groups():
    assert groups("0123456789abcdef01") == ["01234567", "89abcdef", "01"]
    assert groups("abcd", 2) == ["ab", "cd"]
    assert groups("") == []


def test_through_nat():
    assert call(text="abc", algorithm="crc32") == {"checksum": "352441c2", "groups": ["352441c2"]}
    assert call(text="abc")["checksum"] == checksum("abc", "sha256")
    with pytest.raises(ValueError):
        call(text="abc", algorithm="sha512")
