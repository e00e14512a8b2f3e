"""What the doubles of models share: a server on loopback, and answers in OpenAI's form."""

import json
import secrets
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serve_calls(answer):
    """Have `answer(handler, call)` answer each call, which is JSON that was posted; returns the server's address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            answer(self, json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def reply(handler, body, code=200, kind="application/json", **headers):
    """Send bytes, or anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(code)
    handler.send_header("content-type", kind)
    handler.send_header("content-length", str(len(content)))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content)


def say(handler, call, message):
    """Answer a call with a message of `content` and `tool_calls`, streamed where the call wants it."""
    if call.get("stream"):
        reply(handler, streamed(message), kind="text/event-stream")
    else:
        reply(handler, completion(message))


def completion(message, finish=None):
    """Return a completion with the message; the arguments of its calls are a dict, or a text that may be no JSON."""
    identity = secrets.token_hex(6)  # OpenHands takes calls of one answer for one message
    calls = [
        {
            "id": f"call_{identity}_{n}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for n, (name, given) in enumerate(message["tool_calls"])
    ]
    said = {"role": "assistant", "content": message["content"], **({"tool_calls": calls} if calls else {})}
    return {
        "id": identity,
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, "message": said, "finish_reason": finish or ("tool_calls" if calls else "stop")}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def streamed(message):
    """Return a completion as server-sent events: all of it in one chunk."""
    whole = completion(message)
    (choice,) = whole["choices"]
    said = choice.pop("message")
    said["tool_calls"] = [{"index": n, **call} for n, call in enumerate(said.get("tool_calls", []))]
    first = {**whole, "object": "chat.completion.chunk", "choices": [{**choice, "delta": said, "finish_reason": None}]}
    last = {**first, "choices": [{**choice, "delta": {}}]}
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in (first, last)) + b"data: [DONE]\n\n"


def kind_of(call):
    """Return the step that a call is of: plan, opinion, ruling, coder or agent."""
    form = (call.get("response_format") or {}).get("json_schema", {}).get("name")
    if form:
        return form
    text = json.dumps([each["content"] for each in call["messages"] if each["role"] == "user"][:1])
    return "coder" if "Tool: " in text else "agent"
