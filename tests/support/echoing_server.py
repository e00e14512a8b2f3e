"""A model server on loopback that plays a script and then fails, quoting whatever key it was sent."""

from contextlib import contextmanager

from model_server import kind_of, reply, say, serve_calls

from agenthands.llm.scripted.provider import answer

# Without the signs of OpenHands' prompt, which stands in a command line: the terminal would take it for the end.
SPY = (
    "{ env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '; } "
    "| tr '#' '+'"
)
# What is of the system or of a package is nobody's key. The search finds neither its own words nor a key of this file.
SEARCH = (
    "printf 'c%snary-Laid-0099' a >laid; echo; echo SEARCHED; LC_ALL=C grep -rlaiE -D skip --exclude-dir=proc "
    "--exclude-dir=sys --exclude-dir=usr --exclude-dir=site-packages 'can[a]ry.{0,12}00[0-9][0-9]' / 2>/dev/null; "
    "rm laid; echo FOUND"
)


@contextmanager
def echoing_server(keys):
    """Return the port, and what was sent as authorization.

    The plan is that of data-report, from the model `stand-in` alone. Its coder spies, and gets an error with all `keys`
    in it, each cut off somewhere.
    """
    sent = []

    def respond(handler, call):
        sent.append(handler.headers.get("authorization", ""))
        if kind_of(call) == "plan" and call["model"] != "stand-in":
            reply(handler, {"error": {"message": f"Overloaded, key {', '.join([*keys, sent[-1]])}."}}, 503)
        elif kind_of(call) == "plan":
            say(handler, call, answer("scripted/data-report", call["messages"], call))
        elif not any(message["role"] == "assistant" for message in call["messages"]):
            say(handler, call, {"content": "", "tool_calls": [("terminal", {"command": f"{SPY}; {SEARCH}"})]})
        else:
            text = f"Incorrect API key provided: {', '.join([*keys, sent[-1]])}."
            reply(handler, {"error": {"message": text}}, 400)

    with serve_calls(respond) as address:
        yield int(address.rpartition(":")[2]), sent
