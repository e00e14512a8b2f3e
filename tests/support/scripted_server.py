"""A scripted model as an OpenAI-compatible server on loopback, which knows what it was asked."""

import secrets
import time
from collections import Counter
from contextlib import contextmanager

from model_server import kind_of, say, serve_calls

from agenthands.llm.scripted.provider import answer


class Asked(list):
    """What was asked, one `(kind, messages)` a call; kind is the step: plan, opinion, ruling, coder or agent.

    `keys` are the authorizations with which it was asked, `models` counts the names by which it was called.
    """

    def __init__(self):
        super().__init__()
        self.url = ""
        self.keys = set()
        self.models = Counter()
        self.latency = 0.0
        self.change = lambda kind, messages, message: message
        self.fault = lambda kind, number: None

    def count(self, kind=None):
        return sum(kind in (None, each) for each, _ in self)


def serve_script(script, latency=0.0):
    """Serve `scripted/<script>`; returns what is asked, as it is asked. The model's name does not matter.

    `change` of what is given may change an answer: it takes the kind, the messages, and the assistant's message.
    `fault` may have a call go wrong: it takes the kind and the number of the call among its kind, and gives a fault of
    `faulty_server`, or None.
    """
    return serve_model(lambda call: answer(f"scripted/{script}", call["messages"], call), latency)


@contextmanager
def serve_model(answers, latency=0.0):
    """Serve a model that answers each call (OpenAI's JSON) with a message of `content` and `tool_calls`."""
    asked = Asked()
    asked.latency = latency

    def respond(handler, call):
        kind = kind_of(call)
        asked.append((kind, call["messages"]))
        asked.keys.add(handler.headers.get("authorization", ""))
        asked.models[call.get("model")] += 1
        time.sleep(asked.latency)
        if fault := asked.fault(kind, asked.count(kind)):
            fault(handler)
        else:
            say(handler, call, asked.change(kind, call["messages"], answers(call)))

    with serve_calls(respond) as address:
        # unlike that of any server before, whose port it may have: who makes a tool goes on where another one stopped
        asked.url = f"{address}/{secrets.token_hex(4)}/v1"
        yield asked
