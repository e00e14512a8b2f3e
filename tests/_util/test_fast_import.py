"""Heavy imports go without garbage collection, and nothing else does."""

import gc
import sys

import pytest

from agenthands._util.fast_import import fast_import

ABSENT = "agenthands_module_that_is_not_there"


@pytest.fixture(autouse=True)
def _collected():
    assert gc.isenabled()
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_meanwhile_and_what_is_there_is_not_looked_at_again():
    with fast_import(ABSENT):
        assert not gc.isenabled()
        made = [[] for _ in range(100)]
    assert gc.isenabled()
    assert not any(each is made for each in gc.get_objects())  # those are all but what is frozen


def test_after_an_import_that_fails_garbage_is_collected_again():
    with pytest.raises(ImportError), fast_import(ABSENT):
        __import__(ABSENT)
    assert gc.isenabled()


def test_what_a_working_process_has_made_is_not_kept_for_good(monkeypatch):
    monkeypatch.setitem(sys.modules, ABSENT, sys)
    before = gc.get_freeze_count()
    with fast_import(ABSENT):
        assert gc.isenabled()
    assert gc.get_freeze_count() == before


def test_of_two_at_once_the_inner_one_leaves_it_to_the_outer_one():
    with fast_import(ABSENT):
        with fast_import(ABSENT):
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
