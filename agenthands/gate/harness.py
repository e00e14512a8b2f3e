"""Runs inside the sandbox, with the NAT environment's Python: imports NAT once and forks for each job.

Standard library, NAT, pytest, coverage and time-machine only. It arrives through standard input, so that no file of it
can be read: first its own source (see `harness_runs.py`), then one JSON object on the next line:

    {"folder": path with the tool's files, read-only, "work": path, empty, "tool": name, "path": [for sys.path],
     "tests": path of the tests below folder, "put_off": {package: name in it}, "lanes": int,
     "stages": [{"stop": bool, "jobs": [{"id": str, "kind": conformance|tests|calls, "seconds": float, ...}]}]}

It writes one JSON object to standard output: {job id: {"ok": bool, "seconds": float, ...}}. The jobs of a stage run in
`lanes` processes at a time; where a stage with `stop` has a job that is not ok, the later stages are left out.

The tool's code is imported in forked children only. A child inherits no descriptor but its own pipe; its answer counts
only with a word that was drawn for it, and is encoded by functions that were looked up before the tool was imported.
What is the same for all runs of the tests is done once, before the first fork: no code of the tool or its tests is run
for that, and a run cannot see from it which one it is.
This process cannot be traced or opened through /proc (PR_SET_DUMPABLE), so the report's channel is out of reach.
"""

import asyncio
import collections
import contextlib
import ctypes
import gc
import importlib.machinery
import importlib.util
import io
import json
import os
import resource
import secrets
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import types

MAX_ANSWER = 4 * 1024 * 1024
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PYTEST_OPTIONS = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", os.devnull, "--tb=short",
                  "-p", "no:faulthandler", "-p", "no:unraisableexception", "-p", "no:threadexception",
                  "--capture=sys"]  # fmt: skip
WARM_TEST = """import asyncio, pytest
def test_passes(tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError):
        int("x")
def test_fails():
    async def call():
        assert {"a": 1.0} == {"a": pytest.approx(2.0)}
    asyncio.run(call())
"""
FEW_JOBS = 4
SCRATCH = ("/tmp", "/dev/shm")
encode = json.encoder.c_make_encoder(
    None, str, json.encoder.encode_basestring_ascii, None, ": ", ", ", False, False, True
)


def main():
    """Do all jobs of the request and report."""
    gc.disable()  # importing leaves little to collect, and looking for it takes a tenth of the time
    report = os.fdopen(os.dup(1), "wb")
    request = json.loads(sys.stdin.buffer.readline())
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    sys.path += request["path"]
    with put_off(request["put_off"]):
        warm_up()
    if sum(len(stage["jobs"]) for stage in request["stages"]) > FEW_JOBS:
        run_a_test()
    sys.path.insert(0, request["folder"])
    request["pytest"] = prepared_session(request)
    gc.freeze()
    gc.enable()
    lanes, answers = Lanes(request), {}
    for stage in request["stages"]:
        for job in stage["jobs"]:
            bound(job, answers)
        done = lanes.run(stage["jobs"])
        answers.update(done)
        if stage["stop"] and not all(answer["ok"] for answer in done.values()):
            break
    report.write(json.dumps(answers).encode())
    report.close()


class PutOff(types.ModuleType):
    """A package that is loaded when something of it is used. (importlib's LazyLoader loads with the second import.)"""

    def __getattr__(self, name):
        """Load the package: nothing of it is there yet."""
        self.__class__ = types.ModuleType
        self.__path__ = self.__spec__.submodule_search_locations
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


@contextlib.contextmanager
def put_off(packages):
    """Let packages be loaded when they are used. NAT names one class of each in annotations; a stand-in serves there.

    They are a third of what NAT imports, for what no tool uses that does not import them itself.
    """
    found = []
    for package, name in packages.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.submodule_search_locations:
            sys.modules[package] = module = importlib.util.module_from_spec(spec)
            del module.__path__  # who imports a part of the package asks for this first
            setattr(module, name, type(name, (), {"__module__": package}))
            module.__class__ = PutOff
            found.append((module, name))
    yield
    for module, name in found:
        if type(module) is PutOff:
            delattr(module, name)


