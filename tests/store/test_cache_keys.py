"""A key changes with everything that can change its result, and with nothing else."""

from pydantic import SecretStr
from tests_support import ROMAN_SPEC

from agenthands.llm.settings import ModelSettings
from agenthands.schemas import BuildOptions, ToolSpec
from agenthands.store import cache_keys
from agenthands.store.cache_keys import build_key, key_with_fallback, tool_key

MODEL = ModelSettings(model="gemini/gemini-2.5-pro", temperature=0.0)
PLANNER = ModelSettings(model="openai/planner")


ROMAN = ToolSpec.model_validate(ROMAN_SPEC)


def test_a_tools_key_is_of_its_specification_models_environment_gate_and_prompts(monkeypatch):
    keys = [
        tool_key(ROMAN, MODEL, PLANNER, "prompt", "a"),
        tool_key(ROMAN.model_copy(update={"purpose": "Another."}), MODEL, PLANNER, "prompt", "a"),
        tool_key(ROMAN, MODEL, PLANNER, "another prompt", "a"),
        tool_key(ROMAN, MODEL.model_copy(update={"model": "openai/x"}), PLANNER, "prompt", "a"),
        tool_key(ROMAN, MODEL.model_copy(update={"temperature": 1.0}), PLANNER, "prompt", "a"),
        tool_key(ROMAN, MODEL, PLANNER.model_copy(update={"model": "openai/x"}), "prompt", "a"),
        tool_key(ROMAN, MODEL, PLANNER, "prompt", "b"),
    ]
    monkeypatch.setattr(cache_keys, "GATE_VERSION", "next")
    keys.append(tool_key(ROMAN, MODEL, PLANNER, "prompt", "a"))
    for step in ("generate", "repair", "arbitrate"):
        monkeypatch.setattr(cache_keys, "prompt_hashes", lambda step=step: {f"{step}/system.md.j2": "changed"})
        keys.append(tool_key(ROMAN, MODEL, PLANNER, "prompt", "a"))
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("tools/") and len(key) == len("tools/") + 64 for key in keys)


def test_neither_a_key_nor_a_price_nor_another_steps_prompt_changes_it(monkeypatch):
    before = tool_key(ROMAN, MODEL, PLANNER, "prompt", "a")
    paid = MODEL.model_copy(update={"api_key": SecretStr("x"), "input_cost_per_token": 1.0, "num_retries": 9})
    assert tool_key(ROMAN, paid, PLANNER, "prompt", "a") == before
    hashes = cache_keys.prompt_hashes()
    monkeypatch.setattr(cache_keys, "prompt_hashes", lambda: {**hashes, "plan/system.md.j2": "changed"})
    assert tool_key(ROMAN, MODEL, PLANNER, "prompt", "a") == before


def with_fallback(name, **more):
    return MODEL.model_copy(update={"fallback": ModelSettings(model=name, **more)})


def test_what_a_fallback_has_a_part_in_is_found_with_the_same_fallback_alone():
    key = tool_key(ROMAN, MODEL, PLANNER, "prompt", "a")
    assert key_with_fallback(key, MODEL) == ""
    one, other = with_fallback("openai/x"), with_fallback("openai/x", api_base="http://b/v1")
    assert tool_key(ROMAN, one, PLANNER, "prompt", "a") == key, "else it is the model's"
    as_first = tool_key(ROMAN, one.fallback, PLANNER, "prompt", "a")
    keys = {key, as_first, key_with_fallback(key, one), key_with_fallback(key, other), key_with_fallback(key, one, one)}
    assert len(keys) == 5
    assert all(each.startswith("tools/") for each in keys)
    paid = with_fallback("openai/x", api_key=SecretStr("x"), num_retries=9)
    assert key_with_fallback(key, paid) == key_with_fallback(key, one)


def test_a_build_of_a_batch_is_found_with_the_same_fallback_alone():
    models = [MODEL, with_fallback("openai/x"), with_fallback("openai/y")]
    assert len({build_key("a report", BuildOptions(), [model] * 3) for model in models}) == 3


def test_a_build_of_a_batch_is_not_found_by_a_worker_that_allows_something_else():
    workers = [[], [("numpy",), ()], [(), ("numpy",)], [(), (), "another prompt"]]
    assert len({build_key("a report", BuildOptions(), [MODEL] * 3, *worker) for worker in workers}) == 4
