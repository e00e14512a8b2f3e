"""Ollama's API, /api/chat and /api/generate, as https://docs.ollama.com/api describes them.

What it does that surprises callers, with its source, is in the comments.
"""

import json

from providers.schemas import constrained
from providers.shared import TOKEN, Asked, Provider, Refused, Turn, count, within

# https://docs.ollama.com/context-length: what a model gets that is not asked for more
DEFAULT_WINDOW = 4096


class Ollama(Provider):
    """Serves any model. `window` is what the server gives where a call does not ask; weak models call in text.

    `tools` and `thinks` say whether the model has a template for tools, and for thoughts.
    """

    def __init__(self, model, window=DEFAULT_WINDOW, tools=True, weak=False, thinks=False):
        super().__init__(model)
        self.window, self.tools, self.weak, self.thinks = window, tools, weak, thinks
        self.dropped = []

    def answer(self, path, body, headers):
        del headers
        if path == "/api/show":
            return {"capabilities": ["completion", *(["tools"] if self.tools else [])], "model_info": {}}, _JSON
        if path not in ("/api/chat", "/api/generate"):
            raise Refused(404, {"error": f"{path} not found"})
        options = body.get("options") or {}
        if body.get("tools") and not self.tools:  # ollama/ollama server/routes.go: capabilities are checked first
            raise Refused(400, {"error": f"registry.ollama.ai/library/{body['model']}:latest does not support tools"})
        if body.get("think") and not self.thinks:
            raise Refused(400, {"error": f'"{body["model"]}" does not support thinking'})
        asked = self._read(path, body, options)
        wish = self.wish(asked)
        if asked.schema is not None and wish.text:
            # https://docs.ollama.com/capabilities/structured-outputs; llama.cpp's grammar leaves an object open
            # that names no members, and closes one that names some
            form = {"type": "object"} if asked.schema == "json" else asked.schema
            wish.text = constrained(wish.text, _closed(form))
        # A small model writes its call into the text (ollama/ollama#13519, ollama/ollama-vscode#20), and any model does
        # that is held to a form (ollama/ollama#11185).
        if (self.weak or body.get("format")) and wish.calls:
            name, arguments = wish.calls[0]
            wish.text, wish.calls = json.dumps({"name": name, "arguments": arguments}), []
        if path == "/api/generate" and wish.calls:  # it has no tools at all
            name, arguments = wish.calls[0]
            wish.text, wish.calls = json.dumps({"name": name, "arguments": arguments}), []
        limit = options.get("num_predict")
        spoken = within(wish, limit if limit and limit > 0 else None)
        return self._said(path, body, spoken, asked)

    def _read(self, path, body, options):
        window = options.get("num_ctx") or self.window
        if path == "/api/generate":
            turns, system = [Turn("user", body["prompt"])], body.get("system") or ""
        else:
            system = "".join(each["content"] for each in body["messages"] if each["role"] == "system")
            turns = [_turn(each) for each in body["messages"] if each["role"] != "system"]
        turns = self._fitting(system, turns, window)
        return Asked(
            len(self.bodies),
            system[: window * TOKEN],
            turns,
            [each["function"]["name"] for each in body.get("tools") or []],
            body.get("format") or None,
            options.get("num_predict"),
            body.get("stream", True),
        )

    def _fitting(self, system, turns, window):
        """Return the turns that fit beside the system message: the oldest are dropped, and nobody is told.

        ollama/ollama server/prompt.go; the last message always stays, its beginning may be cut.
        """
        left = window * TOKEN - len(system)
        kept, dropped = [], 0
        for turn in reversed(turns):
            size = len(turn.text) + len(json.dumps([turn.calls, turn.results]))
            if kept and size > left:
                dropped += 1
                left = 0
                continue
            kept.insert(0, turn)
            left -= size
        if len(kept) == 1 and left < 0:
            cut = max(0, len(kept[0].text) + left)
            kept[0].text = kept[0].text[-cut:] if cut else ""
            dropped += 1
        self.dropped.append(dropped)
        return kept

    def _said(self, path, body, spoken, asked):
        message = {"role": "assistant", "content": spoken.text}
        if spoken.calls:
            message["tool_calls"] = [{"function": {"name": n, "arguments": a}} for n, a in spoken.calls]
        if spoken.thoughts and body.get("think"):
            message["thinking"] = "x" * (spoken.thoughts * TOKEN)
        said = {"message": message} if path == "/api/chat" else {"response": spoken.text}
        head = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z"}
        end = {
            "done": True,
            "done_reason": "length" if spoken.cut else "stop",
            "total_duration": 4,
            "load_duration": 1,
            "prompt_eval_count": count(asked.text),
            "prompt_eval_duration": 1,
            "eval_count": spoken.visible + spoken.thoughts,
            "eval_duration": 2,
        }
        if not asked.stream:
            return {**head, **said, **end}, _JSON
        empty = {"message": {"role": "assistant", "content": ""}} if path == "/api/chat" else {"response": ""}
        lines = [{**head, **said, "done": False}, {**head, **empty, **end}]
        return b"".join(json.dumps(each).encode() + b"\n" for each in lines), "application/x-ndjson"


_JSON = "application/json"


def _turn(message):
    called = message.get("tool_calls") or []
    calls = [(each["function"]["name"], each["function"]["arguments"]) for each in called]
    if message["role"] == "tool":
        return Turn("tool", results=[message["content"]])
    return Turn(message["role"], message.get("content") or "", calls)


def _closed(schema):
    """Return the schema with those objects closed that name members and do not say that there may be others."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _closed(each) for name, each in schema.items()}
    return (
        {**found, "additionalProperties": False}
        if isinstance(found.get("properties"), dict)
        and ("additionalProperties" not in found and found.get("type") == "object")
        else found
    )
