"""What `agenthands doctor` says of a machine."""

import pytest

from agenthands.sandbox.forkserver import client as prepared


def test_the_doctor_names_what_is_missing(agenthands):
    code, out, _ = agenthands("doctor")
    assert code == 2
    assert "GEMINI_API_KEY" in out
    assert "uid 1000" in out
    assert "note     interpreters forks of a prepared interpreter enter the sandbox\n" in out


def test_the_doctor_says_where_no_prepared_interpreter_can_enter(agenthands, monkeypatch, tmp_path):
    ends = tmp_path / "ends.py"
    ends.write_text("")
    monkeypatch.setattr(prepared, "_SCRIPT", ends)
    monkeypatch.setattr(prepared, "_all", {})
    assert "note     interpreters none can enter the sandbox here: each command" in agenthands("doctor")[1]


@pytest.mark.slow
@pytest.mark.usefixtures("nat_environment")
def test_the_doctor_says_that_nat_is_installed(agenthands, tmp_path):
    assert "environment  NAT's is installed" in agenthands("doctor", "--store", str(tmp_path))[1]


def test_the_doctor_says_what_is_not_there_in_lines_that_fit(agenthands, monkeypatch, tmp_path):
    monkeypatch.setenv("AGENTHANDS_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    lines = agenthands("doctor", "--store", str(tmp_path))[1].splitlines()
    assert "  note     environment  NAT's is not installed yet: `--install` or the first" in lines
    assert f"{'':24}starts with the first" in lines
    assert [line for line in lines if len(line) > 80 and str(tmp_path) not in line] == []


def test_the_doctor_names_the_fallback_of_each_role_and_whether_its_key_is_there(agenthands, monkeypatch, tmp_path):
    config = tmp_path / "models.toml"
    config.write_text(
        '[llm]\nmodel = "scripted/data-report"\n[llm.agent]\nmodel = "openai/gpt-4o"\n'
        '[llm.fallback]\nmodel = "openai/gpt-4o"\n'
    )
    monkeypatch.setenv("AGENTHANDS_CONFIG", str(config))
    place = ("--store", str(tmp_path / "store"))
    code, out, _ = agenthands("doctor", *place)
    assert code == 2
    assert "missing  fallback     openai/gpt-4o for planner, coder: No key for openai/gpt-4o: set OPENAI_API_KEY" in out
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nobody-may-see")
    code, out, _ = agenthands("doctor", *place)
    assert code == 0, out
    assert "ok       fallback     openai/gpt-4o for planner, coder: a key is set (not tried)\n" in out
    assert "sk-nobody" not in out
    assert "ok       model        scripted/data-report: needs no key; openai/gpt-4o: a key is set" in out
    monkeypatch.delenv("AGENTHANDS_CONFIG")
    assert "fallback" not in agenthands("doctor", *place)[1]
