"""Writes builds to the store and reads them. The record is written last, so half a build is never visible."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from agenthands._util.redaction import redact, redact_bytes, redact_json
from agenthands._util.untrusted_json import read_json
from agenthands.errors import RequestInvalid, StoreNotUsable, StoreUnavailable
from agenthands.packaging.bundle import unpack
from agenthands.packaging.readme import README, readme_of
from agenthands.reports.html import is_shown, render_failed_report, render_report
from agenthands.schemas import BuildRecord
from agenthands.schemas.bounds import ID
from agenthands.store.base import Store

UNPLANNED = "unplanned"
BUNDLE = "bundle.tar.gz"
_MOST_BYTES = 64 * 1024**2  # of a record, and of a file that is shown or unpacked


def agent_name(record: BuildRecord) -> str:
    """Return the agent's name; `unplanned` for a build that failed before its plan."""
    return record.plan.name if record.plan else UNPLANNED


def build_prefix(record: BuildRecord) -> str:
    """Return the key prefix of a build in its store."""
    return f"agents/{agent_name(record)}/{record.build_id}"


def publish_build(
    record: BuildRecord,
    files: Mapping[str, bytes],
    store: Store,
    finished: Callable[[BuildRecord], BuildRecord] = lambda record: record,
    replaces: bool = True,
) -> BuildRecord:
    """Write a build, without keys, and return its record with the hashes of all files.

    `files` are the bundle, sources, reports and trajectories by their names below the build. `finished` is given the
    record when they are written: what it returns is what the report and the record say of the whole build.
    An accepted build stays as it is, and its record is given: a worker that was thought dead may come back after
    another one has done its work. With `replaces` false, every record stays that is there.
    Raises StoreNotUsable or StoreUnavailable; the record is written last, so nothing half written counts.
    """
    prefix = build_prefix(record)
    if kept := _kept(store, f"{prefix}/build.json", replaces):
        return kept
    files = {name: redact_bytes(content) for name, content in files.items()}
    record = BuildRecord.model_validate(redact_json(record.model_dump(mode="json")))
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    record = record.model_copy(update={"files": dict(sorted(hashes.items()))})
    for name, content in files.items():
        _put(store, f"{prefix}/{name}", content, hashes[name])
    record = finished(record)
    report = _report(record, files).encode()
    digest = hashlib.sha256(report).hexdigest()
    _put(store, f"{prefix}/report.html", report, digest)
    record = record.model_copy(update={"files": {**record.files, "report.html": digest}})
    content = record.model_dump_json(indent=1).encode()
    if not store.create(f"{prefix}/build.json", content):
        if kept := _kept(store, f"{prefix}/build.json", replaces):
            return kept
        store.put(f"{prefix}/build.json", content)
    if record.status == "accepted":
        store.put(f"agents/{agent_name(record)}/latest", record.build_id.encode())
    return record


def _put(store: Store, key: str, content: bytes, digest: str) -> None:
    if store.put(key, content) != digest:
        raise StoreUnavailable(f"The store {store.url} gave {key} back changed.")


def all_records(store: Store, broken: Callable[[StoreNotUsable], object] | None = None) -> Iterator[BuildRecord]:
    """Yield the records of all builds, newest first. One that cannot be read is left out; `broken` gets the reason."""
    for _, key in sorted(_record_keys(store).items(), reverse=True):
        try:
            yield _seen(store, key)
        except StoreNotUsable as error:
            if broken:
                broken(error)


def find_build(store: Store, name: str) -> BuildRecord:
    """Return a build by its id, an unambiguous prefix of it, or an agent's name.

    The name stands for the agent's newest accepted build, or its newest build if none was accepted. Raises
    StoreNotUsable if there is no such build, if its record cannot be read, or if the prefix is ambiguous.
    """
    if not re.fullmatch(ID, name):
        raise StoreNotUsable(f"{name!r} is no name of a build or an agent.", "`agenthands list` shows all builds.")
    keys = _record_keys(store)
    if name in keys:
        return _seen(store, keys[name])
    of_agent = {build_id: key for build_id, key in keys.items() if key.split("/")[1] == name}
    if of_agent:
        return _newest(store, name, of_agent)
    found = [build_id for build_id in keys if build_id.startswith(name)]
    if not found:
        raise StoreNotUsable(f"There is no build {name!r} in {store.url}.", "`agenthands list` shows all builds.")
    if len(found) > 1:
        raise StoreNotUsable(f"{name!r} begins {len(found)} builds.", "Give more of the build's id.")
    return _seen(store, keys[found[0]])


def _record_keys(store: Store) -> dict[str, str]:
    """Return the keys of all records by the ids of their builds; what else lies there is none."""
    parts = [key.split("/") for key in store.keys("agents/")]
    return {
        part[2]: "/".join(part)
        for part in parts
        if len(part) == 4 and part[3] == "build.json" and re.fullmatch(ID, part[2])
    }


def _newest(store: Store, agent: str, keys: Mapping[str, str]) -> BuildRecord:
    """Return the build that `latest` names; where somebody removed or broke that, the newest accepted, else the newest.

    Raises StoreNotUsable where no record can be read.
    """
    try:
        latest = store.get(f"agents/{agent}/latest", _MOST_BYTES)[:200].decode(errors="replace").strip()
    except (KeyError, StoreNotUsable):
        latest = ""
    error: StoreNotUsable | None = None
    newest: BuildRecord | None = None
    for build_id in sorted(keys, key=lambda build_id: (build_id == latest, build_id), reverse=True):
        try:
            record = _seen(store, keys[build_id])
        except StoreNotUsable as broken:
            error = error or broken
            continue
        if record.status == "accepted":
            return record
        newest = newest or record
    if newest is None:
        assert error
        raise error
    return newest


