"""Jobs that run side by side, and what they leave behind for each other, which is removed."""

import collections
import contextlib
import os
import signal

from agenthands.gate.harness.forks import Child, children_of, remove, wait_for

SCRATCH = ("/tmp", "/dev/shm")
FORK = 0.1  # seconds of CPU that a process takes which runs one test


def bound(job, answers):
    """Bound a job by what the unchanged tool took: endless loops are frequent among mutants.

    What counts is CPU time, which another's load on the machine does not change. The bound by the clock is far.
    """
    like = answers.get(job.get("like"))
    if like:
        tests = len(like.get("outcomes", ()))
        job.pop("cpu_most", None)
        job["cpu_seconds"] = 1 + 5 * like["cpu"] + (FORK * tests if job.get("alone") else 0)
        job["seconds"] = min(job["seconds"], 30 + 20 * like["seconds"]) + (tests if job.get("alone") else 0)


def expanded(job, done, answers):
    """Return the jobs that stand for one: one about survivors is done where a changed tool passed the tests.

    With `each_survivor` there is one for each of them, whose calls are those that another job made in time. `done`
    are the jobs of earlier stages by id. Where fewer have survived than `least` says, or more than `most`, nobody asks
    what they are.
    """
    if "least" not in job:
        return [job]
    survivors = [each for each in done.values() if each.get("compared") and answers[each["id"]]["ok"]]
    if not job["least"] <= len(survivors) <= job["most"]:
        return []
    if not job.get("each_survivor"):
        return [job]
    like = job["like"]
    if not answers.get(like, {}).get("ok"):
        return []
    arguments = done[like]["arguments"][: len(answers[like]["calls"])]
    return [
        {**job, "id": f"{job['id']} {each['id']}", "arguments": arguments, "source": each["source"]}
        for each in survivors
    ]


class Scheduler:
    """Runs jobs, some at a time, each in a child of its own."""

    def __init__(self, request, kinds):
        """Take the number of lanes from the request; `kinds` are the functions that do jobs, by name."""
        self.request = request
        self.kinds = kinds
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
                child = Child(job, lambda job: self.kinds[job["kind"]](self.request, job), len(self.running))
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