def warm_up():
    """Build and call a small tool: NAT imports much only when it is used."""
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


def run_a_test():
    """Run a small test, which passes once and fails once: pytest imports much only when it needs it."""
    import coverage  # noqa: F401
    import pytest

    with tempfile.TemporaryDirectory() as folder:
        test = os.path.join(folder, "test_warm.py")
        with open(test, "w") as file:
            file.write(WARM_TEST)
        pytest.main([*PYTEST_OPTIONS, "--rootdir", folder, test])


def prepared_session(request):
    """Begin a session of pytest up to where it would import the tests; their asserts are rewritten, not run."""
    import pathlib

    from _pytest.assertion import rewrite
    from _pytest.config import get_config
    from _pytest.main import Session

    path = os.path.join(request["folder"], request["tests"])
    options = [*PYTEST_OPTIONS, "--rootdir", request["folder"], path]
    os.chdir(request["work"])
    shown, sys.stdout = sys.stdout, io.StringIO()
    config = get_config(options)
    config = config.pluginmanager.hook.pytest_cmdline_parse(pluginmanager=config.pluginmanager, args=options)
    session = Session.from_config(config)
    config._do_configure()
    config.hook.pytest_sessionstart(session=session)
    sys.stdout = shown
    handler = config.pluginmanager.get_plugin("logging-plugin").log_file_handler
    null = open(1, "w", closefd=False)  # noqa: SIM115 - /dev/null as before, but no child closes it
    handler.setStream(null).close()
    rewrite_test, rewritten = rewrite._rewrite_test, {}
    with contextlib.suppress(Exception):  # who runs the tests meets it again
        rewritten[path] = rewrite_test(pathlib.Path(path), config)
    rewrite._rewrite_test = lambda file, config: rewritten.get(str(file)) or rewrite_test(file, config)
    return session


def bound(job, answers):
    """Bound a job by what the unchanged tool took: endless loops are frequent among mutants."""
    like = answers.get(job.get("like"))
    if like:
        job["cpu_seconds"] = 1 + 5 * like["cpu"]
        job["seconds"] = min(job["seconds"], 10 + 10 * like["seconds"])


