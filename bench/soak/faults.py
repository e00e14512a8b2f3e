"""What goes wrong with the model of a soak: single calls, and whole conversations that never end by themselves."""

import json
import random
import re
from collections import Counter

import faulty_server as faults

CALLS = {
    "rate limit": faults.RATE_LIMIT,
    "rate limit, Retry-After 1": faults.rate_limit(1),
    "quota": faults.QUOTA,
    "500": faults.BROKEN,
    "503": faults.OVERLOADED,
    "hang": faults.hang,
    "cut": faults.cut,
    "no choices": faults.NO_CHOICES,
    "empty": faults.EMPTY,
    "filtered question": faults.FILTERED,
    "filtered answer": faults.FILTERED_ANSWER,
    "finish reason SAFETY": faults.says(finish="SAFETY"),
    "finish reason MALFORMED_FUNCTION_CALL": faults.says(finish="MALFORMED_FUNCTION_CALL"),
    "context window": faults.TOO_LONG,
    "malformed arguments": faults.says(calls=[("terminal", '{"command": "ls')]),
    "unknown tool": faults.says(calls=[("teleport", "{}")]),
    "plain text": faults.says("All done, every file is written."),
}
OWN_TOOL = 4  # every fourth request has a tool of its own
_ANYTHING = {"content": "", "tool_calls": [("terminal", {"command": "ls"})]}
_TURNS = 4  # of the script's coder; a loop begins in any of them


class Faults:
    """Has a part of all calls go wrong, and the same part of all conversations of coders loop."""

    def __init__(self, model, chance):
        """Make the scripted `model` faulty; `chance` may be set to 0 later, and loops that have begun stay."""
        self.chance, self.injected, self.loops = chance, Counter(), {}
        self._next = []
        model.fault, model.change = self._fault, self._change

    def _fault(self, kind, number):
        del kind, number
        if random.random() >= self.chance:
            return None
        if not self._next:  # each kind once, in any order, before one comes again
            self._next = random.sample(list(CALLS), len(CALLS))
        name = self._next.pop()
        self.injected[name] += 1
        return CALLS[name]

    def _change(self, kind, messages, message):
        if kind == "plan":
            return _own_tool(messages, message)
        return self._loop(messages, message) if kind == "coder" else message

    def _loop(self, messages, message):
        """Let a conversation that was drawn for it answer from some turn on with one tool call, whatever it is told."""
        task = json.dumps([each["content"] for each in messages if each["role"] == "user"][:1])
        found = re.search(r"Workspace: ([^\s\\]+)", task)
        if not found:  # it sums up a conversation that is too long
            return message
        workspace = found[1]
        if workspace not in self.loops:
            drawn = random.random() < self.chance
            self.loops[workspace] = Loop(random.randrange(_TURNS)) if drawn else None
        loop = self.loops[workspace]
        turn = sum(each["role"] == "assistant" for each in messages)
        if loop is None or turn < loop.begins:
            return message
        if not loop.calls:
            self.injected["endless loop"] += 1
        return loop.again(message)

    def longest_loop(self):
        """Return the most calls that a looping conversation was let make."""
        return max((loop.calls for loop in self.loops.values() if loop), default=0)


class Loop:
    """One answer, again and again."""

    def __init__(self, begins):
        """Begin in the turn `begins`."""
        self.begins, self.calls, self.message = begins, 0, None

    def again(self, message):
        """Return the first answer once more; a call that would end the conversation is replaced."""
        self.calls += 1
        names = [name for name, _ in message["tool_calls"]]
        self.message = self.message or (message if names and "finish" not in names else _ANYTHING)
        return self.message


def _own_tool(messages, message):
    """Let some requests have a tool of their own, so that it is written and judged anew."""
    if not message["content"].lstrip().startswith("{"):
        return message
    number = re.search(r"report (\d+)", json.dumps(messages))
    plan = json.loads(message["content"])
    if number and int(number[1]) % OWN_TOOL == 0:
        plan["custom_tools"][0]["purpose"] += f" For report {number[1]}."
    return {**message, "content": json.dumps(plan)}
