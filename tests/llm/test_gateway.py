"""The gateway: real uvicorn on a Unix socket, real litellm; only the language model is a double."""

import json
import socket
import threading
import time
from pathlib import Path

import pytest
from gateway_support import (
    KEY,
    PRICED,
    UNPRICED,
    WEATHER,
    ask,
    client,
    free,
    openai_client,
    opened,
    register,
    seen,
    short_folder,
)
from patience import patient

from agenthands.errors import ModelUnavailable, SettingsInvalid
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.litellm_setup import load_litellm
from agenthands.llm.settings import ModelSettings
from agenthands.schemas import Tokens

pytestmark = pytest.mark.timeout(60)
QUESTION = [{"role": "user", "content": "hi"}]


@pytest.fixture(autouse=True)
def _model():
    load_litellm()
    register()
    seen.clear()


@pytest.fixture
def gateway():
    with opened() as gateway:
        yield gateway


def test_a_wrong_token_is_refused_and_reaches_no_model(gateway):
    with client(gateway, token="wrong") as http:
        answers = [http.get("/models"), http.post("/chat/completions", json={"messages": QUESTION})]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[1].json()["error"]["code"] == "invalid_api_key"
    assert seen == []
    assert gateway.usage.requests == 0


def test_every_gateway_has_a_token_of_its_own(gateway):
    with opened() as other, client(other, token=gateway.token) as http:
        assert http.get("/models").status_code == 401


def test_the_one_model_is_listed(gateway):
    assert [model.id for model in openai_client(gateway).models.list()] == ["agent"]


def test_a_plain_answer(gateway):
    answer = openai_client(gateway).chat.completions.create(model="gpt-nonsense", messages=QUESTION)
    assert answer.choices[0].message.content == "Hello."
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (10, 5)


def test_the_configured_model_is_asked_with_the_allowed_parameters_alone(gateway):
    unsafe = {
        "api_base": "http://evil",
        "api_key": "x",
        "user": "u",
        "n": 50,
        "metadata": {"a": 1},
        "mock_response": "m",
    }
    message = {"role": "user", "content": "hi", "images": [{"image_url": {"url": "http://evil/?data=secret"}}]}
    answer = ask(gateway, messages=[message], temperature=0.5, tools=[WEATHER], **unsafe)
    assert answer.json()["choices"][0]["message"]["content"] == "Hello."
    [call] = seen
    assert call["model"] == "priced"
    assert call["api_key"] == KEY
    assert call["api_base"] != "http://evil"
    assert call["messages"] == QUESTION
    assert call["optional_params"] == {"max_tokens": 16_384, "tools": [WEATHER]}


def test_the_settings_decide_how_the_model_is_called_as_they_do_in_the_agents_package():
    with opened(temperature=0.2, max_output_tokens=77) as gateway:
        ask(gateway)
        ask(gateway, temperature=1.0, max_tokens=5)
    assert [call["optional_params"] for call in seen] == [{"temperature": 0.2, "max_tokens": 154}] * 2


def test_tool_calls(gateway):
    message = ask(gateway, "tools", tools=[WEATHER]).json()["choices"][0]["message"]
    assert message["content"] is None
    assert [
        (call["function"]["name"], json.loads(call["function"]["arguments"])) for call in message["tool_calls"]
    ] == [
        ("weather", {"city": "Oslo"}),
        ("weather", {"city": "Rome"}),
    ]


@pytest.mark.parametrize("include_usage", [True, False])
def test_a_stream(gateway, include_usage):
    chunks = list(
        openai_client(gateway).chat.completions.create(
            model="m", messages=QUESTION, stream=True, stream_options={"include_usage": include_usage}
        )
    )
    told = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in told) == "Hello."
    assert [choice.finish_reason for choice in told] == [None, "stop"]
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == [15] * include_usage


def test_streamed_tool_calls(gateway):
    question = [{"role": "user", "content": "tools"}]
    with openai_client(gateway).chat.completions.stream(model="m", messages=question, tools=[WEATHER]) as events:
        chunks = [event.chunk for event in events if event.type == "chunk"]
        choice = events.get_final_completion().choices[0]
    told = [call for chunk in chunks for part in chunk.choices for call in part.delta.tool_calls or []]
    assert [call.index for call in told] == [0, 1]
    assert choice.finish_reason == "tool_calls"
    assert [call.function.arguments for call in choice.message.tool_calls] == ['{"city": "Oslo"}', '{"city": "Rome"}']


