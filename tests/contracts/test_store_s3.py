"""What only stores on an S3 server can show: accounts, buckets, a server that is away for a while or full."""

import threading
import time

import pytest
from s3_support import Cable, make_bucket, seaweed
from served_support import until

from agenthands.errors import StoreNotUsable, StoreUnavailable
from agenthands.store.fsspec_store import FsspecStore

pytestmark = pytest.mark.slow


def test_a_server_that_is_down_is_unavailable(account):
    account("http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable, match="does not answer") as caught:
        FsspecStore("s3://bucket/prefix").check()
    assert caught.value.retryable
    assert "AWS_ENDPOINT_URL" in caught.value.hint


def test_an_endpoint_that_is_no_url_is_not_usable(account):
    account("not a url")
    with pytest.raises(StoreNotUsable, match="address") as caught:
        FsspecStore("s3://bucket/prefix").check()
    assert "AWS_ENDPOINT_URL" in caught.value.hint


@pytest.mark.parametrize("wrong", [{"key": "nobody"}, {"secret": "nothing"}])
def test_wrong_credentials_are_refused_and_no_secret_is_shown(seaweed_server, account, wrong):
    account(seaweed_server, **wrong)
    store = FsspecStore("s3://bucket/x")
    for use in (store.check, lambda: store.put("a", b"x"), lambda: store.get("a"), lambda: store.keys()):
        with pytest.raises(StoreNotUsable, match="credentials are refused") as caught:
            use()
        assert "AWS_SECRET_ACCESS_KEY" in caught.value.hint
        assert not any(value in caught.value.message for value in wrong.values())


@pytest.mark.usefixtures("s3")
def test_a_missing_bucket_is_named():
    """S3 says so; SeaweedFS denies access to what this account may not make."""
    store = FsspecStore("s3://no-such-bucket/x")
    uses = [store.check, lambda: store.put("a", b"x"), lambda: store.create("a", b"x"), lambda: store.keys()]
    for use in uses:
        with pytest.raises(StoreNotUsable, match=r"s3://no-such-bucket/x .*(bucket does not exist|access is denied)"):
            use()


def test_a_connection_that_is_lost_for_20_seconds_loses_nothing(seaweed_server, account):
    cable = Cable(seaweed_server)
    account(cable.url)
    store, stop, told = FsspecStore("s3://bucket/shaken"), threading.Event(), []
    written = {}

    def write(name):
        number = 0
        while not stop.is_set():
            key, content = f"{name}/{number}", f"{name} {number} ".encode() * 50_000
            try:
                assert store.create(key, content) if number % 2 else store.put(key, content)
            except Exception as error:
                told.append(error)
                return
            written[key] = content
            number += 1

    writers = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for writer in writers:
        writer.start()
    until(lambda: told or len(written) > 5)
    before = len(written)
    cable.cut()
    time.sleep(20)
    during = len(written)
    cable.mend()
    until(lambda: told or len(written) > during + 12)
    stop.set()
    for writer in writers:
        writer.join(60)
    cable.close()
    account(seaweed_server)
    assert told == []
    assert before <= during <= before + len(writers)
    again = FsspecStore("s3://bucket/shaken")
    assert again.keys() == sorted(written)
    assert all(again.get(key) == content for key, content in written.items())


def test_a_server_that_is_full_is_a_fault_outside_and_loses_nothing(tmp_path, account):
    with seaweed(tmp_path / "small", "-master.volumeSizeLimitMB=1", "-volume.max=3") as endpoint:
        make_bucket(endpoint, "small")
        account(endpoint)
        store, kept = FsspecStore("s3://small/x", patience=2), []

        def fill():
            for number in range(100):
                store.put(str(number), str(number).encode() * 250_000)
                kept.append(str(number))

        with pytest.raises(StoreUnavailable, match="fails at the moment") as caught:
            fill()
        assert "full" in caught.value.hint
        assert kept
        assert sorted(store.keys()) == sorted(kept)
        assert all(store.get(key) == key.encode() * 250_000 for key in kept)
