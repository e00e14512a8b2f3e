"""The language model of the gateway's tests. Only who asks it imports this file, and litellm with it."""

import asyncio

import litellm
from gateway_support import KEY, seen


def say(text, calls=(), cached=0):
    """Make an answer of the model: 10 prompt tokens, 5 of completion."""
    message = {"role": "assistant", "content": text, "tool_calls": None}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for n, (name, arguments) in enumerate(calls)
        ]
    return litellm.ModelResponse(
        model="whatever",
        choices=[{"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message}],
        usage={
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": cached},
        },
    )


class Model(litellm.CustomLLM):
    """Does what the last message says; keeps every call. It cannot stream, as the scripted models cannot."""

    async def acompletion(self, *_, **call):
        call["optional_params"].pop("max_retries", None)  # the gateway's own
        seen.append({**call, "loop": asyncio.get_running_loop()})
        text = call["messages"][-1]["content"]
        where = {"llm_provider": "gatewaytest", "model": "x"}
        if text == "tools":
            return say(None, [("weather", '{"city": "Oslo"}'), ("weather", '{"city": "Rome"}')])
        if text == "slow":
            await asyncio.sleep(60)
        if text == "slower":
            await asyncio.sleep(2)
        if text == "limit":
            raise litellm.RateLimitError(f"slow down,\nkey {KEY} at http://me:pass-word@h/?key=AIzaXyz12", **where)
        if text == "refuse":
            raise litellm.AuthenticationError("Incorrect API key provided: very-****-key", **where)
        if text == "bad":
            raise litellm.BadRequestError("no such option", **where)
        if text == "crash":
            raise RuntimeError("a plain error")
        return say("Hello.", cached=4)
