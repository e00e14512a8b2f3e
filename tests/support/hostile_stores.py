"""Stores that somebody has tampered with: each function takes the folder of a store with one build, and changes it."""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile

from sample_records import BUILD_ID

AGENT = "currency-agent"
BUILD = f"agents/{AGENT}/{BUILD_ID}"
EVIL = "\x1b[31mRED\x1b]8;;http://evil/\x07link\u202eRTL\u200b\x9b31m\r\nError: forged\x00\x7f"


def record(change):
    """Change the record in place by a function."""

    def tamper(store):
        path = store / BUILD / "build.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return tamper


def value(*path, to):
    """Put a value at a path of the record."""

    def change(document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = to

    return record(change)


def content(name, raw):
    """Put bytes in a file of the store, whatever is there."""

    def tamper(store):
        path = store / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)

    return tamper


def bundle(raw):
    """Put another bundle in place, with its hash in the record."""

    def tamper(store):
        content(f"{BUILD}/bundle.tar.gz", raw)(store)
        value("files", "bundle.tar.gz", to=hashlib.sha256(raw).hexdigest())(store)

    return tamper


def packed(*entries, zipped=True):
    """Return an archive: of names with bytes for files, None for folders, or a type with where a link leads."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, what in entries:
            entry = tarfile.TarInfo(name)
            if isinstance(what, bytes):
                entry.size, entry.mode = len(what), 0o6755
            elif what is None:
                entry.type = tarfile.DIRTYPE
            else:
                entry.type, entry.linkname = what
            archive.addfile(entry, io.BytesIO(what if isinstance(what, bytes) else b""))
    return gzip.compress(raw.getvalue()) if zipped else raw.getvalue()


def replaced(name, make):
    """Put something that is no file in the place of one."""

    def tamper(store):
        (store / name).unlink(missing_ok=True)
        make(store / name)

    return tamper


def without(name):
    """Remove a file or a folder."""
    return lambda store: shutil.rmtree(store / name) if (store / name).is_dir() else (store / name).unlink()


def escapes(document):
    """Put control characters wherever a text is free."""
    document["reason"] = document["plan"]["summary"] = document["plan"]["reasoning"] = EVIL
    document["request"]["request"] = document["request"]["planner"] = EVIL
    document["versions"] = {EVIL: EVIL}
    document["models"] = {"planner": EVIL, EVIL: "x"}
    document["mcp_servers"] = []
    for tool in document["tools"]:
        tool["reason"] = tool["reason_code"] = EVIL
        for check in tool["gate"]["checks"]:
            check["detail"] = EVIL
    for case in document["acceptance"]["cases"]:
        case["answer"] = case["error"] = case["id"] = EVIL
        case["tools_called"] = [EVIL]


SHOWN = {
    "latest_dangling": content(f"agents/{AGENT}/latest", b"20990101-000000-000000"),
    "latest_binary": content(f"agents/{AGENT}/latest", b"\xff\xfe\x00"),
    "latest_path": content(f"agents/{AGENT}/latest", b"../../x"),
    "latest_escape": content(f"agents/{AGENT}/latest", EVIL.encode()),
    "latest_folder": replaced(f"agents/{AGENT}/latest", os.mkdir),
    "latest_pipe": replaced(f"agents/{AGENT}/latest", os.mkfifo),
    "no_latest": without(f"agents/{AGENT}/latest"),
    "a_record_too_high": content("agents/build.json", b"{}"),
    "a_record_too_low": content(f"agents/{AGENT}/a/b/build.json", b"{}"),
    "a_folder_named_oddly": content(f"agents/{AGENT}/{chr(27)}[2J/build.json", b"{}"),
    "escapes": record(escapes),
    "long_texts": record(lambda document: document.update(reason="x" * 2_000_000)),
    "short_times": record(lambda document: document.update(seconds=-0.5)),
    "long_times": record(lambda document: document.update(seconds=9e8)),
    "many_tokens": value("tokens", to={"prompt": 10**15, "completion": 10**15, "cached": -(10**15)}),
    "report_elsewhere": replaced(f"{BUILD}/report.html", lambda path: path.symlink_to("/etc/passwd")),
    "no_report": without(f"{BUILD}/report.html"),
}
"""A person still sees the build."""

REFUSED = {
    "id_above": value("build_id", to="../../../../etc/x"),
    "id_escape": value("build_id", to="\x1b]0;owned\x07\x1b[2J20261128"),
    "id_of_another": value("build_id", to="20990101-000000-000000"),
    "id_long": value("build_id", to="a" * 300),
    "agent_of_another": value("plan", "name", to="another-agent"),
    "endless_time": value("seconds", to=1e308),
    "time_before": value("seconds", to=-1e18),
    "stage_before": value("stages", to=[{"name": "plan", "seconds": -5, "started": -1e18}]),
    "stages_too_many": value("stages", to=[{"name": "x", "seconds": 1}] * 5000),
    "cost_less_than_nothing": value("cost_usd", to=-1e300),
    "cost_too_high": value("cost_usd", to=1e308),
    "many_digits": content(f"{BUILD}/build.json", b'{"seconds": ' + b"9" * 5000 + b"}"),
    "attempts_without_end": value("tools", 0, "attempts", to=10**9),
    "tools_without_end": record(lambda document: document.update(tools=document["tools"][:1] * 101)),
    "cases_without_end": record(
        lambda document: document["plan"].update(test_cases=document["plan"]["test_cases"] * 300)
    ),
    "started_long_ago": value("started_at", to="9" * 3_000_000),
    "started_far_away": value("started_at", to="9999-12-31T23:59:59Z"),
    "started_escape": value("started_at", to=EVIL),
    "files_above": value("files", "../../../x/README.md", to="0" * 64),
    "files_inside_above": value("files", "tools/../../../../../etc/passwd", to="0" * 64),
    "files_escape": value("files", "tools/a/nat_tools/\x1b[31m.py", to="0" * 64),
    "record_empty": content(f"{BUILD}/build.json", b""),
    "record_of_nothing": content(f"{BUILD}/build.json", b"null"),
    "record_deep": content(f"{BUILD}/build.json", b"[" * 200_000),
    "record_deep_inside": value("plan", "custom_tools", 0, "returns", to=json.loads("[" * 400 + "]" * 400)),
    "record_nan": content(f"{BUILD}/build.json", b'{"seconds": NaN}'),
    "record_binary": content(f"{BUILD}/build.json", bytes(range(256))),
    "record_half_characters": value("reason", to="\udcff\ud800"),
    "record_folder": replaced(f"{BUILD}/build.json", os.mkdir),
    "record_pipe": replaced(f"{BUILD}/build.json", os.mkfifo),
    "record_loop": replaced(f"{BUILD}/build.json", lambda path: path.symlink_to("build.json")),
    "record_of_the_system": replaced(f"{BUILD}/build.json", lambda path: path.symlink_to("/dev/zero")),
    "build_removed": without(BUILD),
}
"""A person is told why not."""

LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
BUNDLES = {
    "above": lambda: packed(("top/../../../owned", b"x")),
    "absolute": lambda: packed(("/tmp/owned-by-a-bundle", b"x")),
    "link_out": lambda: packed(("top", None), ("top/l", (LINK, "../../..")), ("top/l/owned", b"x")),
    "link_in": lambda: packed(("top/a", b"x"), ("top/l", (LINK, "a"))),
    "top_is_a_link": lambda: packed(("top", (LINK, "."))),
    "top_is_a_link_and_a_folder": lambda: packed(("top", (LINK, ".")), ("top/a", b"x")),
    "top_is_a_file": lambda: packed(("top", b"hello")),
    "top_is_a_point": lambda: packed((".", None), ("./a", b"x")),
    "two_tops": lambda: packed(("a/x", b"x"), ("b/x", b"x")),
    "nothing": lambda: packed(),
    "folders_alone": lambda: packed(("top", None), ("top/a", None)),
    "pipe": lambda: packed(("top/f", (tarfile.FIFOTYPE, ""))),
    "device": lambda: packed(("top/f", (tarfile.CHRTYPE, ""))),
    "hard_link": lambda: packed(("top/h", (HARD, "../../../../../../../etc/passwd"))),
    "sparse": lambda: packed(("top/s", (tarfile.GNUTYPE_SPARSE, ""))),
    "long_name": lambda: packed(("top/" + "n" * 300, b"x")),
    "deep_name": lambda: packed(("top/" + "n/" * 600 + "x", b"x")),
    "escape_in_name": lambda: packed(("top/\x1b[31m", b"x")),
    "file_then_folder": lambda: packed(("top/a", b"x"), ("top/a/b", b"x")),
    "folder_then_file": lambda: packed(("top/a/b", b"x"), ("top/a", b"x")),
    "many_files": lambda: packed(*((f"top/{number}", b"") for number in range(10_001))),
    "bomb": lambda: gzip.compress(bytes(70 * 1024**2), 9),
    "bomb_in_a_file": lambda: packed(("top/a", bytes(65 * 1024**2))),
    "torn": lambda: packed(("top/a", os.urandom(5000)))[:-200],
    "torn_inside": lambda: gzip.compress(packed(("top/a", b"x" * 5000), zipped=False)[:2000]),
    "no_gzip": lambda: packed(("top/a", b"x"), zipped=False),
    "garbage": lambda: b"\x1f\x8b\x08\x00garbage",
    "no_bytes": lambda: b"",
}
"""Made when they are used: some are large."""
