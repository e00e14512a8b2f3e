"""Real S3 servers on loopback: SeaweedFS, and moto; and a way there that can be cut."""

import json
import random
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from sys import executable

import httpx
from patience import patient

WEED = Path(executable).parent / "weed"
KEY, SECRET = "a-test", "a-secret"
_ADMIN = ("an-admin", "an-admins-secret")  # SeaweedFS makes the buckets that an administrator writes to


def _identity(key, secret, *actions):
    return {"name": key, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


_IDENTITIES = [_identity(KEY, SECRET, "Read", "Write", "List", "Tagging"), _identity(*_ADMIN, "Admin")]


def variables(endpoint, key=KEY, secret=SECRET):
    """What a user sets for such a server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }


@contextmanager
def seaweed(folder, *options):
    """Run SeaweedFS with its S3 gateway; returns the endpoint's URL. Its gRPC ports are 10,000 above the others."""
    (folder / "data").mkdir(parents=True)
    (folder / "s3.json").write_text(json.dumps({"identities": _IDENTITIES}))
    # Below the ports that the system gives to everybody who asks for any: from 32,768 on.
    ports = [port for port in random.sample(range(11000, 22000), 40) if _free(port) and _free(port + 10000)][:4]
    names = ("master.port", "volume.port", "filer.port", "s3.port")
    command = [
        WEED, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
        f"-s3.config={folder / 's3.json'}", *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
        "-s3.port.iceberg=0", "-s3.port.lance=0", *options,
    ]  # fmt: skip
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            url = f"http://127.0.0.1:{ports[-1]}"
            _wait_for(url, server, folder / "log")
            yield url
        finally:
            server.kill()
            server.wait()
            shutil.rmtree(folder / "data", ignore_errors=True)


@contextmanager
def moto():
    """Run moto's S3 in this process; returns the endpoint's URL."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def make_bucket(endpoint, name):
    import botocore.session

    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=_ADMIN[0],
        aws_secret_access_key=_ADMIN[1],
    )
    client.create_bucket(Bucket=name)


class Cable:
    """A TCP way to a server, which can be cut: connections end at once, and new ones are refused."""

    def __init__(self, endpoint):
        self._target = ("127.0.0.1", int(endpoint.rpartition(":")[2]))
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self._cut.set()
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self):
        self._cut.clear()

    def close(self):
        self.cut()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._cut.is_set():
                near.close()
                continue
            far = socket.create_connection(self._target)
            self._open |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source, target):
        with suppress(OSError):
            while block := source.recv(65536):
                target.sendall(block)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
            self._open.discard(each)


def _free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _wait_for(url, server, log):
    deadline = time.monotonic() + patient(60)
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()[-2000:]
        with suppress(httpx.HTTPError):
            if httpx.get(url, timeout=patient(2)).status_code in (200, 403):
                make_bucket(url, "ready")
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text()[-2000:])
