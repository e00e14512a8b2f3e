"""The egress proxy as a sandbox uses it: real sockets, and a server on loopback that is listed by its address."""

import contextlib
import http.server
import socket
import threading

import pytest
from gateway_support import short_folder
from patience import patient

from agenthands.errors import SettingsInvalid
from agenthands.sandbox.egress_proxy import EgressProxy
from agenthands.sandbox.egress_rules import is_public
from agenthands.schemas import BuildOptions
from agenthands.settings import load_settings

pytestmark = pytest.mark.timeout(60)


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"{self.path} {self.headers['Host']} {self.headers['Proxy-Authorization']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found.server_address[1]
        found.shutdown()


@contextlib.contextmanager
def ask(*allowed):
    with short_folder() as folder, EgressProxy(allowed).open(folder / "e") as path:

        def ask(text):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(patient(20))
                client.connect(str(path))
                client.sendall(text.encode())
                with client.makefile("rb") as answer:
                    return answer.read()

        yield ask
    assert not path.exists()


def test_a_listed_address_is_reached_by_request_and_by_tunnel(server):
    with ask(f"127.0.0.1:{server}") as send:
        request = f"GET http://127.0.0.1:{server}/a?b=c HTTP/1.1\r\nHost: other\r\nProxy-Authorization: x\r\n\r\n"
        assert send(request).endswith(f"/a?b=c 127.0.0.1:{server} None".encode())
        tunnel = f"CONNECT 127.0.0.1:{server} HTTP/1.1\r\n\r\n"
        request = "GET /d HTTP/1.1\r\nHost: own\r\nConnection: close\r\n\r\n"
        answer = send(tunnel + request)
        assert answer.startswith(b"HTTP/1.1 200 Connection established")
        assert answer.endswith(b"/d own None")


@pytest.mark.parametrize("target", [
    "example.com:443", "sub.api.example.org:443", "example.org:443", "evilexample.net:443", "127.0.0.1:443",
    "[::1]:443", "169.254.169.254:80", "api.example.org:8443", "api.example.org:22",
])  # fmt: skip
def test_what_is_not_listed_is_refused(target):
    with ask("api.example.org", "*.example.net") as send:
        assert send(f"CONNECT {target} HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"])
def test_a_listed_name_that_leads_inside_is_refused(monkeypatch, address):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (address, 443))])
    with ask("*.example.net", "api.example.org") as send:
        for host in ("a.example.net", "API.example.org."):
            answer = send(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 403")
            assert b"inside" in answer


@pytest.mark.parametrize("text", ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "CONNECT :443 HTTP/1.1\r\n\r\n",
                                  "GET ftp://a/ HTTP/1.1\r\n\r\n", "GET " + "x" * 70_000 + "\r\n\r\n",
                                  "CONNECT a:99999 HTTP/1.1\r\n\r\n"])  # fmt: skip
def test_nonsense_is_answered(text):
    with ask("a") as send:
        try:
            answer = send(text)
        except ConnectionError:  # it may close before it has read all of it
            return
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 502"))


def test_open_tunnels_end_with_the_proxy(server):
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as client:
        with EgressProxy([f"127.0.0.1:{server}"]).open(folder / "e") as path:
            client.connect(str(path))
            client.sendall(f"CONNECT 127.0.0.1:{server} HTTP/1.1\r\n\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        client.settimeout(patient(10))
        assert client.recv(100) == b""


def test_public_addresses():
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1::1")
    assert not is_public("100.64.0.1")
    assert not is_public("224.0.0.1")
    assert not is_public("fe80::1%eth0")
    assert not is_public("2002:7f00:1::")


@pytest.mark.parametrize("rule", ["https://a.com", "a b", "*", "a.*.com", ""])
def test_what_is_no_host_is_told(rule):
    with pytest.raises(SettingsInvalid, match="no host"):
        EgressProxy([rule])


def test_the_setting_is_a_list_with_commas(monkeypatch):
    monkeypatch.setenv("AGENTHANDS_EGRESS", "api.example.com, *.example.org,")
    assert load_settings(BuildOptions()).egress == ("api.example.com", "*.example.org")
    monkeypatch.delenv("AGENTHANDS_EGRESS")
    assert load_settings(BuildOptions()).egress == ()
