"""Runs in a sandbox with the Python of the NAT environment: loads the packaged agent, and asks it or lets it be asked.

Reads {"config": path, "beside": folder of this file, "cases": [{"id", "query", "messages", "world"}], "seconds": float,
"together": int} from standard input; writes to standard output one JSON object with the result of loading and of each
case. `messages` is the conversation that ends with the query, and `together` how many cases may run at once. The agent
is loaded anew for the cases of each world, which "worlds" describes for `worlds_script.py`. With "talk": PATH of a Unix
socket there are no cases: what is asked there is answered until it closes (`talk_script.py`). `nat_steps.py` and those
lie beside it. Where a fork of a prepared interpreter runs this, what every agent needs is imported already.
"""

import asyncio
import functools
import gc
import importlib
import importlib.util
import json
import os
import sys
import threading
import time
import traceback

MAX_STEPS = 200
MAX_TEXT = 4000
MAX_CALLS_TEXT = 3_000_000  # characters of all calls of all cases: the whole report may have 8 MB


def main():
    """Run the cases with standard output reserved for the report, because libraries print."""
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.read())
    # of a prepared interpreter, the path is that with which it was started
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(":") if path and path not in sys.path]
    outcome = {"loaded": False, "error": "", "cases": []}
    try:
        asyncio.run(run(request, outcome))
    except BaseException as error:  # NAT and MCP raise groups of anything
        outcome["error"] = outcome["error"] or root_cause(error)
    json.dump(outcome, report)
    report.close()
    os._exit(0)  # everything is closed and reported; unloading the modules would take another second


async def run(request, outcome):
    """Load the agent as `nat run` does, in each world that its cases name, ask it these, and fill in `outcome`."""
    gc.disable()  # it takes a fifth to a third of the time of NAT's imports, whose objects stay
    steps, places = _beside(request, "nat_steps"), _beside(request, "worlds_script")
    worlds = places.AgentWorlds(request["worlds"]) if request.get("worlds") else places.NoWorlds()
    steps.watch()
    # The model's client takes seconds to import; meanwhile the MCP servers start in their own processes.
    threading.Thread(target=importlib.import_module, args=("langchain_litellm",), daemon=True).start()
    for world in dict.fromkeys(case["world"] for case in request["cases"]) or [""]:
        outcome["loaded"] = False
        with places.entered(worlds, world):
            await load_and_ask(request, outcome, worlds, world, steps.calls_of)


async def load_and_ask(request, outcome, worlds, world, calls_of):
    """Load the agent in the world in which this process is, and ask it the cases that name it."""
    from nat.builder.workflow_builder import WorkflowBuilder
    from nat.runtime.loader import load_config
    from nat.runtime.session import SessionManager

    config = load_config(request["config"])
    worlds.configure(world, config)
    give_proxies(config)
    async with WorkflowBuilder(general_config=config.general) as builder:
        start_groups_at_once(builder, config)
        await builder.populate_builder(config)
        manager = await SessionManager.create(config=config, shared_builder=builder)
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        outcome["loaded"] = True
        if "talk" in request:
            await _beside(request, "talk_script").talk(manager, request["talk"], calls_of, root_cause)
        else:
            room = MAX_CALLS_TEXT // max(len(request["cases"]), 1)
            cases = [case for case in request["cases"] if case["world"] == world]
            together = 1 if worlds.alone(world) else request["together"]
            one = functools.partial(
                ask, manager, calls_of=lambda found: calls_of(found, room), seconds=request["seconds"]
            )
            await ask_all(one, cases, outcome["cases"], together, lambda: worlds.begin(world))
        await manager.shutdown()


def start_groups_at_once(builder, config):
    """Start the MCP servers concurrently: NAT's builder starts each after the previous one has listed its tools."""
    add = builder.add_function_group

    async def start(name, group):
        try:
            return await add(name, group)
        except Exception as error:
            raise RuntimeError(f"the MCP server {name} does not start: {root_cause(error)}") from None

    started = {name: asyncio.create_task(start(name, group)) for name, group in config.function_groups.items()}
    builder.add_function_group = lambda name, _: started[str(name)]


TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def give_proxies(config):
    """Pass the variables of the network to the MCP servers, which NAT starts without them."""
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy") or name in TRUST}
    for group in config.function_groups.values():
        server = getattr(group, "server", None)
        if proxies and getattr(server, "transport", "") == "stdio":
            server.env = {**proxies, **(server.env or {})}


async def ask_all(ask_one, cases, answers, together, begin):
    """Ask every case, `together` at once, and put what came of each into `answers`, in the order of cases.

    `begin` is called before each: it has the world as it was, where cases would find what others left.
    """
    free = asyncio.Semaphore(together)

    async def one(case):
        async with free:
            begin()
            return {"id": case["id"], **await ask_one(case)}

    asked = [asyncio.create_task(one(case)) for case in cases]
    try:
        for each in asked:
            answers.append(await each)
    finally:
        for each in asked:
            each.cancel()


async def ask(manager, case, *, seconds, calls_of):
    """Ask one question, and return the answer, the calls, and any error."""
    from nat.data_models.api_server import ChatRequest
    from nat.data_models.intermediate_step import IntermediateStepType

    started = time.monotonic()
    steps = []
    outcome = {"answer": "", "error": ""}
    said = ChatRequest.model_validate({"messages": case["messages"]}) if len(case["messages"]) > 1 else case["query"]
    try:
        async with asyncio.timeout(seconds), manager.session() as session, session.run(said) as runner:
            runner.context.intermediate_step_manager.subscribe(steps.append)
            outcome["answer"] = await runner.result(to_type=str)
    except TimeoutError:
        outcome["error"] = f"no answer within {seconds:.0f} s"
    except BaseException as error:  # NAT and MCP raise groups of anything
        outcome["error"] = root_cause(error)
    functions = (IntermediateStepType.FUNCTION_START, IntermediateStepType.FUNCTION_END)
    payloads = [step.payload for step in steps if step.payload.event_type in functions]
    outcome["called"] = [p.name for p in payloads if p.event_type == IntermediateStepType.FUNCTION_START]
    outcome["calls"] = calls_of(steps)
    outcome["steps"] = [step_of(payload) for payload in payloads[:MAX_STEPS]]
    outcome["seconds"] = round(time.monotonic() - started, 3)
    return outcome


def _beside(request, name):
    """Import a file that lies beside this one: no folder of ours is among those that Python looks into."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(request["beside"], f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def step_of(payload):
    """Return one step for the transcript: the event, the function's name, its time, input and output."""
    given = {side: getattr(payload.data, side, None) for side in ("input", "output")}
    texts = {side: str(value)[:MAX_TEXT] for side, value in given.items() if value is not None}
    return {"event": str(payload.event_type.value), "name": payload.name, "at": payload.event_timestamp, **texts}


def root_cause(error):
    """Return the innermost error of groups and causes, in one line; print the traceback to standard error."""
    traceback.print_exception(error)
    while True:
        if isinstance(error, BaseExceptionGroup) and error.exceptions:
            error = error.exceptions[0]
        elif error.__cause__ is not None:
            error = error.__cause__
        else:
            return f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
