"""A key changes with everything that can change its result, and with nothing else."""

from pydantic import SecretStr
from tests_support import ROMAN_SPEC

from agenthands import cache_keys
from agenthands.cache_keys import tool_key
from agenthands.model_settings import ModelSettings
from agenthands.models import CustomTool

MODEL = ModelSettings(model="gemini/gemini-2.5-pro", temperature=0.0)


ROMAN = CustomTool.model_validate(ROMAN_SPEC)


def test_a_tools_key_is_of_its_specification_coder_environment_gate_and_prompts(monkeypatch):
    keys = [
        tool_key(ROMAN, MODEL, "prompt", "a"),
        tool_key(ROMAN.model_copy(update={"purpose": "Another."}), MODEL, "prompt", "a"),
        tool_key(ROMAN, MODEL, "another prompt", "a"),
        tool_key(ROMAN, MODEL.model_copy(update={"model": "openai/x"}), "prompt", "a"),
        tool_key(ROMAN, MODEL.model_copy(update={"temperature": 1.0}), "prompt", "a"),
        tool_key(ROMAN, MODEL, "prompt", "b"),
    ]
    monkeypatch.setattr(cache_keys, "GATE_VERSION", "next")
    keys.append(tool_key(ROMAN, MODEL, "prompt", "a"))
    for step in ("generate", "repair", "arbitrate"):
        monkeypatch.setattr(cache_keys, "prompt_hashes", lambda step=step: {f"{step}/system.md.j2": "changed"})
        keys.append(tool_key(ROMAN, MODEL, "prompt", "a"))
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("tools/") and len(key) == len("tools/") + 64 for key in keys)


def test_neither_a_key_nor_a_price_nor_another_steps_prompt_changes_it(monkeypatch):
    before = tool_key(ROMAN, MODEL, "prompt", "a")
    paid = MODEL.model_copy(update={"api_key": SecretStr("x"), "input_cost_per_token": 1.0, "num_retries": 9})
    assert tool_key(ROMAN, paid, "prompt", "a") == before
    hashes = cache_keys.prompt_hashes()
    monkeypatch.setattr(cache_keys, "prompt_hashes", lambda: {**hashes, "plan/system.md.j2": "changed"})
    assert tool_key(ROMAN, MODEL, "prompt", "a") == before
