"""What users and stores hold, from configurations to records: it is read, or an error of ours says why not."""

import io
import json
from pathlib import Path

import pytest
import yaml
from fuzzing import JSON, TEXT, changed
from hypothesis import example, given
from hypothesis import strategies as st
from sample_records import record as accepted

from agenthands.coding.openhands.agent import read_trajectory
from agenthands.errors import AgentHandsError, StoreUnavailable
from agenthands.flows.request_files import read_batch, read_request
from agenthands.llm.settings import DEFAULT_CONFIG, load_config
from agenthands.mcp.catalogue import load_catalogue, server_of
from agenthands.reports.html import render_report
from agenthands.reports.markdown import cost_rows, result_markdown
from agenthands.reports.terminal.build import list_text, show_text
from agenthands.schemas import BuildOptions, BuildRecord
from agenthands.schemas.request import read_requests
from agenthands.store.builds import all_records, find_build, publish_build
from agenthands.store.fsspec_store import FsspecStore

BYTES = st.one_of(st.binary(max_size=80), TEXT.map(lambda text: text.encode(errors="surrogatepass")))
VALUES = st.dictionaries(st.one_of(TEXT, st.sampled_from([*BuildOptions.model_fields, "request"])), JSON, max_size=4)
RECORD = accepted().model_dump(mode="json")
TIME = json.loads((Path(load_catalogue.__code__.co_filename).parent / "servers" / "time.json").read_text())


def ours(use):
    """Use something; an error of ours is an answer too."""
    try:
        return use()
    except AgentHandsError as error:
        return error.message


@given(st.one_of(BYTES, st.builds(
    lambda line, key, value: f"[llm]\nmodel = 'x/y'\n{line}\n{key} = {value}\n".encode(errors="surrogatepass"),
    st.sampled_from(["", "[llm.planner]", "[llm.judge]", "[agent]", "[llm.model]"]),
    st.sampled_from(["temperature", "api_key", "api_base", "safety_settings", "num_retries", "model", "x", "timeout"]),
    st.one_of(JSON.map(json.dumps), TEXT)
)))  # fmt: skip
def test_any_configuration_file(tmp_path, content):
    (tmp_path / "models.toml").write_bytes(content)
    config = ours(lambda: load_config(tmp_path / "models.toml", {}))
    if not isinstance(config, str):
        for role in ("planner", "coder", "agent"):
            ours(lambda role=role: config.for_role(role, None, None))
            ours(lambda role=role: config.for_role(role, "a/b", "http://x"))


@given(VALUES)
@example({"planner": [1]})
def test_any_configuration_of_a_model(tmp_path, values):
    config = load_config(DEFAULT_CONFIG, {})
    broken = config.model_copy(update={"llm": {**config.llm, **values}})
    ours(lambda: broken.for_role("planner", None, None))


@given(st.one_of(BYTES, VALUES.map(lambda values: yaml.safe_dump(values, allow_unicode=True).encode(errors="replace"))))
def test_any_request_file(tmp_path, content):
    (tmp_path / "request.yaml").write_bytes(content)
    ours(lambda: read_request(str(tmp_path / "request.yaml"), {}))


@given(TEXT, VALUES)
def test_any_words_on_the_command_line(text, options):
    ours(lambda: read_request(text, {"request": text, **options}))


@given(st.one_of(BYTES, st.lists(st.one_of(JSON, VALUES)).map(lambda entries: json.dumps(entries).encode())))
def test_any_batch(tmp_path, content):
    store = FsspecStore(str(tmp_path / "store"))
    for name in ("batch.yaml", "batch.jsonl"):
        (tmp_path / name).write_bytes(content)
        found = ours(lambda name=name: read_batch(str(tmp_path / name), BuildOptions(), store))
        assert found


@given(st.lists(st.one_of(JSON, VALUES), max_size=3))
def test_any_lines_of_a_batch(entries):
    ours(lambda: read_requests("\n".join(json.dumps(entry) for entry in entries), "x.jsonl", {}))


def test_an_entity_bomb_is_refused_or_small():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(AgentHandsError):
        read_requests(bomb, "batch.yaml", {})


@given(st.one_of(JSON, changed(TIME)))
def test_any_entry_of_a_catalogue(document):
    ours(lambda: server_of("some", document))


@given(st.one_of(BYTES, changed(RECORD).map(lambda value: json.dumps(value).encode())))
def test_any_record_in_a_store_is_shown_or_named(tmp_path, content):
    folder = tmp_path / "agents" / "currency-agent" / "20260412-093012-7f3a9c"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "build.json").write_bytes(content)
    store = FsspecStore(str(tmp_path))
    broken = []
    listed = list(all_records(store, broken.append))
    assert len(listed) + len(broken) == 1
    for record in (*listed, ours(lambda: find_build(store, "currency-agent"))):
        assert isinstance(record, BuildRecord) is bool(listed)
        if isinstance(record, BuildRecord):
            assert show_text(record)
            assert list_text([record])
            assert render_report(record, {})
            assert result_markdown(record, "http://x")
            assert cost_rows(record)


@given(st.integers(0, 12), st.dictionaries(st.from_regex(r"\A[a-z]{1,8}\.py\Z"), BYTES, max_size=4))
def test_a_build_is_in_the_store_wholly_or_not_at_all(tmp_path_factory, failing, files):
    class Failing(FsspecStore):
        left = failing

        def _counted(self, use):
            self.left -= 1
            if self.left < 0:
                raise StoreUnavailable("gone")
            return use()

        def put(self, key, content):
            return self._counted(lambda: super(Failing, self).put(key, content))

        def create(self, key, content):
            return self._counted(lambda: super(Failing, self).create(key, content))

    folder = tmp_path_factory.mktemp("store")
    try:
        publish_build(accepted(), files, Failing(str(folder)))
    except StoreUnavailable:
        assert failing <= len(files) + 2
    store = FsspecStore(str(folder))
    for record in all_records(store):
        kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        prefix = f"agents/{record.plan.name}/{record.build_id}"
        assert {f"{prefix}/{name}" for name in record.files} <= kept
    for latest in folder.rglob("latest"):
        assert find_build(store, latest.parent.name)


@given(st.lists(BYTES, max_size=3))
@example([b"", b'{"half": '])
def test_any_events_of_a_conversation(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("conversation")
    (folder / "x" / "events").mkdir(parents=True)
    for number, content in enumerate(contents):
        (folder / "x" / "events" / f"event-{number}.json").write_bytes(content)
    for line in io.BytesIO(read_trajectory(folder)):
        json.loads(line)
