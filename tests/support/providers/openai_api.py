"""OpenAI's Chat Completions and Responses, and servers that speak the first of them and know less.

What it enforces, with its source, is in the comments. DOCS is https://platform.openai.com/docs.
"""

import json
import re

from providers.schemas import constrained, has_kind, parts
from providers.shared import Asked, Provider, Refused, Turn, count, events, text_of, within

# DOCS/guides/reasoning: o-series and gpt-5 think. With effort `none`, which is the default of gpt-5.1 and later, they
# take sampling parameters (DOCS/guides/latest-model, "parameter compatibility").
_REASONING = re.compile(r"o\d|gpt-5|gpt-6")
_QUIET = re.compile(r"gpt-5\.[1-9]|gpt-6")
# DOCS/models: the most output tokens
_MOST = {"gpt-4o": 16384, "gpt-4.1": 32768, "o3": 100000, "gpt-5": 128000, "gpt-6": 128000}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
# DOCS/guides/structured-outputs, "Some type-specific keywords are not yet supported"
_NOT_STRICT = {"patternProperties", "unevaluatedProperties", "propertyNames", "minProperties", "maxProperties", "oneOf"}
_TOOLS = 128
# DOCS/guides/prompt-caching: from 1024 tokens on, in steps of 128
_CACHED_FROM, _CACHED_STEP = 1024, 128
_TEXT_ITEMS = ("input_text", "output_text")