class Child:
    """A forked process with a job: what it was told, what it has said so far."""

    def __init__(self, job, function, lane=0, inherit=False):
        """Fork; `function` gives the answer in the child, which keeps open files where `inherit` says so."""
        self.job = job
        self.word = secrets.token_bytes(24)
        self.started = time.monotonic()
        self.deadline = self.started + job["seconds"]
        self.data = b""
        self.reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(writing)
            os.set_blocking(self.reading, False)
            self.ended = os.pidfd_open(self.pid)
            return
        os.setsid()
        os.close(self.reading)
        if not inherit:
            keep_only(writing)
        self.answer_and_end(function, writing, lane)

    def answer_and_end(self, function, writing, lane):
        """Do the job in the child and write the answer, with the word in front."""
        word, pack, write, end = self.word, encode, os.write, os._exit  # whatever the tool puts in their places
        del self.word
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        own = tempfile.mkdtemp(prefix=f"job{lane}-")
        os.environ["TMPDIR"] = tempfile.tempdir = own
        if self.job.get("cpu_seconds"):
            limit = int(self.job["cpu_seconds"]) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        try:
            answer = function(self.job)
        except BaseException as error:  # the tool may raise anything, SystemExit included
            answer = {"ok": False, "error": describe(error)}
        left = children_of(os.getpid())
        if left:
            answer = {"ok": False, "error": f"the code leaves {len(left)} processes running behind it"}
        data = word + "".join(pack(answer, 0)).encode()[:MAX_ANSWER]
        while data:
            data = data[write(writing, data) :]
        end(0)

    def finished(self, ready):
        """Take what the child has written; say whether that was all. What it left running may hold its pipe open."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.reading, 65536):
                self.data += chunk
                if len(self.data) > MAX_ANSWER + 100:
                    return True
            return True
        return self.ended in ready

    def end(self, late):
        """Kill the child and its process group; give the answer."""
        os.close(self.reading)
        os.close(self.ended)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                kill(self.pid, signal.SIGKILL)
        _, status, used = os.wait4(self.pid, 0)
        took = {"seconds": round(time.monotonic() - self.started, 4), "cpu": round(used.ru_utime + used.ru_stime, 4)}
        return {**self.answer(late, os.waitstatus_to_exitcode(status)), **took}

    def answer(self, late, code):
        """Judge what the child has written."""
        if late:
            return {"ok": False, "error": f"still running after {self.job['seconds']:.0f} s", "timeout": True}
        if code == -signal.SIGXCPU or (code == -signal.SIGKILL and self.job.get("cpu_seconds")):
            return {"ok": False, "error": f"used more than {self.job['cpu_seconds']:.0f} s of CPU", "timeout": True}
        if not self.data:
            return {"ok": False, "error": f"the process ended without an answer (exit code {code})"}
        if not self.data.startswith(self.word):
            return {"ok": False, "error": "the code wrote into the gate's report"}
        try:
            return json.loads(self.data[len(self.word) :])
        except ValueError:
            return {"ok": False, "error": "the answer is too long or broken"}


def wait_for(children):
    """Wait until something happens; give those that have ended, and those whose time is over with True."""
    left = min(child.deadline for child in children) - time.monotonic()
    handles = [handle for child in children for handle in (child.reading, child.ended)]
    ready = select.select(handles, [], [], max(0, left))[0]
    now = time.monotonic()
    done = [(child, False) for child in children if child.finished(ready)]
    return done or [(child, True) for child in children if now > child.deadline]


class Lanes:
    """Runs jobs, some at a time, each in a child of its own."""

    def __init__(self, request):
        """Take the number of lanes from the request."""
        self.request = request
        self.running = []
        self.answers = {}
        self.folders = [*SCRATCH, request["work"]]
        self.known = {entry.path for folder in self.folders for entry in os.scandir(folder)}

    def run(self, jobs):
        """Run all jobs; give the answers by id."""
        self.answers = {}
        waiting = collections.deque(jobs)
        while waiting or self.running:
            while waiting and len(self.running) < self.request["lanes"]:
                job = waiting.popleft()
                child = Child(job, lambda job: JOBS[job["kind"]](self.request, job), len(self.running))
                self.running.append(child)
            self.wait()
        return self.answers

    def wait(self):
        """Wait until something happens, and take the answers of those that have ended or must end."""
        for child, late in wait_for(self.running):
            self.running.remove(child)
            self.answers[child.job["id"]] = child.end(late)
        self.sweep()

    def sweep(self):
        """End what a job has left running, and once nothing runs remove the files that were left for later jobs."""
        mine = {child.pid for child in self.running}
        for pid in children_of(os.getpid()):
            if pid not in mine:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
        for folder in self.folders:
            for entry in os.scandir(folder):
                if entry.path not in self.known and not (self.running and entry.name.startswith("job")):
                    remove(entry)


def remove(entry):
    """Delete a file or a folder; what cannot be deleted is nobody's secret."""
    with contextlib.suppress(OSError):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)


def children_of(pid):
    """Give the process ids of the children of a process."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
            found += [int(each) for each in file.read().split()]
    return found


def keep_only(descriptor):
    """Close every inherited descriptor but the standard ones and the child's own pipe."""
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, 4096)


def describe(error):
    """Give class, message and the last lines of the traceback."""
    return "".join(traceback.format_exception(error))[-3000:]


class Replaced(importlib.machinery.SourceFileLoader):
    """Loads the tool's module from a text that stands for its file, which stays as it is."""

    source = ""

    def get_code(self, fullname):
        """Compile the text."""
        return compile(self.source, self.path, "exec", dont_inherit=True)


