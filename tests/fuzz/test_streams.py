"""Events and what an agent asks of the gateway: whatever comes, a line or a refusal."""

import json

from console_events import Stream
from fuzzing import EVENT, JSON, NUMBER
from hypothesis import example, given
from hypothesis import strategies as st

from agenthands.cli.progress import LiveProgress, PlainBatchProgress, PlainProgress
from agenthands.events import emit, listening
from agenthands.llm.gateway.request import PASSED, Refusal, parsed


@given(st.lists(EVENT, max_size=12), st.booleans(), st.sampled_from(["utf-8", "ascii", "latin-1"]))
def test_any_events_are_shown(events, tty, encoding):
    stream = Stream(tty=tty, encoding=encoding)
    console = LiveProgress(stream) if tty else PlainProgress(stream)
    with console, listening(console):
        for event in events:
            emit(event)
    assert "\x1b]" not in stream.getvalue()


@given(st.lists(EVENT, max_size=12))
def test_any_events_of_a_batch_are_shown(events):
    stream = Stream()
    console = PlainBatchProgress(stream)
    with console, listening(console):
        for event in events:
            emit(event)


MESSAGE = st.one_of(JSON, st.fixed_dictionaries({}, optional={
    "role": st.one_of(st.sampled_from(["user", "system", "tool"]), JSON),
    "content": st.one_of(JSON, st.lists(st.fixed_dictionaries({}, optional={
        "type": st.one_of(st.sampled_from(["text", "image_url"]), JSON), "text": JSON, "image_url": JSON}))),
    "images": JSON,
}))  # fmt: skip
FUNCTION = st.fixed_dictionaries({"type": st.just("function"), "function": JSON})
CALL = st.fixed_dictionaries({}, optional={
    **{name: JSON for name in sorted(PASSED)}, "messages": st.lists(MESSAGE, max_size=2), "stream": JSON, "n": NUMBER,
    "tools": st.lists(st.one_of(JSON, FUNCTION), max_size=1),
})  # fmt: skip


@given(st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode()),
                 CALL.map(lambda value: json.dumps(value).encode())))  # fmt: skip
@example(b'{"messages": [{"role": "user", "content": [{"type": []}]}]}')
def test_any_request_of_the_gateway(body):
    try:
        asked = parsed(body)
    except Refusal:
        return
    for message in asked["messages"]:
        assert "images" not in message
        assert isinstance(message.get("content"), str | list | None)
