"""A scripted model as an OpenAI-compatible server on loopback, which knows what it was asked."""

import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agenthands.testing.scripted_model import answer


class Asked(list):
    """What was asked, one `(kind, messages)` a call; kind is the step: plan, opinion, ruling, coder or agent.

    `keys` are the authorizations with which it was asked.
    """

    def __init__(self):
        super().__init__()
        self.url = ""
        self.keys = set()
        self.latency = 0.0
        self.change = lambda kind, messages, message: message
        self.fault = lambda kind, number: None

    def count(self, kind=None):
        return sum(kind in (None, each) for each, _ in self)


def serve_script(script, latency=0.0):
    """Serve `scripted/<script>`; gives what is asked, as it is asked. The model's name does not matter.

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

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            call = json.loads(self.rfile.read(int(self.headers["content-length"])))
            kind = kind_of(call)
            asked.append((kind, call["messages"]))
            asked.keys.add(self.headers.get("authorization", ""))
            time.sleep(asked.latency)
            if fault := asked.fault(kind, asked.count(kind)):
                fault(self)
                return
            message = asked.change(kind, call["messages"], answers(call))
            streams = call.get("stream")
            body = streamed(message) if streams else json.dumps(completion(message)).encode()
            self.send_response(200)
            self.send_header("content-type", "text/event-stream" if streams else "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    asked.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def kind_of(call):
    form = (call.get("response_format") or {}).get("json_schema", {}).get("name")
    if form:
        return form
    text = json.dumps([each["content"] for each in call["messages"] if each["role"] == "user"][:1])
    return "coder" if "Tool: " in text else "agent"


def streamed(message):
    """Give a completion as server-sent events: all of it in one chunk."""
    whole = completion(message)
    (choice,) = whole["choices"]
    said = choice.pop("message")
    said["tool_calls"] = [{"index": n, **call} for n, call in enumerate(said.get("tool_calls", []))]
    first = {**whole, "object": "chat.completion.chunk", "choices": [{**choice, "delta": said, "finish_reason": None}]}
    last = {**first, "choices": [{**choice, "delta": {}}]}
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in (first, last)) + b"data: [DONE]\n\n"


def completion(message):
    identity = secrets.token_hex(6)  # OpenHands takes calls of one answer for one message
    calls = [
        {
            "id": f"call_{identity}_{n}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for n, (name, arguments) in enumerate(message["tool_calls"])
    ]
    said = {"role": "assistant", "content": message["content"], **({"tool_calls": calls} if calls else {})}
    return {
        "id": identity,
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, "message": said, "finish_reason": "tool_calls" if calls else "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