class Finder:
    """Finds the tool's module alone."""

    def __init__(self, request, source):
        """Stand for the tool's file with `source`."""
        self.name = f"nat_tools.{request['tool']}"
        self.loader = Replaced(self.name, tool_file(request))
        self.loader.source = source

    def find_spec(self, fullname, path=None, target=None):
        """Answer for one name."""
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.loader.path, loader=self.loader)


def tool_file(request):
    """Give the path of the tool's module."""
    return os.path.join(request["folder"], "nat_tools", f"{request['tool']}.py")


@contextlib.contextmanager
def conditions(request, job):
    """What a job asks for: another text of the tool, another date."""
    os.chdir(request["work"])
    if job.get("source") is not None:
        sys.meta_path.insert(0, Finder(request, job["source"]))
    if job.get("clock_shift"):
        import time_machine

        with time_machine.travel(time.time() + job["clock_shift"]):
            yield
    else:
        yield


def load_tool(request):
    """Import the tool and give NAT's registrations that its module made."""
    import importlib

    from nat.cli.type_registry import GlobalTypeRegistry

    before = {id(info) for info in GlobalTypeRegistry.get().get_registered_functions()}
    importlib.import_module(f"nat_tools.{request['tool']}")
    return [info for info in GlobalTypeRegistry.get().get_registered_functions() if id(info) not in before]


def conformance(request, job):
    """Import the tool under NAT and look at what it registered."""
    from nat.builder.workflow_builder import WorkflowBuilder
    from nat.data_models.function import FunctionBaseConfig

    found = load_tool(request)
    names = [info.config_type.static_type() for info in found]
    if names != [request["tool"]]:
        return {"ok": False, "error": f"NAT sees the registered names {names}; it must be [{request['tool']!r}]"}
    config = found[0].config_type
    needed = [name for name, field in config.model_fields.items() if field.is_required()]
    if needed:
        return {"ok": False, "error": f"{config.__name__}() must work without values; give {needed} a default"}
    if not issubclass(config, FunctionBaseConfig):
        return {"ok": False, "error": f"{config.__name__} must be a FunctionBaseConfig"}

    async def look():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", config())
            if not function.has_single_output:
                return {"ok": False, "error": "the function must give one result, not a stream"}
            return {
                "ok": True,
                "description": function.description or "",
                "input_schema": function.input_schema.model_json_schema() if function.input_schema else {},
            }

    return asyncio.run(look())


class Outcomes:
    """A pytest plug-in that collects outcomes and failures and changes how the tests are run."""

    def __init__(self, job, session):
        """Take what the job asks for."""
        self.job = job
        self.session = session
        self.by_test = {}
        self.failures = []

    def pytest_collection_modifyitems(self, items):
        """Turn the order around."""
        if self.job.get("reverse"):
            items.reverse()

    def pytest_runtestloop(self, session):
        """Run each test in a process of its own, where the job asks for that."""
        if not self.job.get("alone") or session.testsfailed:
            return None
        for item in session.items:
            answer = run_alone(self, item)
            if "outcomes" in answer:
                self.by_test.update(answer["outcomes"])
                self.failures += answer["failures"]
            else:
                self.by_test[item.nodeid] = "failed"
                self.failures.append(f"{item.nodeid}: {answer['error']}")
        return True

    def pytest_runtest_makereport(self, item, call):
        """Leave out the traceback of a failure where nobody reads it: it takes longer than the tests."""
        if call.excinfo and self.job.get("verdict_only"):
            item.config.option.tbstyle = "no"

    def pytest_runtest_logreport(self, report):
        """Note how a test went."""
        self.session.config.option.tbstyle = "short"
        if report.when == "call" or report.outcome != "passed":
            self.by_test[report.nodeid] = report.outcome
        if report.failed and self.job.get("first_failure"):
            self.session.shouldfail = "one failure is enough"
        if report.failed:
            self.failures.append(f"{report.nodeid} ({report.when})\n{report.longreprtext}"[:4000])

    def pytest_collectreport(self, report):
        """Note what could not be collected."""
        if report.failed:
            self.by_test[report.nodeid] = "error"
            self.failures.append(f"{report.nodeid} (collection)\n{report.longreprtext}"[:4000])


