"""Time-outs that suit the machine: longer where it is slow, and where it is busy just now.

The figures in the tests are those of an idle machine on which an empty Python starts in `_START` seconds and the sum
below takes `_SUM`. Whatever waits for something asks here how long, when it begins to wait.
"""

import os
import subprocess
import sys
import time

_START, _SUM = 0.013, 0.017
_FRESH = 20  # seconds for which a measurement is good
_BEFORE = 3  # measurements that count beside the newest: a busy machine is quiet for moments
_measured: list[tuple[float, float]] = []


def patient(seconds):
    """Return how long this machine may take, just now, for what takes the machine of the figures so many seconds."""
    return seconds * slowness()


def slowness():
    """Return how many times slower than the machine of the figures this one is just now; never less than 1."""
    if not _measured or time.monotonic() - _measured[-1][0] > _FRESH:
        busy = os.getloadavg()[0] / (os.cpu_count() or 1)
        _measured.append((time.monotonic(), max(_start(), _sum(), busy)))
    return max(1.0, *(factor for _, factor in _measured[-1 - _BEFORE :]))


def _start():
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)
    return (time.perf_counter() - began) / _START


def _sum():
    began = time.perf_counter()
    sum(range(1_000_000))
    return (time.perf_counter() - began) / _SUM
