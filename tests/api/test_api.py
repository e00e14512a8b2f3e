"""`import agenthands`: what it offers, how it says what is wrong, and that it costs nothing until it is used."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_type_hints

import pytest
import sample_records as samples

import agenthands
from agenthands.api import Options
from agenthands.errors import AgentHandsError, RequestInvalid, StoreNotUsable
from agenthands.schemas import BuildOptions
from agenthands.store.builds import publish_build, texts_of
from agenthands.store.fsspec_store import FsspecStore


@pytest.fixture
def store(tmp_path):
    """A store with one accepted build, and that build's record."""
    url = str(tmp_path / "store")
    files = {name: text.encode() for name, text in samples.files().items()}
    record = publish_build(samples.whole(), files, FsspecStore(url))
    return agenthands.Store(url), record


def test_what_is_public_is_there_and_named():
    assert {"build", "chat", "check", "plan", "Store", "__version__"} <= set(dir(agenthands))
    for name in agenthands.__all__:
        assert getattr(agenthands, name)
    with pytest.raises(AttributeError, match="no attribute 'talk'"):
        agenthands.talk  # noqa: B018


def test_importing_it_loads_nothing_heavy():
    code = "import sys, agenthands; print({'prefect', 'litellm', 'openhands', 'pydantic', 'rich'} & {*sys.modules})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


def test_the_options_of_the_functions_are_those_of_a_build():
    types = get_type_hints(BuildOptions)
    # Which names there are, BuildOptions says when it is asked; paths may be of either type.
    own = {"sandbox": str | None, "data": Sequence[str | Path] | None}
    assert get_type_hints(Options) == {name: own.get(name, types[name]) for name in BuildOptions.model_fields}


@pytest.mark.parametrize("function", [agenthands.build, agenthands.plan])
def test_a_wrong_option_is_named_before_anything_is_begun(function):
    with pytest.raises(RequestInvalid, match="budget: Input should be greater than 0") as caught:
        function("I want an agent", budget=-1)
    assert caught.value.exit_code == 2
    with pytest.raises(RequestInvalid, match="bugdet: Extra inputs are not permitted"):
        function("I want an agent", bugdet=1)


def test_a_folder_without_a_tool_and_an_unknown_sandbox_are_errors_of_the_users(tmp_path):
    with pytest.raises(RequestInvalid, match=r"spec\.json cannot be read"):
        agenthands.check(tmp_path)
    with pytest.raises(RequestInvalid, match="sandbox: Input should be 'bubblewrap' or 'docker'"):
        agenthands.check(tmp_path, sandbox="none")


def test_a_store_finds_what_lies_in_it(store):
    opened, record = store
    assert list(opened.builds()) == [record]
    assert opened.find(record.build_id) == opened.find(record.plan.name) == record
    assert opened.report(record).startswith(b"<!doctype html>")
    assert opened.texts(record) == texts_of(FsspecStore(opened.url), record)


def test_what_a_store_does_not_hold_is_said(store, tmp_path):
    opened, record = store
    with pytest.raises(StoreNotUsable, match="no build 'other'"):
        opened.find("other")
    with pytest.raises(AgentHandsError, match="is not an empty folder"):
        opened.fetch(record.build_id, tmp_path)
