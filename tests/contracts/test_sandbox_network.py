"""One suite for every sandbox: what each network policy lets it reach."""

import contextlib
import socket
import threading

import pytest
from gateway_support import short_folder
from sandbox_support import python, sh
from web_support import serve_text

from agenthands.sandbox.egress_proxy import EgressProxy

pytestmark = pytest.mark.slow


@pytest.fixture
def web():
    with serve_text("the answer") as port:
        yield port


@pytest.fixture
def model():
    """A model gateway that always says the same."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nthe model"
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "m"))
        server.listen()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        client.recv(65536)
                        client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield folder / "m"
        server.shutdown(socket.SHUT_RDWR)


ASK = """
import os, sys, urllib.request
def ask(url, proxy):
    request = urllib.request.Request(url)
    if proxy:  # by hand: NO_PROXY names this address
        request.set_proxy(proxy.removeprefix("http://"), "http")
    try:
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=100).read().decode()
    except OSError as error:
        return type(error).__name__ + str(getattr(error, "code", ""))
print(ask(os.environ.get("AGENTHANDS_MODEL_URL", "http://127.0.0.1:8765"), None))
for port in sys.argv[1:]:
    print(ask(f"http://127.0.0.1:{port}/", os.environ.get("HTTP_PROXY", "http://127.0.0.1:8766")))
    print(ask(f"http://127.0.0.1:{port}/", None))
"""


@pytest.mark.parametrize(("network", "answers"), [
    ("none", ["URLError", "URLError", "URLError", "URLError", "URLError"]),
    ("model", ["the model", "URLError", "URLError", "URLError", "URLError"]),
    ("egress", ["the model", "the answer", "URLError", "HTTPError403", "URLError"]),
])  # fmt: skip
def test_the_network_policy_decides_what_is_reached(run, web, model, network, answers):
    with short_folder() as folder, EgressProxy([f"127.0.0.1:{web}"]).open(folder / "e") as egress:
        sockets = {"model_socket": model, "egress_socket": egress}
        result = run(*python(ASK), str(web), str(web + 1), network=network, **sockets)
    assert result.stdout.decode().splitlines() == answers, result.stderr


def test_the_models_address_is_told_in_variables(run, model):
    variables = {"BASE": "{model_url}", "OTHER": "{x}"}
    result = run(*sh("echo $BASE $OTHER; exit 3"), network="model", model_socket=model, variables=variables)
    assert (result.exit_code, result.stdout) == (3, b"http://127.0.0.1:8765/v1 {x}\n")
