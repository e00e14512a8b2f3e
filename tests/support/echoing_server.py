"""A model server on loopback that plays a script and then fails, quoting whatever key it was sent."""

from contextlib import contextmanager

from model_server import kind_of, reply, say, serve_calls

from agenthands.testing.scripted_model import answer

SPY = "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '"


@contextmanager
def echoing_server(keys):
    """Give the port, and what was sent as authorization.

    The plan is that of data-report; its coder spies, then gets an error with all `keys` in it, each cut off somewhere.
    """
    sent = []

    def respond(handler, call):
        sent.append(handler.headers.get("authorization", ""))
        if kind_of(call) == "plan":
            say(handler, call, answer("scripted/data-report", call["messages"], call))
        elif not any(message["role"] == "assistant" for message in call["messages"]):
            say(handler, call, {"content": "", "tool_calls": [("terminal", {"command": SPY})]})
        else:
            text = f"Incorrect API key provided: {', '.join([*keys, sent[-1]])}."
            reply(handler, {"error": {"message": text}}, 400)

    with serve_calls(respond) as address:
        yield int(address.rpartition(":")[2]), sent
