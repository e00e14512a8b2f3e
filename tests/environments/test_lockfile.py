"""Locks as texts: what one has beyond another, what two have in common, and what is not for this machine."""

import re

import pytest

from agenthands.environments.lockfile import entries, merged, same_packages, without_packages
from agenthands.environments.uv import LOCKS

HERE, ELSEWHERE = "python_version >= '3'", "sys_platform == 'a-moon'"


def entry(name, version="1.0", hashes="a", marker=""):
    first = f"{name}=={version}" + (f" ; {marker}" if marker else "")
    return " \\\n    ".join([first, *(f"--hash=sha256:{each}" for each in hashes)]) + "\n"


def test_an_entry_ends_where_the_next_begins():
    lock = entry("a", hashes="ab") + entry("b-c", marker=HERE) + entry("d")
    assert entries(lock) == {"a": entry("a", hashes="ab"), "b-c": entry("b-c", marker=HERE), "d": entry("d")}
    assert without_packages(lock, {"b-c"}) == entry("a", hashes="ab") + entry("d")


def test_a_lock_gets_what_another_has_more():
    base = entry("a") + entry("c")
    assert merged(base, entry("b") + entry("c", hashes="xyz")) == entry("a") + entry("b") + entry("c")


def test_a_lock_that_another_adds_nothing_to_stays_as_it_is():
    base = "# a comment\n" + entry("a", marker=HERE)
    assert merged(base, entry("a")) == base
    nat = (LOCKS / "nat.lock").read_text()
    assert merged(nat, "") == nat


def test_every_package_of_nats_lock_is_read():
    nat = (LOCKS / "nat.lock").read_text()
    assert len(entries(nat)) == len(re.findall("^[a-z]", nat, re.MULTILINE)) > 100
    more = merged(nat, entry("ah-more"))
    assert without_packages(more, {"ah-more"}) == nat


def test_an_entry_that_is_not_for_this_machine_gives_way():
    base = entry("a") + entry("b", marker=ELSEWHERE)
    assert merged(base, entry("b", "2.0")) == entry("a") + entry("b", "2.0")


@pytest.mark.parametrize(
    ("wanted", "same"),
    [
        (entry("a"), True),
        (entry("a", hashes="ab"), True),
        (entry("a", marker=HERE), True),
        (entry("a", "1.1"), False),
        (entry("a", hashes="b"), False),
        (entry("a", hashes=""), False),
        (entry("a", marker=ELSEWHERE), False),
        ("a==1.0 ; what is this \\\n    --hash=sha256:a\n", False),
        (entry("c"), False),
    ],
)
def test_what_two_locks_have_in_common_has_the_version_and_no_other_file(wanted, same):
    assert same_packages(entry("a") + entry("b"), wanted + entry("d")) == ({"a"} if same else set())


def test_a_package_of_the_base_counts_only_where_it_was_installed_with_its_hash():
    assert same_packages(entry("a", hashes=""), entry("a")) == set()
    assert same_packages(entry("a", marker=ELSEWHERE), entry("a")) == set()
