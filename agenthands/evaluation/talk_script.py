"""Runs in a sandbox, beside `agent_script.py`: answers what is asked on a Unix socket, one JSON object a line.

Asked is {"messages": [{"role", "content"}], "seconds": float}. Told is {"event": "ready"} once; then, for each
question, {"event": "call", "number": int, "call": {...}} where a call begins and again where it ends, as
`nat_steps.calls_of` has it, and at the end {"event": "answer", "answer": text, "error": text, "calls": [...],
"seconds": float}.
"""

import asyncio
import json
import time

LONGEST_LINE = 8 * 1024**2


async def talk(manager, path, calls_of, root_cause):
    """Connect to the socket and answer, one question after the other, until it is closed."""
    reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)

    def tell(event, **more):
        writer.write(json.dumps({"event": event, **more}, ensure_ascii=True).encode() + b"\n")

    tell("ready")
    asked = asyncio.ensure_future(reader.readline())
    while line := await asked:
        asked = asyncio.ensure_future(reader.readline())
        answering = asyncio.ensure_future(answer(manager, json.loads(line), calls_of, root_cause, tell))
        await asyncio.wait({answering, asked}, return_when=asyncio.FIRST_COMPLETED)
        if asked.done() and not asked.result():
            answering.cancel()  # nobody waits for it any more
            break
        tell("answer", **await answering)
        await writer.drain()
    writer.close()


async def answer(manager, asked, calls_of, root_cause, tell):
    """Answer one question, and tell of each call when it begins and when it ends."""
    from nat.data_models.api_server import ChatRequest

    started, steps, told = time.monotonic(), [], []
    outcome = {"answer": "", "error": ""}
    messages = asked["messages"]
    said = ChatRequest.model_validate({"messages": messages}) if len(messages) > 1 else messages[-1]["content"]

    def step(happened):
        steps.append(happened)
        for number, call in enumerate(calls_of(steps)):
            if told[number : number + 1] != [call]:
                told[number : number + 1] = [call]
                tell("call", number=number, call=call)

    try:
        async with asyncio.timeout(asked["seconds"]), manager.session() as session, session.run(said) as runner:
            runner.context.intermediate_step_manager.subscribe(step)
            outcome["answer"] = await runner.result(to_type=str)
    except TimeoutError:
        outcome["error"] = f"no answer within {asked['seconds']:.0f} s"
    except BaseException as error:  # NAT and MCP raise groups of anything
        outcome["error"] = root_cause(error)
    return {**outcome, "calls": calls_of(steps), "seconds": round(time.monotonic() - started, 3)}
