"""How the memory of a worker grows with the runs that it has started."""

import contextlib
import statistics

import psutil

EARLY = 20  # runs of the worker itself; before, it is still loading what it needs
_EVERY = 5


class WorkerMemory:
    """The memory of one worker by its own runs: a curve that tells a plateau from a leak. `look` at it often."""

    def __init__(self, worker):
        """Begin with a worker that has started nothing yet."""
        self._worker, self._runs, self.curve = worker, set(), []

    def look(self):
        """Count the runs that it has started; every few runs, keep how large it is."""
        with contextlib.suppress(psutil.Error):
            self._runs |= {(each.pid, each.create_time()) for each in self._worker.children() if is_run(each)}
            if not self.curve or len(self._runs) >= self.curve[-1][0] + _EVERY:
                self._keep()

    def _keep(self):
        self.curve.append((len(self._runs), round(self._worker.memory_info().rss / 1e6, 1)))

    def told(self):
        """Return curve, the growth since the worker's first 20 runs, or half of fewer, and that of the last half."""
        self._keep()
        runs, end = self.curve[-1]
        early = next(each for each in self.curve if each[0] >= min(EARLY, runs // 2))
        half = [each for each in self.curve if each[0] >= runs / 2]
        slope = statistics.linear_regression(*zip(*half, strict=True)).slope if half[0][0] < runs else 0.0
        return {
            "runs, MB": self.curve,
            f"after {early[0]} runs": early[1],
            f"after {runs} runs": end,
            "growth": round(end / early[1] - 1, 3),
            "kB a run, last half": round(1000 * slope),
        }


def is_run(process):
    """Return whether a process is a flow run; one that has ended is none."""
    with contextlib.suppress(psutil.Error):
        return "prefect.engine" in process.cmdline()
    return False
