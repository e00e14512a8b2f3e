"""The TOML file with the model settings."""

import pytest

from agenthands.errors import SettingsInvalid
from agenthands.llm.settings import DEFAULT_CONFIG, load_config
from agenthands.schemas import BuildOptions
from agenthands.settings import load_settings


def test_the_file_that_ships_is_the_seeds():
    model = load_config(None, {"GEMINI_API_KEY": "k"}).for_role("planner", None, None)
    assert (model.model, model.temperature, model.max_output_tokens) == ("gemini/gemini-2.5-pro", 0.2, 8192)
    assert model.api_key.get_secret_value() == "k"
    assert len(model.safety_settings) == 4
    assert {setting["threshold"] for setting in model.safety_settings} == {"BLOCK_NONE"}


def test_a_key_is_shown_to_nobody():
    config = load_config(None, {"GEMINI_API_KEY": "canary-key"})
    assert "canary-key" not in repr(config.for_role("planner", None, None))


def test_an_unset_variable_is_no_key():
    assert load_config(None, {}).for_role("planner", None, None).api_key is None


@pytest.mark.parametrize(("model", "key"), [("gemini/gemini-2.5-flash", True), ("openai/gpt-5", False), ("x", False)])
def test_a_key_goes_to_its_own_provider_alone(model, key):
    found = load_config(None, {"GEMINI_API_KEY": "k"}).for_role("coder", model, None)
    assert (found.model, found.api_key is not None, bool(found.safety_settings)) == (model, key, key)


