"""Runs the tool's own tests with pytest, and collects what became of them."""

import contextlib
import io
import os
import sys

from agenthands.gate.harness.conditions import conditions, tool_file
from agenthands.gate.harness.forks import Child, limit_cpu, wait_for
from agenthands.gate.harness.worlds import give_world

CPU_PER_TEST = 0.2  # seconds that a run may take more for each of its tests


class Outcomes:
    """A pytest plug-in that collects outcomes and failures and changes how the tests are run."""

    def __init__(self, job, session):
        """Take what the job asks for."""
        self.job = job
        self.session = session
        self.by_test = {}
        self.failures = []
        self.late = []

    def pytest_collection_modifyitems(self, items):
        """Turn the order around, and let many tests take longer than few."""
        if self.job.get("reverse"):
            items.reverse()
        if "cpu_most" in self.job:
            limit_cpu(self.job["cpu_seconds"] + CPU_PER_TEST * len(items))

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
                self.late += [item.nodeid] if answer.get("timeout") else []
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
    bounds = {"seconds": outcomes.job["seconds"] / 2, "cpu_seconds": outcomes.job["cpu_seconds"]}
    child = Child(bounds, one, inherit=True)  # the tests may hold files open
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
    give_world(request, session)
    with conditions(request, job), measured(request, job) as covered:
        code = finished(session)
    passed = bool(outcomes.by_test) and set(outcomes.by_test.values()) <= {"passed", "skipped"}
    return {
        "ok": passed and (int(code) == 0 or bool(job.get("alone"))),
        "exit_code": int(code),
        "outcomes": outcomes.by_test,
        "failures": outcomes.failures[:10],
        **({"timeout": True} if outcomes.late else {}),
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