def bundle_of(store: Store, record: BuildRecord) -> bytes:
    """Return a build's bundle, verified. Raises StoreNotUsable if it is missing or damaged."""
    return _verified(store, record, BUNDLE)


def report_of(store: Store, record: BuildRecord) -> bytes:
    """Return a build's report, verified. Raises StoreNotUsable if it is missing or damaged."""
    return _verified(store, record, "report.html")


def file_of(store: Store, record: BuildRecord, name: str) -> bytes | None:
    """Return one file of a build, compared with its hash; None where it is missing or damaged."""
    with suppress(KeyError, StoreNotUsable):
        content = store.get(f"{build_prefix(record)}/{name}", _MOST_BYTES)
        if hashlib.sha256(content).hexdigest() == record.files.get(name):
            return content
    return None


def texts_of(store: Store, record: BuildRecord) -> dict[str, str]:
    """Return the texts of a build's files that a report shows, by name; missing and damaged ones are left out."""
    wanted = [name for name in record.files if is_shown(name) or name == BUNDLE]
    read = ((name, file_of(store, record, name)) for name in wanted)
    return _texts({name: content for name, content in read if content is not None})


def _report(record: BuildRecord, files: Mapping[str, bytes]) -> str:
    """Return the HTML report; a bug in rendering makes a page that shows the bug, and does not fail the build."""
    try:
        return render_report(record, _texts(files))
    except Exception:
        return render_failed_report(record, redact(traceback.format_exc()))


def _texts(files: Mapping[str, bytes]) -> dict[str, str]:
    texts = {name: content.decode(errors="replace") for name, content in files.items() if is_shown(name)}
    return {**texts, README: readme_of(files[BUNDLE])} if BUNDLE in files else texts


def _verified(store: Store, record: BuildRecord, name: str) -> bytes:
    what = {BUNDLE: "bundle"}.get(name, "report")
    try:
        content = store.get(f"{build_prefix(record)}/{name}", _MOST_BYTES)
    except KeyError:
        raise StoreNotUsable(
            f"The build {record.build_id} has no {what}: {record.reason or record.status}.",
            f"`agenthands show {record.build_id}` says why.",
        ) from None
    if hashlib.sha256(content).hexdigest() != record.files.get(name):
        raise StoreNotUsable(f"The {what} of {record.build_id} is damaged in {store.url}.", "Build the agent again.")
    return content


def _kept(store: Store, key: str, replaces: bool) -> BuildRecord | None:
    """Return the record in the store if it must stay; else None."""
    try:
        record = _read(store, key)
    except KeyError:
        return None
    return record if record.status == "accepted" or not replaces else None


def _seen(store: Store, key: str) -> BuildRecord:
    """Return the record at a key that the store has listed. Raises StoreNotUsable."""
    try:
        return _read(store, key)
    except KeyError:
        raise StoreNotUsable(
            f"{key!r} in {store.url} is no file any more.", "`agenthands list` shows all builds."
        ) from None


def _read(store: Store, key: str) -> BuildRecord:
    """Return the record at a key. Raises StoreNotUsable where there is none that can be used, and KeyError."""
    hint = "Remove it, or put it back from a copy; the other builds are not concerned."
    content = store.get(key, _MOST_BYTES)
    try:
        record = BuildRecord.model_validate(read_json(content))
    except ValueError as error:
        raise StoreNotUsable(f"{key!r} in {store.url} is no build record: {_said(error)}.", hint) from None
    if key != f"{build_prefix(record)}/build.json":
        told = f"{agent_name(record)}, {record.build_id}"
        raise StoreNotUsable(f"{key!r} in {store.url} is the record of another build: {told}.", hint)
    return record


def _said(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error).rstrip(".")
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))[:100]
    return f"{where}: {first['msg']}".rstrip(".") if where else first["msg"].rstrip(".")


def fetch_bundle(store: Store, name: str, folder: Path, rejected: bool = False) -> None:
    """Unpack the agent of the build `name` into `folder`, which must be new or empty, completely or not at all.

    Raises RequestInvalid if the folder cannot be used, or if the agent was rejected and `rejected` does not say that it
    is wanted all the same; StoreNotUsable if the build cannot be used.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestInvalid(f"{str(folder)!r} is not an empty folder.", "Choose a new folder.")
    record = find_build(store, name)
    if record.status != "accepted" and BUNDLE in record.files and not rejected:
        raise RequestInvalid(
            f"The agent of {record.build_id} was {record.status}: {record.reason.rstrip('.')}.",
            f"`agenthands show {record.build_id}` says what failed; with --rejected it is fetched as it is.",
        )
    bundle = bundle_of(store, record)
    try:
        unpack(bundle, folder)
    except OSError as error:
        raise RequestInvalid(
            f"{str(folder)!r} cannot be written: {error.strerror}.", "Choose another folder."
        ) from None
    except ValueError as error:
        raise StoreNotUsable(f"The bundle of {name} cannot be unpacked: {error}", "Build the agent again.") from None