def run_alone(outcomes, item):
    """Run one collected test in a forked process."""

    def one(job):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return {"ok": True, "outcomes": outcomes.by_test, "failures": outcomes.failures[:3]}

    outcomes.by_test, outcomes.failures, kept = {}, [], (outcomes.by_test, outcomes.failures)
    child = Child({"seconds": outcomes.job["seconds"] / 2}, one, inherit=True)  # the tests may hold files open
    outcomes.by_test, outcomes.failures = kept
    ended = []
    while not ended:
        ended = wait_for([child])
    return child.end(ended[0][1])


def tests(request, job):
    """Run the tool's tests with pytest, without plug-ins and without configuration files."""
    sys.stdout = sys.stderr = io.StringIO()
    session = request["pytest"]
    outcomes = Outcomes(job, session)
    session.config.pluginmanager.register(outcomes)
    with conditions(request, job), measured(request, job) as covered:
        code = finished(session)
    passed = bool(outcomes.by_test) and set(outcomes.by_test.values()) <= {"passed", "skipped"}
    return {
        "ok": passed and (int(code) == 0 or bool(job.get("alone"))),
        "exit_code": int(code),
        "outcomes": outcomes.by_test,
        "failures": outcomes.failures[:10],
        **covered,
    }


def finished(session):
    """Do the rest of a session as `pytest.main` does; give its exit code."""
    import pytest
    from _pytest.main import _main

    os.environ["PYTEST_VERSION"] = pytest.__version__
    try:
        code = _main(session.config, session) or pytest.ExitCode.OK
    except session.Failed:
        code = pytest.ExitCode.TESTS_FAILED
    except (KeyboardInterrupt, pytest.exit.Exception):
        code = pytest.ExitCode.INTERRUPTED
    session.exitstatus = code
    session.config.hook.pytest_sessionfinish(session=session, exitstatus=code)
    session.config._ensure_unconfigure()
    return code


@contextlib.contextmanager
def measured(request, job):
    """Measure which lines of the tool run, where the job asks for it."""
    covered = {}
    if not job.get("coverage"):
        yield covered
        return
    from coverage import Coverage

    path = tool_file(request)
    measuring = Coverage(data_file=None, include=[path], config_file=False, messages=False)
    measuring.set_option("report:exclude_lines", [])
    measuring.start()
    yield covered
    measuring.stop()
    with contextlib.suppress(Exception):  # no line of the tool has run
        _, lines, _, missing, _ = measuring.analysis2(path)
        covered.update(lines=len(lines), missing=missing)


def calls(request, job):
    """Call the tool through NAT with each of the given arguments."""
    from nat.builder.workflow_builder import WorkflowBuilder

    async def one(function, arguments):
        try:
            result = await function.ainvoke(arguments)
        except Exception as error:
            return {"raises": [cls.__name__ for cls in type(error).__mro__], "message": str(error)[:500]}
        if hasattr(result, "model_dump"):
            result = result.model_dump(mode="json")
        try:
            json.dumps(result, allow_nan=False)
        except (TypeError, ValueError) as error:
            return {"raises": ["NotJson"], "message": f"the result is no JSON: {error}"}
        return {"result": result}

    async def all_calls():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", found[0].config_type())
            return [await one(function, arguments) for arguments in job["arguments"]]

    with conditions(request, job):
        found = load_tool(request)
        return {"ok": True, "calls": asyncio.run(all_calls())}


JOBS = {"conformance": conformance, "tests": tests, "calls": calls}

if __name__ == "__main__":
    main()
