"""Gemini's API, generateContent and streamGenerateContent: https://ai.google.dev/api/generate-content.

What it enforces, with the page that says so, is in the comments. Errors have the form of
https://ai.google.dev/gemini-api/docs/troubleshooting.
"""

import base64
import json
import re

from providers.schemas import constrained, has_kind, parts
from providers.shared import Asked, Provider, Refused, Turn, count, events, within

_PATH = re.compile(r"/(?:v1|v1beta|v1alpha)/models/([^/:]+):(generateContent|streamGenerateContent)")
# https://ai.google.dev/api/caching#FunctionDeclaration: starts with a letter or an underscore, 64 characters at most
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
# https://ai.google.dev/api/caching#Schema: the fields of `parameters`, a subset of OpenAPI 3.0; the parser of the API
# refuses all others: "Invalid JSON payload received. Unknown name ..."
_FIELDS = {
    "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
    "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering",
    "default", "items", "minimum", "maximum", "property_ordering", "min_items", "max_items", "any_of", "max_length",
    "min_length",
}  # fmt: skip
# https://ai.google.dev/gemini-api/docs/models: output token limit of the 2.5 and 3 models
MOST = 65536
# https://ai.google.dev/gemini-api/docs/caching: implicit caching begins at this many tokens
_CACHED_FROM = 2048
# https://ai.google.dev/gemini-api/docs/thought-signatures: what the validator lets pass for a call without thoughts
_DUMMIES = {"context_engineering_is_the_way_to_go", "skip_thought_signature_validator"}