class OpenAI(Provider):
    """OpenAI itself. `thoughts_back` counts reasoning items that came back in calls of Responses."""

    def __init__(self, model):
        super().__init__(model)
        self.thoughts_back = 0
        self._items = {}

    def answer(self, path, body, headers):
        if not headers.get("authorization", "").removeprefix("Bearer").strip():
            raise _refused(401, "You didn't provide an API key.", "invalid_request_error", "invalid_api_key")
        if path == "/v1/chat/completions":
            return self._chat(body)
        if path == "/v1/responses":
            return self._respond_to(body)
        raise _refused(404, f"Invalid URL (POST {path})")

    # Chat Completions

    def _chat(self, body):
        self.check_chat(body)
        form = self.form(body)
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        asked = _read_chat(len(self.bodies), body, form, limit)
        wish = self.wish(asked)
        if form is not None and wish.text:
            wish.text = constrained(wish.text, form, closed=True)
        if not _thinks(body["model"], body.get("reasoning_effort")):
            wish.thoughts = 0
        spoken = within(wish, limit)  # DOCS/guides/reasoning: reasoning tokens are in max_completion_tokens
        return self.said_in_chat(body, wish, spoken, asked)

    def check_chat(self, body):
        """Refuse what OpenAI refuses."""
        name, limit = body["model"], body.get("max_completion_tokens") or body.get("max_tokens")
        thinking = _thinks(name, body.get("reasoning_effort"))
        if _REASONING.match(name) and "max_tokens" in body:
            raise _unsupported("max_tokens", "Use 'max_completion_tokens' instead.", name)
        if thinking and body.get("temperature", 1) != 1:
            raise _refused(400, f"Unsupported value: 'temperature' does not support {body['temperature']} with this "
                                "model. Only the default (1) value is supported.", param="temperature")  # fmt: skip
        for parameter in ("stop", "top_p", "presence_penalty", "frequency_penalty"):
            if thinking and body.get(parameter) is not None:
                raise _unsupported(parameter, "", name)
        if body.get("reasoning_effort") is not None and not _REASONING.match(name):
            raise _refused(400, "Unrecognized request argument supplied: reasoning_effort")
        most = next((most for prefix, most in _MOST.items() if name.startswith(prefix)), None)
        if most and limit and limit > most:
            raise _refused(400, f"max_tokens is too large: {limit}. This model supports at most {most} completion "
                                "tokens, whereas you provided more.", param="max_tokens")  # fmt: skip
        _check_tools([each["function"] for each in body.get("tools") or []])
        _check_pairs(body["messages"])

    def form(self, body):
        """Return the schema that constrains the answer; None without a strict one. DOCS/guides/structured-outputs."""
        form = body.get("response_format") or {"type": "text"}
        if form["type"] == "json_object":
            if "json" not in json.dumps(body["messages"]).lower():
                raise _refused(400, "'messages' must contain the word 'json' in some form, to use 'response_format' "
                                    "of type 'json_object'.")  # fmt: skip
            return {"type": "object", "additionalProperties": True}
        if form["type"] != "json_schema":
            return None
        named = form["json_schema"]
        if not _NAME.fullmatch(named["name"]):
            raise _refused(400, "Invalid 'response_format.json_schema.name'.")
        if not named.get("strict"):
            return None  # a model does what it can, and nothing holds it to it
        _check_strict(named["schema"], f"response_format '{named['name']}'")
        return named["schema"]

    def said_in_chat(self, body, wish, spoken, asked):
        """Return the answer in the form of Chat Completions, streamed where the call wants it."""
        calls = [
            {
                "id": f"call_{asked.number}_{index}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(given)},
            }
            for index, (name, given) in enumerate(spoken.calls)
        ]
        message = {"role": "assistant", "content": spoken.text or (None if calls else ""), "refusal": None}
        if calls:
            message["tool_calls"] = calls
        stop = wish.stop or ("length" if spoken.cut else "tool_calls" if calls else "stop")
        prompt = count(asked.text)
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": spoken.visible + spoken.thoughts,
            "total_tokens": prompt + spoken.visible + spoken.thoughts,
            "prompt_tokens_details": {"cached_tokens": self._cached_tokens(asked)},
            "completion_tokens_details": {"reasoning_tokens": spoken.thoughts},
        }
        head = {"id": f"chatcmpl-{asked.number}", "created": 1, "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": stop, "logprobs": None}
            return {**head, "object": "chat.completion", "choices": [choice], "usage": usage}, "application/json"
        chunk = {**head, "object": "chat.completion.chunk"}
        deltas = [{"role": "assistant", "content": ""}]
        deltas += [{"content": spoken.text}] if spoken.text else []
        for index, call in enumerate(calls):  # the name first, then the arguments in pieces
            given = call["function"]["arguments"]
            begun = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": ""}}
            deltas.append({"tool_calls": [begun]})
            for piece in (given[: len(given) // 2], given[len(given) // 2 :]):
                deltas.append({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        chunks = [{**chunk, "choices": [{"index": 0, "delta": each, "finish_reason": None}]} for each in deltas]
        chunks.append({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": stop}]})
        if (body.get("stream_options") or {}).get("include_usage"):
            chunks.append({**chunk, "choices": [], "usage": usage})
        return events(chunks, end=b"data: [DONE]\n\n"), "text/event-stream"

    def _cached_tokens(self, asked):
        return self.cached(asked.text, _CACHED_FROM) // _CACHED_STEP * _CACHED_STEP

    # Responses: DOCS/api-reference/responses

    def _respond_to(self, body):
        name, effort = body["model"], (body.get("reasoning") or {}).get("effort")
        if _thinks(name, effort) and body.get("temperature", 1) != 1:
            raise _refused(400, "Unsupported parameter: 'temperature' is not supported with this model.")
        if body.get("stop") is not None:
            raise _refused(400, "Unknown parameter: 'stop'.")
        _check_tools(body.get("tools") or [])
        items = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
        self._check_items(items)
        asked = _read_items(len(self.bodies), body, items)
        wish = self.wish(asked)
        form = (body.get("text") or {}).get("format") or {}
        if form.get("type") == "json_schema" and form.get("strict"):
            _check_strict(form["schema"], f"text.format '{form['name']}'")
            wish.text = constrained(wish.text, form["schema"], closed=True) if wish.text else ""
        if not _thinks(name, effort):
            wish.thoughts = 0
        spoken = within(wish, body.get("max_output_tokens"))
        whole = self._responded(body, spoken, asked)
        if not body.get("stream"):
            return whole, "application/json"
        return events(_response_events(whole), named=True), "text/event-stream"

    def _check_items(self, items):
        """A call of a model that thinks comes back with its reasoning, and its result (DOCS/guides/reasoning)."""
        calls = {each["call_id"] for each in items if each.get("type") == "function_call"}
        results = {each["call_id"] for each in items if each.get("type") == "function_call_output"}
        if calls - results:
            raise _refused(400, f"No tool output found for function call {sorted(calls - results)[0]}.")
        if results - calls:
            raise _refused(400, f"No tool call found for output with call_id {sorted(results - calls)[0]}.")
        given = {each.get("id") for each in items if each.get("type") == "reasoning"}
        self.thoughts_back += len(given)
        for each in items:
            needed = self._items.get(each.get("id"))
            if needed and needed not in given:
                raise _refused(400, f"Item '{each['id']}' of type 'function_call' was provided without its required "
                                    f"'reasoning' item: '{needed}'.")  # fmt: skip

    def _responded(self, body, spoken, asked):
        output = []
        thought = f"rs_{asked.number}"
        if spoken.thoughts:
            hidden = "reasoning.encrypted_content" in (body.get("include") or [])
            reasoning = {"id": thought, "type": "reasoning", "summary": []}
            output.append({**reasoning, "encrypted_content": f"secret {asked.number}"} if hidden else reasoning)
        for index, (name, given) in enumerate(spoken.calls):
            identity = f"fc_{asked.number}_{index}"
            if spoken.thoughts:
                self._items[identity] = thought
            output.append({"id": identity, "type": "function_call", "status": "completed", "name": name,
                           "call_id": f"call_{asked.number}_{index}", "arguments": json.dumps(given)})  # fmt: skip
        if spoken.text:
            part = {"type": "output_text", "text": spoken.text, "annotations": []}
            output.append({"id": f"msg_{asked.number}", "type": "message", "role": "assistant", "content": [part],
                           "status": "incomplete" if spoken.cut else "completed"})  # fmt: skip
        prompt, said = count(asked.text), spoken.visible + spoken.thoughts
        return {
            "id": f"resp_{asked.number}", "object": "response", "created_at": 1, "model": body["model"],
            "status": "incomplete" if spoken.cut else "completed", "error": None, "output": output,
            "incomplete_details": {"reason": "max_output_tokens"} if spoken.cut else None,
            "instructions": body.get("instructions"), "metadata": {}, "parallel_tool_calls": True,
            "temperature": 1.0, "top_p": 1.0, "tool_choice": "auto", "tools": body.get("tools") or [],
            "usage": {"input_tokens": prompt, "output_tokens": said, "total_tokens": prompt + said,
                      "input_tokens_details": {"cached_tokens": self._cached_tokens(asked), "cache_write_tokens": 0},
                      "output_tokens_details": {"reasoning_tokens": spoken.thoughts}},
        }  # fmt: skip


class Plain(OpenAI):
    """A server with OpenAI's API that knows nothing of response_format: it refuses it, or ignores it.

    LM Studio refuses `json_object` (lmstudio-ai/lmstudio-bug-tracker#189); others ignore what they do not know, and the
    model wraps its JSON into a fence. `window` is a context window that counts what may be answered, too
    (vllm-project/vllm#20409, #33418).
    """

    def __init__(self, model, refuses=False, window=None):
        super().__init__(model)
        self.refuses, self.window = refuses, window

    def check_chat(self, body):
        if self.refuses and "response_format" in body:
            raise _refused(400, "response_format: Extra inputs are not permitted", "BadRequestError", 400)
        if self.refuses and "reasoning_effort" in body:
            raise _refused(400, "reasoning_effort: Extra inputs are not permitted", "BadRequestError", 400)
        limit = body.get("max_completion_tokens") or body.get("max_tokens") or 0
        prompt = count(json.dumps(body["messages"]))
        if self.window and prompt + limit > self.window:
            raise _refused(400, f"This model's maximum context length is {self.window} tokens. However, you requested "
                                f"{limit + prompt} tokens ({prompt} in the messages, {limit} in the completion). "
                                "Please reduce the length of the messages or completion.")  # fmt: skip
        _check_pairs(body["messages"])

    def form(self, body):
        del body


def _thinks(name, effort):
    if not _REASONING.match(name):
        return False
    return effort not in ("none", None) or (effort is None and not _QUIET.match(name))


def _check_tools(functions):
    if len(functions) > _TOOLS:
        raise _refused(400, f"Invalid 'tools': array too long. Expected at most {_TOOLS}.")
    for function in functions:
        if not _NAME.fullmatch(function["name"]):
            raise _refused(400, f"Invalid 'tools[0].function.name': string does not match pattern. Expected a string "
                                f"that matches the pattern '^[a-zA-Z0-9_-]+$': {function['name']}")  # fmt: skip
        for where, each in parts(function.get("parameters") or {}):
            if has_kind(each, "array") and "items" not in each:
                raise _refused(400, f"Invalid schema for function '{function['name']}': In context={where}, "
                                        "array schema missing items.")  # fmt: skip
        if function.get("strict"):
            _check_strict(function["parameters"], f"function '{function['name']}'")


def _check_strict(schema, where):
    for path, each in parts(schema):
        if has_kind(each, "object"):
            if each.get("additionalProperties") is not False:
                raise _refused(400, f"Invalid schema for {where}: In context={path}, 'additionalProperties' is "
                                    "required to be supplied and to be false.")  # fmt: skip
            if set(each.get("required", ())) != set(each.get("properties", ())):
                raise _refused(400, f"Invalid schema for {where}: In context={path}, 'required' is required to be "
                                    "supplied and to be an array including every key in properties.")  # fmt: skip
        if unknown := sorted(each.keys() & _NOT_STRICT):
            raise _refused(400, f"Invalid schema for {where}: In context={path}, '{unknown[0]}' is not permitted.")
        if not each.keys() & {"type", "$ref", "anyOf", "enum", "const", "$defs"}:
            raise _refused(400, f"Invalid schema for {where}: In context={path}, schema must have a 'type' key.")


def _check_pairs(messages):
    for index, message in enumerate(messages):
        wanted = {call["id"] for call in message.get("tool_calls") or []}
        if any(len(each) > 40 for each in wanted):  # vercel/ai#5171, camel-ai/camel#2215
            raise _refused(400, f"Invalid 'messages[{index}].tool_calls[0].id': string too long. Expected a string "
                                "with maximum length 40.", code="string_above_max_length")  # fmt: skip
        given = set()
        for after in messages[index + 1 :]:
            if after["role"] != "tool":
                break
            given.add(after["tool_call_id"])
        if wanted - given:
            raise _refused(400, "An assistant message with 'tool_calls' must be followed by messages responding "
                                f"to each 'tool_call_id': {sorted(wanted - given)}", param="messages")  # fmt: skip


def _read_chat(number, body, form, limit):
    said = [each for each in body["messages"] if each["role"] not in ("system", "developer")]
    system = [text_of(each["content"]) for each in body["messages"] if each["role"] in ("system", "developer")]
    names = [each["function"]["name"] for each in body.get("tools") or []]
    return Asked(number, "".join(system), [_turn(each) for each in said], names, form, limit, bool(body.get("stream")))


def _turn(message):
    if message["role"] == "tool":
        return Turn("tool", results=[text_of(message["content"])])
    made = [each["function"] for each in message.get("tool_calls") or []]
    return Turn(
        message["role"], text_of(message.get("content")), [(e["name"], json.loads(e["arguments"])) for e in made]
    )


def _read_items(number, body, items):
    turns, system = [], body.get("instructions") or ""
    for item in items:
        kind = item.get("type", "message")
        if kind == "message" and item["role"] in ("system", "developer"):
            system += text_of(item["content"])
        elif kind == "message":
            turns.append(Turn(item["role"], text_of(item["content"])))
        elif kind == "function_call":
            turns.append(Turn("assistant", calls=[(item["name"], json.loads(item["arguments"]))]))
        elif kind == "function_call_output":
            turns.append(Turn("tool", results=[text_of(item["output"])]))
    form = (body.get("text") or {}).get("format")
    names = [each["name"] for each in body.get("tools") or []]
    limit = body.get("max_output_tokens")
    return Asked(number, system, turns, names, form, limit, bool(body.get("stream")))


def _response_events(whole):
    begun = {**whole, "status": "in_progress", "output": []}
    yield {"type": "response.created", "response": begun}
    for index, item in enumerate(whole["output"]):
        yield {"type": "response.output_item.added", "output_index": index, "item": item}
        if item["type"] == "message":
            text = item["content"][0]["text"]
            yield {"type": "response.output_text.delta", "item_id": item["id"], "output_index": index,
                   "content_index": 0, "delta": text}  # fmt: skip
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{whole['status']}", "response": whole}


def _unsupported(parameter, instead, model):
    text = f"Unsupported parameter: '{parameter}' is not supported with this model. {instead}".strip()
    return _refused(400, f"{text} ({model})", code="unsupported_parameter", param=parameter)


def _refused(status, message, kind="invalid_request_error", code=None, param=None):
    return Refused(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})
