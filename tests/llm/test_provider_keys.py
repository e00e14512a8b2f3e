"""The table of keys says what litellm says."""

import pytest

from agenthands.llm.litellm_setup import load_litellm
from agenthands.llm.settings import KEYS, key_names


@pytest.mark.parametrize("provider", KEYS)
def test_each_variable_alone_unlocks_its_provider(provider, monkeypatch):
    validate, model = load_litellm().validate_environment, f"{provider}/some-model"
    for names in KEYS.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    locked = validate(model=model)
    assert not locked["keys_in_environment"]
    assert set(locked["missing_keys"]) <= set(KEYS[provider])
    for name in KEYS[provider]:
        with monkeypatch.context() as patch:
            patch.setenv(name, "x")
            assert validate(model=model)["keys_in_environment"], name


@pytest.mark.parametrize("provider", KEYS)
def test_a_model_of_each_provider_is_one_to_litellm_whatever_its_name(provider):
    model = f"{provider}/some-model"
    assert load_litellm().get_llm_provider(model=model)[1] == provider
    assert load_litellm().get_llm_provider(model=model, api_base="http://127.0.0.1:9/v1")[1]


def test_a_model_without_a_rule_has_no_names():
    assert key_names("ollama/qwen3") == key_names("gpt-4o") == ()
    assert key_names("gemini/gemini-2.5-pro")[0] == "GEMINI_API_KEY"
