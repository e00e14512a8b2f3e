"""How calls of a model go wrong: faults for `serve_script` and `serve_model`, and Gemini's own API.

A fault answers one request in the place of the model: `asked.fault = lambda kind, number: RATE_LIMIT`.
"""

import socket
import time
from contextlib import contextmanager

from model_server import completion, reply, serve_calls
from patience import patient

HANG_SECONDS = 30.0


def status(code, message, kind="", error_code=None, **headers):
    """Answer with an error in OpenAI's form."""

    def fault(handler):
        error = {"message": message, "type": kind, "param": None, "code": error_code}
        reply(handler, {"error": error}, code, **headers)

    return fault


RATE_LIMIT = status(429, "Rate limit reached for requests", "requests", "rate_limit_exceeded")
QUOTA = status(
    429, "You exceeded your current quota, please check your plan and billing details.", "insufficient_quota",
    "insufficient_quota",
)  # fmt: skip
BROKEN = status(500, "The server had an error while processing your request", "server_error")
OVERLOADED = status(503, "The engine is currently overloaded", "server_error")
FILTERED = status(
    400, "Your request was rejected as a result of our safety system.", "invalid_request_error",
    "content_policy_violation",
)  # fmt: skip
TOO_LONG = status(
    400, "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    "invalid_request_error", "context_length_exceeded",
)  # fmt: skip
BAD_KEY = status(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")


def rate_limit(seconds):
    """Answer 429 and say when to come back."""
    return status(
        429, "Rate limit reached for requests", "requests", "rate_limit_exceeded", **{"retry-after": str(seconds)}
    )


def hang(handler):
    """Say nothing for a long time, then end the connection."""
    end = time.monotonic() + patient(HANG_SECONDS)
    while time.monotonic() < end and not gone(handler):
        time.sleep(0.05)
    handler.close_connection = True


def gone(handler):
    """Return whether the client has given up."""
    handler.connection.setblocking(False)
    try:
        return handler.connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        handler.connection.setblocking(True)


def cut(handler):
    """Begin a body, and end the connection in the middle of it."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "x", "object": "chat.completion", "choices": [{"index": 0, "mess')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def says(content="", calls=(), finish="stop", choices=None):
    """Answer with this message; `calls` are pairs of a name and the text of its arguments, which may be no JSON."""

    def fault(handler):
        body = completion({"content": content, "tool_calls": calls}, finish)
        reply(handler, body if choices is None else {**body, "choices": choices})

    return fault


NO_CHOICES = says(choices=[])
EMPTY = says("")
FILTERED_ANSWER = says("", finish="content_filter")

GEMINI_USAGE = {"promptTokenCount": 1000, "candidatesTokenCount": 10, "totalTokenCount": 1010}
GEMINI_SAFETY = {"candidates": [{"finishReason": "SAFETY", "index": 0}], "usageMetadata": GEMINI_USAGE}
GEMINI_BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": GEMINI_USAGE}
GEMINI_MALFORMED = {
    "candidates": [{"content": {"role": "model"}, "finishReason": "MALFORMED_FUNCTION_CALL", "index": 0}],
    "usageMetadata": GEMINI_USAGE,
}


def gemini_says(*parts):
    """Return an answer of Gemini's generateContent; each part is a text or a `functionCall`."""
    content = {"role": "model", "parts": [{"text": each} if isinstance(each, str) else each for each in parts]}
    candidate = {"content": content, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": GEMINI_USAGE}


@contextmanager
def serve_gemini(answers):
    """Serve Gemini's own API; `answers` takes a call's number and its body and gives what is answered.

    Returns the list of the bodies that were asked, with the server's address as `url`.
    """
    asked = Calls()

    def respond(handler, call):
        asked.append(call)
        assert handler.path.endswith(":generateContent"), handler.path
        reply(handler, answers(len(asked), call))

    with serve_calls(respond) as asked.url:
        yield asked


class Calls(list):
    """Bodies of calls, and where they were sent."""

    url = ""
