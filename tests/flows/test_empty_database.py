"""The database that Prefect's embedded server begins with is what Prefect's own migrations make."""

import sqlite3
from contextlib import closing
from importlib.metadata import version

import pytest

from agenthands.flows.server import empty_database
from agenthands.flows.server.empty_database import migrated, prepare_database


def _dump(file):
    with closing(sqlite3.connect(file)) as database:
        return list(database.iterdump())


@pytest.fixture
def prepared(tmp_path):
    """The file of a database that was made at once."""
    file = tmp_path / "prefect.db"
    assert prepare_database(file), "python -m agenthands.flows.server.empty_database makes it for another Prefect"
    return file


def test_it_is_made_for_the_installed_prefect_and_nothing_else_is_left(prepared):
    assert [path.name for path in prepared.parent.iterdir()] == ["prefect.db"]
    with closing(sqlite3.connect(prepared)) as database:
        assert database.execute("SELECT count(*) FROM flow_run").fetchone() == (0,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_is_there_is_kept(prepared):
    with closing(sqlite3.connect(prepared)) as database, database:
        database.execute("CREATE TABLE ours (name)")
    assert prepare_database(prepared)
    assert any("ours" in line for line in _dump(prepared))


def test_one_that_was_left_unfinished_is_made_anew(tmp_path):
    (tmp_path / "prefect.db.unfinished").write_bytes(b"half")
    assert prepare_database(tmp_path / "prefect.db")
    assert [path.name for path in tmp_path.iterdir()] == ["prefect.db"]


@pytest.mark.parametrize(
    "change",
    [
        lambda file: sqlite3.connect(file).executescript("UPDATE alembic_version SET version_num = 'older'"),
        lambda file: sqlite3.connect(file).executescript("DELETE FROM alembic_version"),
        lambda file: sqlite3.connect(file).executescript("DROP TABLE alembic_version"),
        lambda file: file.write_bytes(b"no database" * 100),
        lambda file: (file.unlink(), file.mkdir()),
    ],
    ids=["of another revision", "of none", "without Prefect's tables", "no database", "a folder"],
)
def test_anything_else_is_left_to_prefects_migrations(prepared, change):
    change(prepared)
    assert not prepare_database(prepared)
    assert prepared.exists()


def test_another_version_of_prefect_migrates(tmp_path, monkeypatch):
    monkeypatch.setattr(empty_database, "version", lambda _: "3.8.9")
    assert not prepare_database(tmp_path / "prefect.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_is_what_prefects_migrations_make(prepared):
    made = migrated()
    assert made.startswith(f"-- Prefect {version('prefect')}\n")
    assert _in_any_order(made.partition("\n")[2]) == _in_any_order("\n".join(_dump(prepared)))


def _in_any_order(text):
    """Return the lines of each statement: the constraints of a table come in the order of a set."""
    statements = [[line.strip().rstrip(",;") for line in each.splitlines()] for each in text.split(";\n")]
    return sorted(sorted(filter(None, lines)) for lines in statements if any(lines))
