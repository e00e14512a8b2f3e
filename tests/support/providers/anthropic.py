"""Anthropic's Messages API, as https://platform.claude.com/docs/en/api/messages describes it.

What it enforces, with the page that says so, is in the comments. Below, DOCS is https://platform.claude.com/docs/en.
"""

import hashlib
import json
import re

from providers.schemas import constrained, has_kind, parts, recurses
from providers.shared import TOKEN, Asked, Provider, Refused, Turn, count, events, text_of, within

# DOCS/about-claude/models/overview: the most output tokens
_MOST = {
    "claude-3-5": 8192, "claude-3-7": 64000, "claude-sonnet-4": 64000, "claude-haiku-4": 64000,
    "claude-opus-4-5": 64000, "claude-opus-4": 128000,
}  # fmt: skip
# DOCS/agents-and-tools/tool-use/implement-tool-use
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
# DOCS/build-with-claude/structured-outputs, "JSON Schema limitations"
_UNKNOWN = {
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
    "uniqueItems", "minProperties", "maxProperties", "patternProperties", "not", "if",
}  # fmt: skip
# DOCS/build-with-claude/prompt-caching: the shortest prompt that is cached (Sonnet), and breakpoints of a request
_CACHED_FROM = 1024
_BREAKPOINTS = 4
# DOCS/build-with-claude/adaptive-thinking: models that decide on their own how much they think
_SAMPLING_REFUSED = re.compile(r"claude-(opus-4-[78]|(opus|sonnet|haiku|fable|mythos)-[5-9])")


