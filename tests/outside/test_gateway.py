"""The gateway to real hosts, asked as a sandbox asks it, and what hosts do that nobody expects."""

import gzip
import socket
import ssl

import httpx
import pytest
from patience import patient
from real_host import KEY, echo, real_host, silent

from agenthands.outside.forwarding import MOST_BYTES, Forwarder
from agenthands.outside.gateway import OutsideGateway, outside
from agenthands.outside.keys import Hider, Key
from agenthands.outside.rights import HostRight, rights_of
from agenthands.sandbox.egress_rules import EgressRule
from agenthands.world.certificates import authority_certificate

pytestmark = pytest.mark.timeout(120)
HOST, OTHER = "api.weather.example", "other.example.org"


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Open a gateway to a real host, or to what a rule says; returns a client and the gateway."""
    ends = []

    def opened(answer=echo, rule=None, trusted=True, methods=("GET", "HEAD"), seconds=30):
        host = real_host(tmp_path, HOST, OTHER, answer=answer, trusted=trusted)
        server, store = host.__enter__()
        ends.append(host)
        monkeypatch.setenv("SSL_CERT_FILE", str(store))
        keys = [Key("WEATHER_API_KEY", KEY, "placeholder-of-the-key")]
        rights = [HostRight(HOST, methods, ["DELETE"], keys), HostRight(OTHER, ["GET"])]
        rules = [
            EgressRule.parse(each) for each in ([server.rule(HOST), server.rule(OTHER)] if rule is None else [rule])
        ]
        gateway = OutsideGateway(rights, rules, tmp_path)
        gateway._forwarder = Forwarder(rules, seconds)
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        end = gateway.take(443, listening)
        trust = ssl.create_default_context(cadata=authority_certificate().decode())
        client = httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trust, timeout=patient(60), trust_env=False)

        def ask(method="GET", path="/v1/now", host=HOST, **given):
            headers = {"Host": host, "X-Api-Key": "placeholder-of-the-key", **given.pop("headers", {})}
            if host != HOST and headers["X-Api-Key"] == "placeholder-of-the-key":
                del headers["X-Api-Key"]
            return client.request(method, path, headers=headers, extensions={"sni_hostname": host}, **given)

        ask.server, ask.gateway = server, gateway
        ends.extend([gateway, client])
        monkeypatch.setattr(gateway, "_ended", end, raising=False)
        return ask

    yield opened
    for end in reversed(ends):
        end.close() if hasattr(end, "close") else end.__exit__(None, None, None)


def code(answer):
    return answer.status_code, answer.json()["error"]


def test_only_declared_methods_pass_and_writes_are_withheld(opened):
    ask = opened()
    assert ask().json()["method"] == "GET"
    assert ask("HEAD").headers["content-type"] == "application/json"
    assert code(ask("POST", content="x")) == (403, "method_undeclared")
    assert code(ask("DELETE")) == (403, "write_not_allowed")
    assert [each["method"] for each in ask.server.asked] == ["GET", "HEAD"]


def test_a_key_goes_to_its_own_host_alone(opened):
    ask = opened()
    answer = ask(host=OTHER, headers={"X-Api-Key": "Bearer placeholder-of-the-key"})
    assert code(answer) == (403, "key_misplaced")
    assert "WEATHER_API_KEY" in answer.json()["message"]
    assert ask(host=OTHER).json()["headers"]["host"] == OTHER
    assert KEY not in str(ask.server.asked)


def test_a_key_that_comes_back_encoded_and_compressed_is_hidden(opened):
    import base64

    told = f"{KEY} {base64.b64encode(b'u:' + KEY.encode()).decode()}".encode()
    ask = opened(lambda _: (200, {"Content-Encoding": "gzip", "X-Other": KEY}, gzip.compress(told)))
    answer = ask()
    assert KEY not in answer.text + str(answer.headers)
    assert answer.text.count("placeholder-of-the-key") == 2
    assert "content-encoding" not in answer.headers
    (met,) = ask.gateway.recorder.since(0)
    assert KEY.encode() not in met.answer
    assert met.status == 200


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_key_is_hidden_where_pieces_cut_it(size):
    text = (b"x" * 500 + KEY.encode()) * 20
    pieces = (text[start : start + size] for start in range(0, len(text), size))
    hidden = b"".join(Hider([Key("K", KEY, "P")]).pieces(pieces))
    assert hidden == text.replace(KEY.encode(), b"P")


def test_twenty_megabytes_pass_and_are_not_kept_and_more_is_refused(opened):
    sizes = iter([20 * 1024**2, MOST_BYTES + 1])
    ask = opened(lambda _: (200, {}, b"x" * next(sizes)))
    assert len(ask().content) == 20 * 1024**2
    assert code(ask()) == (502, "answer_too_long")
    first, second = ask.gateway.recorder.since(0)
    assert (first.cut, first.answer, second.fault) == (True, b"", "answer_too_long")


def test_a_little_that_becomes_very_much_is_broken_off(opened):
    ask = opened(lambda _: (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(MOST_BYTES + 100_000))))
    with pytest.raises(httpx.HTTPError):
        ask()
    assert ask.gateway.recorder.since(0)[0].fault == "answer_too_long"


def test_a_host_that_never_answers_and_one_whose_certificate_does_not_verify(opened):
    assert code(opened(silent, seconds=0.5)()) == (504, "no_answer")


def test_a_certificate_that_does_not_verify_is_told(opened):
    answer = opened(trusted=False)()
    assert code(answer) == (502, "certificate_invalid")
    assert "does not verify" in answer.json()["message"]


def test_a_redirect_to_a_host_that_is_not_declared_is_told_and_not_followed(opened):
    ask = opened(lambda _: (302, {"Location": "https://evil.example/steal"}, b""))
    assert ask().status_code == 302
    assert ask.gateway.recorder.since(0)[0].elsewhere == "evil.example"
    inside = opened(lambda _: (302, {"Location": "/v2/now"}, b""))
    inside()
    assert inside.gateway.recorder.since(0)[0].elsewhere == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "fd00::1", "::ffff:10.0.0.1"])
def test_a_name_that_leads_inside_is_refused(opened, monkeypatch, address):
    ask = opened(rule=HOST)
    own = socket.getaddrinfo

    def resolve(host, *rest, **named):
        return [(socket.AF_INET, 1, 6, "", (address, 443))] if host == HOST else own(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert code(ask()) == (403, "address_inside")


def test_an_address_that_the_user_listed_may_be_led_to(monkeypatch):
    from agenthands.sandbox.egress_rules import addresses_of

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("10.0.0.7", 443))])
    rules = [EgressRule.parse(HOST), EgressRule.parse("10.0.0.7")]
    assert addresses_of(HOST, 443, rules) == [("10.0.0.7", 443)]
    assert addresses_of(HOST, 443, [EgressRule.parse(f"{HOST}=10.0.0.9:8443")]) == [("10.0.0.9", 8443)]


def test_a_host_that_is_not_there(opened):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert code(opened(rule=f"{HOST}=127.0.0.1:{port}")()) == (502, "not_reached")


def test_without_rights_there_is_no_gateway(tmp_path):
    with outside([], [], tmp_path / "none") as opened:
        assert opened is None
    assert rights_of([], [], lambda _: True) == []