def test_a_stream_ends_as_openai_ends_one(gateway):
    answer = ask(gateway, stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("data: [DONE]\n\n")


def test_usage_and_cost_are_counted(gateway):
    ask(gateway)
    ask(gateway, stream=True)
    assert gateway.usage.requests == 2
    cost, tokens = gateway.scope.paid
    assert (cost, tokens) == (pytest.approx(2 * (10 * 0.001 + 5 * 0.01)), Tokens(prompt=20, completion=10, cached=8))
    one, other = (call.as_json() for call in gateway.usage.calls)
    assert one["cost_usd"] == other["cost_usd"] == pytest.approx(10 * 0.001 + 5 * 0.01)
    assert one["tokens"] == {"prompt": 10, "completion": 5, "cached": 4, "written": 0}
    assert (one["model"], one["error"]) == (PRICED, "")
    assert one["at"] <= other["at"]
    assert "Hello" not in json.dumps([one, other]), "what was said is not in the log"


def test_an_unknown_price_is_none():
    with opened(UNPRICED) as gateway:
        assert ask(gateway).status_code == 200
        assert gateway.scope.paid[0] is None


def test_the_budget_ends_the_answers():
    with opened(budget_usd=0.1) as gateway:
        answers = [ask(gateway) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 402]
    assert answers[2].json()["error"]["code"] == "budget_exceeded"
    assert gateway.usage.requests == 2


def test_a_budget_that_cannot_be_kept_ends_the_answers_too():
    with opened(UNPRICED, budget_usd=100) as gateway:
        ask(gateway)
        answer = ask(gateway)
    assert answer.status_code == 402
    assert "unknown" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("text", "status", "kind"),
    [
        ("limit", 429, "rate_limit_error"),
        ("refuse", 401, "authentication_error"),
        ("bad", 400, "invalid_request_error"),
        ("crash", 500, "api_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_providers_error_keeps_its_status_and_loses_its_secrets(gateway, text, status, kind, stream):
    answer = ask(gateway, text, stream=stream)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    [kept] = gateway.usage.errors
    assert [call.error for call in gateway.usage.calls] == [kept]
    assert kept == answer.json()["error"]["message"]
    assert "\n" not in kept
    for secret in (KEY, "very-", "pass-word", "AIzaXyz12"):
        assert secret not in kept


def test_a_key_of_the_environment_is_not_told(gateway, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "no such option")
    assert "no such option" not in ask(gateway, "bad").text


def test_openais_client_does_not_repeat_what_the_gateway_has_repeated(gateway):
    import openai

    with pytest.raises(openai.RateLimitError):
        openai_client(gateway).chat.completions.create(model="m", messages=[{"role": "user", "content": "limit"}])
    assert len(seen) == 1


def test_gateways_side_by_side_and_one_after_the_other(capfd):
    results = []

    def build():
        for _ in range(2):
            with opened() as gateway:
                results.append(ask(gateway).status_code)

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [200] * 6
    assert len({call["loop"] for call in seen}) == 1  # litellm gets confused by several
    assert "Error" not in capfd.readouterr().err


def test_nothing_is_left_behind():
    with short_folder() as folder:
        with LitellmGateway(ModelSettings(model=PRICED)).open(folder / "model.sock", free()):
            assert (folder / "model.sock").is_socket()
        assert list(folder.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "model-gateway"]


def test_a_socket_that_a_dead_process_left_is_replaced():
    with short_folder() as folder:
        path = folder / "model.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        with LitellmGateway(ModelSettings(model=PRICED)).open(path, free()) as gateway:
            assert ask(gateway).status_code == 200


def test_a_path_too_long_for_a_socket():
    with (
        pytest.raises(SettingsInvalid, match="107"),
        LitellmGateway(ModelSettings(model=PRICED)).open(Path("/tmp") / ("x" * 110), free()),
    ):
        pass


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_folder_that_is_not_there():
    gateway = LitellmGateway(ModelSettings(model=PRICED))
    began = time.monotonic()
    with pytest.raises(ModelUnavailable, match="No such file"), gateway.open(Path("/nonexistent/model.sock"), free()):
        pass
    assert time.monotonic() - began < patient(10)


def test_a_role_chooses_among_the_agents_own_models_and_no_other():
    seen.clear()
    roles = {"texts": ModelSettings(model=UNPRICED, api_key="texts-key", num_retries=0)}
    with opened(roles=roles) as gateway:
        for name in ("agent", "agent_texts", "agent_other", UNPRICED):
            said = openai_client(gateway).chat.completions.create(
                model=name, messages=[{"role": "user", "content": "Hi"}]
            )
            assert said.model == ("agent_texts" if name == "agent_texts" else "agent")
        assert [each.id for each in openai_client(gateway).models.list()] == ["agent", "agent_texts"]
    assert [(each.role, each.model) for each in gateway.usage.calls] == [
        ("", PRICED), ("texts", UNPRICED), ("", PRICED), ("", PRICED),
    ]  # fmt: skip


def test_a_model_that_is_at_fault_blames_no_other():
    import openai

    with opened(roles={"texts": ModelSettings(model=UNPRICED, api_key=KEY, num_retries=0)}) as gateway:
        client = openai_client(gateway)
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="agent_texts", messages=[{"role": "user", "content": "refuse"}])
        said = client.chat.completions.create(model="agent", messages=[{"role": "user", "content": "Hi"}])
        assert said.choices[0].message.content == "Hello."