class Anthropic(Provider):
    """Serves names that begin with claude-. `written` and `read` are tokens of the prompt cache, one of each a call."""

    def __init__(self, model):
        super().__init__(model)
        self.signatures = {}
        self.written, self.read = [], []
        self._cache = set()

    def answer(self, path, body, headers):
        if path.partition("?")[0] != "/v1/messages":
            raise _refused(404, "not_found_error", f"Not found: {path}")
        if not headers.get("x-api-key") and not headers.get("authorization"):
            raise _refused(401, "authentication_error", "x-api-key header is required")
        if not headers.get("anthropic-version"):
            raise _invalid("anthropic-version: header is required")
        self._check(body)
        form = _format(body, headers)
        asked = _read(len(self.bodies), body, form)
        wish = self.wish(asked)
        if form and wish.text:
            wish.text = constrained(wish.text, form, closed=True)
        forced = (body.get("tool_choice") or {}).get("type") in ("tool", "any")
        if forced and not wish.calls:  # the model can only call: what it wanted to say becomes the arguments
            tool = next(each for each in body["tools"] if each["name"] == body["tool_choice"].get("name"))
            wish.calls, wish.text = [(tool["name"], json.loads(constrained(wish.text, {"type": "object"})))], ""
        thinking = body.get("thinking") or {}
        if thinking.get("type") not in ("enabled", "adaptive"):
            wish.thoughts = 0
        # DOCS/build-with-claude/extended-thinking: thoughts are output tokens and count against max_tokens
        spoken = within(wish, body["max_tokens"], thinking.get("budget_tokens"))
        return self._said(body, wish, spoken, asked)

    def _check(self, body):
        name = body.get("model", "")
        if not name.startswith("claude-"):
            raise _refused(404, "not_found_error", f"model: {name}")
        limit = body.get("max_tokens")
        if not isinstance(limit, int) or limit < 1:
            raise _invalid("max_tokens: Field required")
        most = next((most for prefix, most in _MOST.items() if name.startswith(prefix)), 128000)
        if limit > most:
            raise _invalid(
                f"max_tokens: {limit} > {most}, which is the maximum allowed number of output tokens for {name}"
            )
        _check_sampling(body)
        _check_thinking(body)
        for tool in body.get("tools") or []:
            if not _NAME.fullmatch(tool["name"]):
                raise _invalid("tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'")
        self._check_messages(body)

    def _check_messages(self, body):
        messages = body["messages"]
        for index, message in enumerate(messages):
            blocks = message["content"] if isinstance(message["content"], list) else []
            for at, block in enumerate(blocks):
                where = f"messages.{index}.content.{at}"
                if block["type"] == "text" and not block["text"].strip():
                    raise _invalid("messages: text content blocks must contain non-whitespace text")
                # DOCS/build-with-claude/extended-thinking: the signature proves that the block is unchanged
                if block["type"] == "thinking" and self.signatures.get(block.get("signature")) != block["thinking"]:
                    raise _invalid(f"{where}: Invalid `signature` in `thinking` block")
            used = {block["id"] for block in blocks if block["type"] == "tool_use"}
            after = messages[index + 1]["content"] if index + 1 < len(messages) else []
            results = {b["tool_use_id"] for b in after if isinstance(b, dict) and b.get("type") == "tool_result"}
            if missing := used - results:
                raise _invalid(
                    f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                    f"{', '.join(sorted(missing))}."
                )
        if _has_thinking(body):
            _check_thoughts_came_back(messages)

    def _said(self, body, wish, spoken, asked):
        content = []
        if spoken.thoughts:
            thought = f"{spoken.thoughts} tokens of thought about call {asked.number}"
            signature = hashlib.sha256(thought.encode()).hexdigest()
            self.signatures[signature] = thought
            content.append({"type": "thinking", "thinking": thought, "signature": signature})
        if spoken.text:
            content.append({"type": "text", "text": spoken.text})
        for index, (tool, arguments) in enumerate(spoken.calls):
            identity = f"toolu_{asked.number:04}{index:02}"
            content.append({"type": "tool_use", "id": identity, "name": tool, "input": arguments})
        # DOCS/api/handling-stop-reasons
        stop = wish.stop or ("max_tokens" if spoken.cut else "tool_use" if spoken.calls else "end_turn")
        usage = {**self._cached(body, asked), "output_tokens": spoken.visible + spoken.thoughts}
        whole = {
            "id": f"msg_{asked.number}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [] if wish.stop else content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": usage,
        }
        if not body.get("stream"):
            return whole, "application/json"
        return events(_stream(whole), named=True), "text/event-stream"

    def _cached(self, body, asked):
        """Return the usage of the prompt: what lies before a breakpoint is written once, and read while it is the same.

        DOCS/build-with-claude/prompt-caching
        """
        marked = [prefix for prefix, marks in _prefixes(body) if marks]
        if len(marked) > _BREAKPOINTS:
            raise _invalid(f"A maximum of {_BREAKPOINTS} blocks with cache_control may be provided.")
        known = [prefix for prefix, _ in _prefixes(body) if prefix in self._cache]
        read = len(known[-1]) // TOKEN if known and marked else 0
        written = 0
        if marked and len(marked[-1]) // TOKEN >= _CACHED_FROM:
            written = max(0, len(marked[-1]) // TOKEN - read)
            self._cache |= {prefix for prefix in marked if len(prefix) // TOKEN >= _CACHED_FROM}
        self.read.append(read)
        self.written.append(written)
        total = max(count(asked.text), read + written)
        return {
            "input_tokens": total - read - written,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
        }


def _check_sampling(body):
    if _SAMPLING_REFUSED.match(body["model"]) and body.get("temperature", 1) != 1:
        # DOCS/about-claude/models/migration-guide: sampling parameters are gone since Opus 4.7
        raise _invalid(f"`temperature` is not supported with {body['model']}.")
    if _has_thinking(body) and body.get("temperature", 1) != 1:
        raise _invalid(
            "`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation at "
            "https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
        )


def _check_thinking(body):
    """DOCS/build-with-claude/extended-thinking."""
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled":
        budget = thinking.get("budget_tokens", 0)
        if budget < 1024:
            raise _invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if budget >= body["max_tokens"]:
            raise _invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if _has_thinking(body) and (body.get("tool_choice") or {}).get("type") in ("tool", "any"):
        raise _invalid("Thinking may not be enabled when tool_choice forces tool use.")


def _check_thoughts_came_back(messages):
    """While tools are being used, each answer begins with its thinking block (same page)."""
    begins = max((i for i, each in enumerate(messages) if each["role"] == "user" and not _results(each)), default=0)
    for index, message in enumerate(messages[begins:], begins):
        if message["role"] != "assistant" or isinstance(message["content"], str):
            continue
        first = message["content"][0]["type"]
        if first not in ("thinking", "redacted_thinking") and any(b["type"] == "tool_use" for b in message["content"]):
            raise _invalid(
                f"messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{first}`. "
                "When `thinking` is enabled, a final `assistant` message must start with a thinking block."
            )


def _has_thinking(body):
    return (body.get("thinking") or {}).get("type") == "enabled"


def _format(body, headers):
    """Return the schema that constrains the answer; None without one. DOCS/build-with-claude/structured-outputs."""
    form = body.get("output_format") or (body.get("output_config") or {}).get("format")
    if not form:
        return None
    if "output_format" in body and "structured-outputs" not in headers.get("anthropic-beta", ""):
        raise _invalid("output_format: Extra inputs are not permitted")
    for where, each in parts(form["schema"]):
        if has_kind(each, "object") and each.get("additionalProperties") is not False:
            raise _invalid(
                f"output_format.schema{where}: For 'object' type, 'additionalProperties' must be set to false"
            )
        if unknown := sorted(each.keys() & _UNKNOWN):
            raise _invalid(f"output_format.schema{where}: For type {each.get('type')!r}, {unknown} are not supported")
        if each.get("minItems", 0) > 1:
            raise _invalid(f"output_format.schema{where}: 'minItems' values other than 0 or 1 are not supported")
    if recurses(form["schema"]):
        raise _invalid("output_format.schema: Circular reference detected in schema definitions")
    return form["schema"]


def _read(number, body, form):
    return Asked(
        number,
        text_of(body.get("system")),
        [_turn(each) for each in body["messages"]],
        [each["name"] for each in body.get("tools") or []],
        form,
        body["max_tokens"],
        bool(body.get("stream")),
    )


def _turn(message):
    if isinstance(message["content"], str):
        return Turn(message["role"], message["content"])
    blocks = message["content"]
    return Turn(
        message["role"],
        "".join(b["text"] for b in blocks if b["type"] == "text"),
        [(b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"],
        [text_of(b.get("content")) for b in blocks if b["type"] == "tool_result"],
    )


def _results(message):
    content = message["content"]
    return isinstance(content, list) and any(block["type"] == "tool_result" for block in content)


def _prefixes(body):
    """Yield each beginning of the prompt that a breakpoint may end, and whether one does: tools, system, messages."""
    said = ""
    blocks = [*(body.get("tools") or []), *_blocks(body.get("system"))]
    for message in body["messages"]:
        blocks += [{**block, "role": message["role"]} for block in _blocks(message["content"])]
    for block in blocks:
        said += json.dumps({name: each for name, each in block.items() if name != "cache_control"}, sort_keys=True)
        yield said, "cache_control" in block


def _blocks(content):
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def _stream(whole):
    """DOCS/build-with-claude/streaming."""
    usage = whole["usage"]
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(whole["content"]):
        empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}
        yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty[block["type"]]}}
        if block["type"] == "text":
            deltas = [{"type": "text_delta", "text": block["text"]}]
        elif block["type"] == "thinking":
            deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
            deltas += [{"type": "signature_delta", "signature": block["signature"]}]
        else:
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


def _invalid(message):
    return _refused(400, "invalid_request_error", message)


def _refused(status, kind, message):
    """DOCS/api/errors."""
    return Refused(status, {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})


OVERLOADED = _refused(529, "overloaded_error", "Overloaded")
