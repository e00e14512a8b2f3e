"""Runs inside the sandbox, with the NAT environment's Python: imports NAT once and forks for each job.

Standard library and NAT only. Reads one JSON object from standard input:

    {"folder": path, "tool": name, "jobs": [{"id": str, "kind": conformance|tests|calls, "seconds": float, ...}]}

and writes one JSON object to standard output: {job id: {"ok": bool, ...}}. The tool's code is imported in the forked
children only. A child inherits no descriptor but its own pipe, and this process cannot be traced or opened through
/proc (PR_SET_DUMPABLE), so the report's channel is out of the tool's reach.
"""

import asyncio
import ctypes
import gc
import io
import json
import os
import select
import signal
import sys
import tempfile
import time
import traceback

MAX_ANSWER = 4 * 1024 * 1024
PR_SET_DUMPABLE = 4
PYTEST_OPTIONS = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", os.devnull, "--tb=short"]


def main():
    """Do all jobs of the request and report."""
    report = os.fdopen(os.dup(1), "wb")
    request = json.loads(sys.stdin.buffer.read())
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    warm_up()
    answers = {job["id"]: run_forked(request, job) for job in request["jobs"]}
    report.write(json.dumps(answers).encode())
    report.close()


def warm_up():
    """Build and call a small tool, and run a small test: NAT and pytest import much only when they are used."""
    import pytest
    from nat.builder.function_info import FunctionInfo
    from nat.builder.workflow_builder import WorkflowBuilder
    from nat.cli.register_workflow import register_function
    from nat.data_models.function import FunctionBaseConfig
    from pydantic import BaseModel

    class WarmInput(BaseModel):
        number: int

    class WarmConfig(FunctionBaseConfig, name="agenthands_warm_up"):
        pass

    @register_function(config_type=WarmConfig)
    async def warm(config, builder):
        async def run(data: WarmInput) -> int:
            return data.number

        yield FunctionInfo.from_fn(run, description="Warms up.")

    async def call():
        async with WorkflowBuilder() as builder:
            await (await builder.add_function("tool", WarmConfig())).ainvoke({"number": 1})

    asyncio.run(call())
    with tempfile.TemporaryDirectory() as folder:
        test = os.path.join(folder, "test_warm.py")
        with open(test, "w") as file:
            file.write("import pytest\n\n\ndef test_warm():\n    with pytest.raises(ValueError):\n        int('x')\n")
        pytest.main([*PYTEST_OPTIONS, "--rootdir", folder, test])
    gc.collect()
    gc.freeze()


def run_forked(request, job):
    """Run one job in a child; what it does not answer in time, or at all, is an answer too."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(reading)
        keep_only(writing)
        try:
            answer = JOBS[job["kind"]](request, job)
        except BaseException as error:  # the tool may raise anything, SystemExit included
            answer = {"ok": False, "error": describe(error)}
        data = json.dumps(answer, default=str).encode()[:MAX_ANSWER]
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data)
        os._exit(0)
    os.close(writing)
    data, late = read_until_closed(reading, time.monotonic() + job["seconds"])
    os.close(reading)
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    status = os.waitpid(pid, 0)[1]
    if late:
        return {"ok": False, "error": f"still running after {job['seconds']:.0f} s", "timeout": True}
    try:
        return json.loads(data)
    except ValueError:
        code = os.waitstatus_to_exitcode(status)
        return {"ok": False, "error": f"the process ended without an answer (exit code {code})"}


def keep_only(descriptor):
    """Close every inherited descriptor but the standard ones and the child's own pipe."""
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, 4096)


def read_until_closed(descriptor, deadline):
    """Read up to MAX_ANSWER bytes; say whether the deadline passed first."""
    data = b""
    while (left := deadline - time.monotonic()) > 0:
        if select.select([descriptor], [], [], left)[0]:
            chunk = os.read(descriptor, 65536)
            if not chunk or len(data) > MAX_ANSWER:
                return data, False
            data += chunk
    return data, True


def describe(error):
    """Give class, message and the last lines of the traceback."""
    lines = traceback.format_exception(error)
    return "".join(lines)[-3000:]


def load_tool(request):
    """Import the tool and give NAT's registrations that its module made."""
    import importlib

    from nat.cli.type_registry import GlobalTypeRegistry

    sys.path.insert(0, request["folder"])
    os.chdir(request["folder"])
    before = {id(info) for info in GlobalTypeRegistry.get().get_registered_functions()}
    importlib.import_module(f"nat_tools.{request['tool']}")
    return [info for info in GlobalTypeRegistry.get().get_registered_functions() if id(info) not in before]


def conformance(request, job):
    """Import the tool under NAT and look at what it registered."""
    from nat.builder.workflow_builder import WorkflowBuilder

    found = load_tool(request)
    names = [info.config_type.static_type() for info in found]
    if names != [request["tool"]]:
        return {
            "ok": False,
            "error": f"NAT sees the registered names {names}; it must be [{request['tool']!r}]",
        }

    async def look():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", found[0].config_type())
            return {
                "ok": True,
                "description": function.description or "",
                "input_schema": function.input_schema.model_json_schema() if function.input_schema else {},
            }

    return asyncio.run(look())


def tests(request, job):
    """Run the tool's tests with pytest, without plug-ins and without configuration files."""
    import pytest

    class Collector:
        def __init__(self):
            self.outcomes = {}
            self.failures = []

        def pytest_runtest_logreport(self, report):
            if report.when == "call" or report.outcome != "passed":
                self.outcomes[report.nodeid] = report.outcome
            if report.failed:
                self.failures.append(f"{report.nodeid} ({report.when})\n{report.longreprtext}"[:4000])

        def pytest_collectreport(self, report):
            if report.failed:
                self.outcomes[report.nodeid] = "error"
                self.failures.append(f"{report.nodeid} (collection)\n{report.longreprtext}"[:4000])

    sys.path.insert(0, request["folder"])
    os.chdir(request["folder"])
    sys.stdout = sys.stderr = io.StringIO()
    collector = Collector()
    code = pytest.main([*PYTEST_OPTIONS, "--rootdir", request["folder"], *job["files"]], plugins=[collector])
    return {
        "ok": int(code) == 0,
        "exit_code": int(code),
        "outcomes": collector.outcomes,
        "failures": collector.failures[:10],
    }


def calls(request, job):
    """Call the tool through NAT with each of the given arguments."""
    from nat.builder.workflow_builder import WorkflowBuilder

    found = load_tool(request)

    async def one(function, arguments):
        try:
            result = await function.ainvoke(arguments)
        except Exception as error:
            return {"raises": [cls.__name__ for cls in type(error).__mro__], "message": str(error)[:500]}
        if hasattr(result, "model_dump"):
            result = result.model_dump(mode="json")
        try:
            json.dumps(result)
        except (TypeError, ValueError) as error:
            return {"raises": ["NotJson"], "message": f"the result is no JSON: {error}"}
        return {"result": result}

    async def all_calls():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", found[0].config_type())
            return [await one(function, arguments) for arguments in job["arguments"]]

    return {"ok": True, "calls": asyncio.run(all_calls())}


JOBS = {"conformance": conformance, "tests": tests, "calls": calls}

if __name__ == "__main__":
    main()