def test_a_role_may_differ(tmp_path):
    file = tmp_path / "models.toml"
    file.write_text(DEFAULT_CONFIG.read_text() + '\n[llm.coder]\nmodel = "anthropic/x"\napi_key = "${OTHER}"\n')
    config = load_config(file, {"GEMINI_API_KEY": "g", "OTHER": "o"})
    assert config.for_role("coder", None, None).api_key.get_secret_value() == "o"
    assert config.for_role("planner", None, None).api_key.get_secret_value() == "g"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[llm", "not TOML"),
        ("", "llm"),
        ("[llm]\ntemperature = 0.2\n", "model"),
        ('[llm]\nmodel = "x/y"\ntemperature = "hot"\n', "temperature"),
        ('[llm]\nmodel = "x/y"\ntemprature = 0.2\n', "temprature"),
        ('[llm]\nmodel = "x/y"\n[llm.judge]\nmodel = "z"\n', "is no role"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, text, message):
    file = tmp_path / "models.toml"
    file.write_text(text)
    with pytest.raises(SettingsInvalid, match=message):
        load_config(file).for_role("planner", None, None)


@pytest.mark.parametrize("model", ["x/}${SECRET", "x/$(id)", "x/a b", "x/`id`", "x/'", "x/a\nb"])
def test_a_name_that_would_be_more_than_a_name_in_the_agents_files_is_refused(model):
    with pytest.raises(SettingsInvalid, match="for the agent: model"):
        load_config(None, {}).for_role("agent", model, None)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        load_config(tmp_path / "none.toml")


def test_the_command_line_wins_over_variables_and_variables_over_the_file(monkeypatch):
    monkeypatch.setenv("AGENTHANDS_PLANNER", "openai/from-variable")
    assert load_settings().model("planner").model == "openai/from-variable"
    settings = load_settings(BuildOptions(planner="openai/from-option"))
    assert {settings.model(role).model for role in ("planner", "coder", "agent")} == {"openai/from-option"}
    monkeypatch.delenv("AGENTHANDS_PLANNER")
    assert load_settings().model("coder").model == "gemini/gemini-2.5-pro"


def test_a_bad_variable_is_named(monkeypatch):
    monkeypatch.setenv("AGENTHANDS_MAX_ATTEMPTS", "many")
    with pytest.raises(SettingsInvalid, match="max_attempts") as caught:
        load_settings()
    assert "AGENTHANDS_MAX_ATTEMPTS" in caught.value.hint


FALLBACK = '\n[llm.fallback]\nmodel = "anthropic/x"\n'


def configured(tmp_path, monkeypatch, text, **options):
    (tmp_path / "models.toml").write_text(DEFAULT_CONFIG.read_text() + text)
    monkeypatch.setenv("GEMINI_API_KEY", "g")
    monkeypatch.setenv("OTHER", "o")
    return load_settings(BuildOptions(config=str(tmp_path / "models.toml"), **options))


@pytest.mark.parametrize("section", ["coder", "fallback"])
def test_the_key_of_one_provider_does_not_go_to_another_that_the_file_names(tmp_path, monkeypatch, section):
    settings = configured(tmp_path, monkeypatch, f'\n[llm.{section}]\nmodel = "anthropic/x"\n')
    found = settings.model("coder") if section == "coder" else settings.model("coder").fallback
    assert (found.model, found.api_key, found.safety_settings, found.temperature) == ("anthropic/x", None, (), 0.2)


def test_there_is_no_fallback_unless_one_is_named(tmp_path, monkeypatch):
    assert configured(tmp_path, monkeypatch, "").model("planner").fallback is None
    assert configured(tmp_path, monkeypatch, "\n[llm.fallback]\nnum_retries = 1\n").model("planner").fallback is None
    found = configured(tmp_path, monkeypatch, FALLBACK + 'api_key = "${OTHER}"\n').model("agent").fallback
    assert (found.model, found.api_key.get_secret_value(), found.fallback) == ("anthropic/x", "o", None)
    named = configured(tmp_path, monkeypatch, FALLBACK, fallback="gemini/gemini-2.5-flash").model("coder").fallback
    assert (named.model, named.api_key) == ("gemini/gemini-2.5-flash", None)
    plain = configured(tmp_path, monkeypatch, "", fallback="gemini/gemini-2.5-flash").model("coder").fallback
    assert plain.api_key.get_secret_value() == "g"


def test_a_fallback_of_the_same_provider_is_at_the_same_endpoint(tmp_path, monkeypatch):
    options = {"planner": "openai/a", "api_base": "http://a/v1"}

    def fallback(name, text=""):
        return configured(tmp_path, monkeypatch, text, fallback=name, **options).model("planner").fallback

    assert fallback("openai/b").api_base == "http://a/v1"
    assert fallback("gemini/b").api_base is None
    assert fallback("openai/a") is None, "a model does not stand in for itself"
    other = '\n[llm.fallback]\nmodel = "openai/a"\napi_base = "http://b/v1"\n'
    assert fallback(None, other).api_base == "http://b/v1"


def test_an_assumed_price_counts_for_the_fallback_too(tmp_path, monkeypatch):
    settings = configured(tmp_path, monkeypatch, FALLBACK, price="1,2")
    assert settings.model("planner").fallback.assumed_price == (1e-6, 2e-6)


ROLES = """
[llm.agent.roles.writer]
model = "anthropic/x"
api_key = "k2"
about = "plain texts"
[llm.agent.roles.sums]
model = "gemini/gemini-2.5-flash"
"""


@pytest.fixture
def with_roles(tmp_path):
    file = tmp_path / "models.toml"
    file.write_text(DEFAULT_CONFIG.read_text() + ROLES)
    return file


def test_agents_of_a_team_may_have_models_of_their_own(with_roles, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    roles = load_settings(BuildOptions(config=str(with_roles))).model("agent").roles
    told = {role: (model.model, model.about, model.api_key.get_secret_value()) for role, model in roles.items()}
    assert told == {
        "writer": ("anthropic/x", "plain texts", "k2"),
        "sums": ("gemini/gemini-2.5-flash", "", "k"),
    }


def test_an_option_names_the_model_of_a_role_and_what_it_is_for(with_roles):
    options = BuildOptions(
        config=str(with_roles), agent_models={"writer": "openai/y", "critic": "openai/z for  criticism"}
    )
    settings = load_settings(options)
    roles = settings.model("agent").roles
    assert {role: (model.model, model.about) for role, model in roles.items()} == {
        "writer": ("openai/y", "plain texts"),
        "sums": ("gemini/gemini-2.5-flash", ""),
        "critic": ("openai/z", "for criticism"),
    }
    assert roles["writer"].api_key is None, "the key belongs to another provider"
    assert settings.models()["agent critic"].model == "openai/z"
    assert settings.model("coder").roles == {}


def test_roles_from_a_variable(monkeypatch):
    monkeypatch.setenv("AGENTHANDS_AGENT_MODELS", "writer=openai/y plain texts; sums=openai/z")
    roles = load_settings(None).model("agent").roles
    assert {role: (model.model, model.about) for role, model in roles.items()} == {
        "writer": ("openai/y", "plain texts"),
        "sums": ("openai/z", ""),
    }


@pytest.mark.parametrize("given", ["writer", "Writer=x/y", "writer= ", "a b=x/y"])
def test_a_role_that_cannot_be_is_refused(monkeypatch, given):
    monkeypatch.setenv("AGENTHANDS_AGENT_MODELS", given)
    with pytest.raises(SettingsInvalid, match="agent_models"):
        load_settings(None)
