"""Databases of worlds: made from SQL that reaches nothing else, and read as they were left."""

import importlib

import pytest
from world_support import weather

from agenthands.schemas import ToolSpec
from agenthands.world import faults
from agenthands.world.faults import world_faults
from agenthands.world.inside.agenthands_world import Worlds
from agenthands.world.staging import staged

SQL = "CREATE TABLE sales(day DATE, units INTEGER); INSERT INTO sales VALUES ('2027-01-05', 3), ('2027-02-01', 4);"


def with_database(sql=SQL, kind="duckdb", access="write"):
    example = {"arguments": {"city": "Bonn"}, "world": "usual", "expected": {}}
    worlds = {"usual": {"tables": {"shop": sql}}}
    effects = {"databases": [{"name": "shop", "kind": kind, "access": access}]}
    return weather(effects=effects, worlds=worlds, examples=[example], dependencies=["duckdb>=1.4"])


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_database_is_laid_out_anew_and_compared_with_what_it_was(tmp_path, kind):
    with staged(with_database(kind=kind), tmp_path / "world") as stage:
        worlds = Worlds(stage.described, str(tmp_path / "scratch"))
        path = worlds.enter("usual")["shop"]
        assert path.endswith(f".{kind}")
        rows = [{"day": "2027-01-05", "units": 3}, {"day": "2027-02-01", "units": 4}]
        named = {"tables": {"shop": {"sales": rows}}}
        assert worlds.left("usual", named) == {"files": {}, "tables": named["tables"], "also": []} | named
        written = importlib.import_module("sqlite3" if kind == "sqlite" else "duckdb").connect(path)
        written.execute("CREATE TABLE seen(units INTEGER)")
        written.execute("INSERT INTO sales VALUES ('2027-03-01', 5)")
        written.commit()
        written.close()
        left = worlds.left("usual", named)
        assert left["tables"]["shop"]["sales"][2] == {"day": "2027-03-01", "units": 5}
        assert left["also"] == ["shop.seen"]
        worlds.enter("usual")
        assert worlds.left("usual", named)["tables"] == named["tables"]
        worlds.leave()


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("SELEKT 1", "DuckDB says: Parser Error"),
        ("CREATE TABLE x AS SELECT * FROM read_csv('/etc/passwd')", "file system operations are disabled"),
        ("ATTACH '/tmp/other.db'", "file system operations are disabled"),
        ("SET enable_external_access = true", "the configuration has been locked"),
        ("CREATE TABLE x AS SELECT * FROM range(10000000000)", "it takes more than 1 s"),
    ],
)
def test_sql_reaches_nothing_but_its_own_database(monkeypatch, sql, fault):
    monkeypatch.setattr(faults, "_SQL_SECONDS", 1.0)
    [said] = world_faults(with_database(sql))
    assert fault in said


def test_its_package_must_be_a_dependency():
    tool = with_database()
    without = ToolSpec.model_validate(tool.model_dump(mode="json") | {"dependencies": ["pandas"]})
    assert list(world_faults(without)) == ["dependencies: a tool with a database of DuckDB needs the package duckdb."]
