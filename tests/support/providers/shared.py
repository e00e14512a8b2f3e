"""What the simulated providers share: a server on loopback, what its model wants to say, and how tokens are counted.

A test gives the model, a function from the conversation to a `Wish`. The provider decides what of it can come back:
it counts tokens against the limit of the call, has the schema that was sent constrain the answer, and refuses what
the real one refuses. So a test sees the answer that its user would see.
"""

import json
from contextlib import contextmanager
from dataclasses import dataclass, field

from model_server import reply, serve_calls

TOKEN = 4
"""Characters of a token, about: https://ai.google.dev/gemini-api/docs/tokens"""


@dataclass
class Wish:
    """What a model wants to answer: a text, calls of tools as (name, arguments), and thoughts before both, in tokens.

    `stop` is a reason of the provider's own instead of an answer, such as Gemini's SAFETY.
    """

    text: str = ""
    calls: list = field(default_factory=list)
    thoughts: int = 0
    stop: str = ""


@dataclass
class Turn:
    """A message as the model reads it: text, calls as (name, arguments) and results of tools as text."""

    role: str
    text: str = ""
    calls: list = field(default_factory=list)
    results: list = field(default_factory=list)


@dataclass
class Asked:
    """One call as the model sees it, whatever the protocol was."""

    number: int
    system: str = ""
    turns: list = field(default_factory=list)
    tools: list = field(default_factory=list)
    schema: object = None
    limit: int | None = None
    stream: bool = False

    @property
    def results(self):
        """All results of tools so far."""
        return [each for turn in self.turns for each in turn.results]

    @property
    def text(self):
        """All that the model reads."""
        return "\n".join([self.system, *(f"{turn.text}{turn.calls or ''}{turn.results or ''}" for turn in self.turns)])


class Refused(Exception):
    """What a provider answers instead: an HTTP status and a body."""

    def __init__(self, status, body, **headers):
        super().__init__(json.dumps(body))
        self.status, self.body, self.headers = status, body, headers


class Provider:
    """A simulated provider. `bodies` are the calls as they came, `asked` what its model saw of them.

    `fault` may answer a call instead of the model: it takes the call's number and gives a Refused or None.
    """

    def __init__(self, model):
        """Keep the model: a function from `Asked` to `Wish`, or a list of wishes, one a call."""
        self.model = model if callable(model) else _in_order(list(model))
        self.url = ""
        self.paths, self.headers, self.bodies, self.asked = [], [], [], []
        self.refusals, self.failures = [], []
        self.fault = lambda number: None
        self._prefixes = []

    @contextmanager
    def served(self):
        """Serve until the context ends, at `url`."""
        with serve_calls(self._respond) as self.url:
            yield self
        if self.failures:
            raise self.failures[0]

    def _respond(self, handler, body):
        path = handler.path
        self.paths.append(path)
        self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        self.bodies.append(body)
        try:
            if fault := self.fault(len(self.bodies)):
                raise fault
            content, kind = self.answer(path, body, self.headers[-1])
        except Refused as refused:
            self.refusals.append(str(refused))
            reply(handler, refused.body, refused.status, **refused.headers)
        except Exception as failure:  # of the test's own model: told when the server ends
            self.failures.append(failure)
            reply(handler, {"error": {"message": f"{type(failure).__name__}: {failure}"}}, 500)
        else:
            reply(handler, content, kind=kind)

    def answer(self, path, body, headers):
        """Return the body of the answer and its content type. Raises Refused."""
        raise NotImplementedError

    def wish(self, asked):
        """Ask the model."""
        self.asked.append(asked)
        return self.model(asked)

    def cached(self, text, least):
        """Return how many tokens of `text` an earlier call began with, if at least `least`; remember the text."""
        best = max((_common(text, earlier) for earlier in self._prefixes), default=0) // TOKEN
        self._prefixes.append(text)
        return best if best >= least else 0


def _in_order(wishes):
    def model(asked):
        assert wishes, f"call {asked.number} was not expected: {asked.text[-300:]}"
        return wishes.pop(0)

    return model


def _common(one, other):
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    low, high = 0, length
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def count(text):
    """Return the tokens of a text."""
    return -(-len(text) // TOKEN)


@dataclass
class Spoken:
    """What of a wish fits into the limit: thoughts come first, then the text, then the calls."""

    text: str
    calls: list
    thoughts: int
    visible: int
    cut: bool


def within(wish, limit, thinking=None):
    """Return what of a wish fits into `limit` tokens; thoughts count, and `thinking` bounds them."""
    thoughts = wish.thoughts if thinking is None else min(wish.thoughts, thinking)
    if limit is None:
        visible = count(wish.text) + sum(count(json.dumps(each)) for each in wish.calls)
        return Spoken(wish.text, list(wish.calls), thoughts, visible, False)
    thoughts = min(thoughts, limit)
    left = limit - thoughts
    if count(wish.text) > left:
        return Spoken(wish.text[: left * TOKEN], [], thoughts, left, True)
    visible = count(wish.text)
    calls = []
    for each in wish.calls:
        tokens = count(json.dumps(each))
        if visible + tokens > left:
            return Spoken(wish.text, calls, thoughts, left, True)
        calls.append(each)
        visible += tokens
    return Spoken(wish.text, calls, thoughts, visible, thoughts < wish.thoughts and not visible and thinking is None)


def events(items, named=False, end=b""):
    """Return JSON objects as server-sent events; `named` ones carry their `type` as the event's name."""
    lines = []
    for item in items:
        if named:
            lines.append(f"event: {item['type']}\n".encode())
        lines.append(b"data: " + json.dumps(item).encode() + b"\r\n\r\n")
    return b"".join(lines) + end


def text_of(content):
    """Return the text of a message's content, a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or [])