class Gemini(Provider):
    """Serves any model name. `lost` counts calls that came back with a dummy in the place of their signature."""

    def __init__(self, model):
        super().__init__(model)
        self.signatures = set()
        self.lost = 0

    def answer(self, path, body, headers):
        found = _PATH.match(path)
        if not found:
            raise _refused(404, "NOT_FOUND", f"Path {path} is not found.")
        name, method = found.groups()
        if not headers.get("x-goog-api-key") and "key=" not in path:
            raise _refused(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
        config = _snake(body.get("generationConfig") or body.get("generation_config") or {})
        declared = _declared(body)
        self._check(name, body, config, declared)
        asked = _read(len(self.bodies), body, config, declared, method)
        wish = self.wish(asked)
        schema = config.get("response_json_schema") or config.get("response_schema")
        if schema is not None and wish.text:
            # Objects whose members the schema does not name are refused or stay empty, as users report:
            # googleapis/js-genai#708, ag2ai/ag2#2421
            wish.text = constrained(wish.text, schema, closed=True, bare=False)
        thinking = config.get("thinking_config") or {}
        # Thoughts count against the limit: googleapis/python-genai#811, #2062; `thinkingBudget` bounds them:
        # https://ai.google.dev/gemini-api/docs/thinking
        budget = thinking.get("thinkingBudget", thinking.get("thinking_budget"))
        spoken = within(wish, asked.limit or MOST, budget if budget and budget > 0 else None)
        return self._said(name, wish, spoken, asked, method)

    def _check(self, name, body, config, declared):
        # https://ai.google.dev/api/generate-content#generationconfig
        limit = config.get("max_output_tokens")
        if limit is not None and not 1 <= limit <= MOST:
            raise _invalid(f"The maxOutputTokens value of {limit} is outside 1 (inclusive) to {MOST + 1} (exclusive).")
        for function in declared:
            if not _NAME.fullmatch(function["name"]):
                raise _invalid(f"Invalid function name {function['name']!r}.")
            _check_parameters(function.get("parameters"), f"tools[0].function_declarations[{function['name']}]")
        # googleapis/python-genai#867, symfony/ai#1777: 2.5 and older cannot do both
        if declared and config.get("response_mime_type") == "application/json" and not _is_three(name):
            raise _invalid("Function calling with a response mime type: 'application/json' is unsupported")
        if config.get("response_schema") is not None:
            for where, each in parts(config["response_schema"]):
                if has_kind(each, "object") and not each.get("properties"):
                    raise _invalid(f"response_schema{where}.properties: should be non-empty for OBJECT type")
        self._check_signatures(name, body)

    def _check_signatures(self, name, body):
        """In the current turn, the first call of each step has its signature back, unchanged (Gemini 3 only).

        https://ai.google.dev/gemini-api/docs/thought-signatures
        """
        contents = body["contents"]
        begins = max((i for i, each in enumerate(contents) if each["role"] == "user" and not _results(each)), default=0)
        for position, content in enumerate(contents):
            calls = [part for part in content["parts"] if _call(part)]
            if not calls:
                continue
            given = calls[0].get("thoughtSignature") or calls[0].get("thought_signature")
            known = _decoded(given)
            if known in _DUMMIES or given in _DUMMIES:
                self.lost += 1
            elif given is not None and given not in self.signatures:
                raise _invalid("Corrupted thought signature.")
            elif given is None and position >= begins and _is_three(name):
                raise _invalid(
                    f"Function call is missing a thought_signature in functionCall parts. This is required for tools "
                    f"to work correctly. Function call `{_call(calls[0])['name']}`, position {position}."
                )

    def _said(self, name, wish, spoken, asked, method):
        content = [{"text": spoken.text}] if spoken.text else []
        for index, (tool, arguments) in enumerate(spoken.calls):
            part = {"functionCall": {"name": tool, "args": arguments}}
            if index == 0 and (_is_three(name) or wish.thoughts):
                part["thoughtSignature"] = self._sign(f"{asked.number}")
            content.append(part)
        stop = wish.stop or ("MAX_TOKENS" if spoken.cut else "STOP")
        candidate = {"finishReason": stop, "index": 0}
        if wish.stop:
            content = []
        if content or stop == "STOP":
            candidate["content"] = {"role": "model", "parts": content or [{"text": ""}]}
        elif stop in ("MAX_TOKENS", "MALFORMED_FUNCTION_CALL"):
            candidate["content"] = {"role": "model"}  # without parts: googleapis/python-genai#811
        prompt = count(asked.text)
        usage = {
            "promptTokenCount": prompt,
            "candidatesTokenCount": spoken.visible,
            "totalTokenCount": prompt + spoken.visible + spoken.thoughts,
        }
        if spoken.thoughts:
            usage["thoughtsTokenCount"] = spoken.thoughts
        if cached := self.cached(asked.text, _CACHED_FROM):
            usage["cachedContentTokenCount"] = min(cached, prompt)
        whole = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": name, "responseId": "r"}
        if method == "generateContent":
            return whole, "application/json"
        return events(_chunks(whole)), "text/event-stream"

    def _sign(self, words):
        signature = base64.b64encode(f"a thought of call {words}".encode()).decode()
        self.signatures.add(signature)
        return signature


def _chunks(whole):
    """A stream has the parts in chunks, and why it stops in the last one."""
    (candidate,) = whole["candidates"]
    said = (candidate.get("content") or {}).get("parts") or []
    for part in said[:-1]:
        yield {**whole, "candidates": [{"index": 0, "content": {"role": "model", "parts": [part]}}]}
    last = {**candidate, "content": {"role": "model", "parts": said[-1:]}} if said else candidate
    yield {**whole, "candidates": [last]}


def _read(number, body, config, declared, method):
    system = body.get("systemInstruction") or body.get("system_instruction") or {"parts": []}
    return Asked(
        number,
        "".join(part.get("text", "") for part in system["parts"]),
        [_turn(each) for each in body["contents"]],
        [each["name"] for each in declared],
        config.get("response_json_schema") or config.get("response_schema"),
        config.get("max_output_tokens"),
        method == "streamGenerateContent",
    )


def _turn(content):
    made = [_call(part) for part in content["parts"] if _call(part)]
    return Turn(
        {"model": "assistant"}.get(content["role"], content["role"]),
        "".join(part.get("text", "") for part in content["parts"]),
        [(each["name"], each.get("args", {})) for each in made],
        [_result(each.get("response")) for each in _results(content)],
    )


def _result(response):
    return response["content"] if isinstance(response, dict) and list(response) == ["content"] else json.dumps(response)


def _declared(body):
    kinds = ("functionDeclarations", "function_declarations")
    return [each for tool in body.get("tools") or [] for kind in kinds for each in tool.get(kind) or []]


def _call(part):
    return part.get("functionCall") or part.get("function_call")


def _results(content):
    found = [part.get("functionResponse") or part.get("function_response") for part in content["parts"]]
    return [each for each in found if each]


def _check_parameters(schema, where):
    for path, each in parts(schema or {}):
        if unknown := sorted(each.keys() - _FIELDS):
            raise _invalid(f"Invalid JSON payload received. Unknown name \"{unknown[0]}\" at '{where}{path}'")


def _is_three(name):
    return re.match(r"gemini-[3-9]", name) is not None


def _decoded(signature):
    try:
        return base64.b64decode(signature or "").decode()
    except ValueError:
        return ""


def _snake(config):
    return {re.sub(r"[A-Z]", lambda one: f"_{one.group().lower()}", name): each for name, each in config.items()}


def _invalid(message):
    return _refused(400, "INVALID_ARGUMENT", message)


def _refused(code, status, message, **headers):
    return Refused(code, {"error": {"code": code, "message": message, "status": status}}, **headers)


def limited(seconds):
    """Answer 429 as https://ai.google.dev/gemini-api/docs/rate-limits describes it, and say when to come back."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}]
    body = {"code": 429, "message": "Resource has been exhausted.", "status": "RESOURCE_EXHAUSTED", "details": details}
    return Refused(429, {"error": body})
