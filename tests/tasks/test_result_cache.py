"""The block of the store, on a server where nobody has made it yet."""

import pytest
from prefect.exceptions import ObjectAlreadyExists

from agenthands.settings import Settings
from agenthands.tasks import result_cache as result_storage
from agenthands.tasks.result_cache import StoreResults, results_in


class NewServer:
    """A Prefect server without the block, on which other runs make its type a moment earlier, so many times."""

    def __init__(self, monkeypatch, earlier):
        self.earlier, self.saved = earlier, []
        monkeypatch.setattr(result_storage, "_saved", {})
        monkeypatch.setattr(StoreResults, "load", self.load)
        monkeypatch.setattr(StoreResults, "save", self.save)

    def load(self, name):
        raise ValueError(name)

    def save(self, name, overwrite):
        assert overwrite
        self.earlier -= 1
        if self.earlier >= 0:
            raise ObjectAlreadyExists(http_exc=ValueError(name))
        self.saved.append(name)


def test_runs_that_make_the_block_at_the_same_time_all_get_it(monkeypatch, tmp_path):
    server = NewServer(monkeypatch, earlier=3)  # its type, its schema, the block
    settings = Settings(store=str(tmp_path))
    assert results_in(settings) is results_in(settings)
    assert len(server.saved) == 1


def test_what_cannot_be_saved_is_said(monkeypatch, tmp_path):
    NewServer(monkeypatch, earlier=99)
    with pytest.raises(ObjectAlreadyExists):
        results_in(Settings(store=str(tmp_path)))
