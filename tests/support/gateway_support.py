"""A language model for the gateway's tests, and clients on a Unix socket."""

import math
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import httpx
from patience import patient

from agenthands.llm.budget import Budget, BudgetTracker
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.settings import ModelSettings

KEY = "sk-very-secret-provider-key"
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
PRICED, UNPRICED = "gatewaytest/priced", "gatewaytest/unpriced"
seen = []


def register():
    """Make litellm know the model, and the price of one of its two names."""
    import litellm
    from gateway_model import Model

    if any(entry["provider"] == "gatewaytest" for entry in litellm.custom_provider_map):
        return
    litellm.custom_provider_map = [
        *litellm.custom_provider_map,
        {"provider": "gatewaytest", "custom_handler": Model()},
    ]
    litellm.utils.custom_llm_setup()
    price = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01}
    litellm.register_model({PRICED: {**price, "mode": "chat", "litellm_provider": "gatewaytest"}})


@contextmanager
def short_folder():
    """Return a folder with a path short enough for sockets, which pytest's own often have not."""
    folder = Path(tempfile.mkdtemp(prefix="gw", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def free():
    """Return an scope without a budget."""
    return BudgetTracker(Budget()).scope("accept")


@contextmanager
def opened(model=PRICED, budget_usd=None, seconds=math.inf, **settings):
    """Open a gateway for one of the models; it knows the `scope` that it is paid from."""
    settings = ModelSettings(**{"model": model, "api_key": KEY, "num_retries": 0, **settings})
    scope = BudgetTracker(Budget(usd=budget_usd)).scope("accept")
    with short_folder() as folder, LitellmGateway(settings, seconds).open(folder / "model.sock", scope) as gateway:
        gateway.scope = scope
        yield gateway


def client(gateway, token=None, timeout=None):
    """Return an HTTP client on the gateway's socket."""
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=str(gateway.socket)),
        base_url="http://gateway/v1",
        headers={"Authorization": f"Bearer {token or gateway.token}"},
        timeout=patient(20) if timeout is None else timeout,
    )


def openai_client(gateway):
    """Return OpenAI's own client on the gateway's socket."""
    import openai

    return openai.OpenAI(api_key=gateway.token, base_url="http://gateway/v1", http_client=client(gateway))


def ask(gateway, text="hi", **more):
    """Post one question."""
    body = {"model": "gpt-nonsense", "messages": [{"role": "user", "content": text}], **more}
    with client(gateway) as http:
        return http.post("/chat/completions", json=body)
