"""The line `layers`: NAT's environment with one small wheel more, as a layer over NAT's and as one of its own.

    python -m bench.speed.layers [--wheel python-stdnum]

Each step is a process of its own, in homes of their own. uv's cache of wheels is warm for both ways. What is resolved
is counted by itself, for both need it; a start of NAT's tools tells whether the way matters later.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from agenthands.environments.uv import UvInstaller
from bench.measuring import ROOT, measure, save

START = (
    "import nat.runtime.loader as found; found.discover_and_register_plugins(found.PluginTypes.ALL); import sys; "
    "print(len(sys.modules))"
)


def step(*words):
    """Run one step in a new process; give its wall and CPU seconds."""
    run = measure([sys.executable, "-m", "bench.speed.layers", "--step", *words])
    return {"seconds": round(run["wall"], 2), "cpu": round(run["cpu"], 2)}


def start(python):
    """Import NAT with all its plug-ins, three times; give the least CPU seconds."""
    runs = [measure([python, "-P", "-c", START], LITELLM_LOCAL_MODEL_COST_MAP="True") for _ in range(3)]
    return round(min(run["cpu"] for run in runs), 2)


def take(name, home, wheel):
    """Do one step in this process."""
    installer = UvInstaller(Path(home))
    if name == "nat":
        installer.nat()
    elif name == "resolve":
        installer.resolve([wheel])
    else:
        installer.install(Path(wheel).read_text())


def main():
    """Measure, print, save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--wheel", default="python-stdnum")
    parser.add_argument("--step", nargs=3)
    asked = parser.parse_args()
    if asked.step:
        take(*asked.step)
        return
    (ROOT / ".cache").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache", prefix="bench-layers-") as scratch:
        layered, alone, lock = f"{scratch}/layered", f"{scratch}/alone", Path(scratch, "with-wheel.lock")
        result = {"wheel": asked.wheel, "nat": step("nat", layered, "")}
        result["resolve"] = step("resolve", layered, asked.wheel)
        lock.write_text(UvInstaller(Path(layered)).resolve([asked.wheel]))
        result["layer"] = step("install", layered, str(lock))
        result["whole"] = step("install", alone, str(lock))
        for name, home in (("layer", layered), ("whole", alone)):
            result[name]["start_cpu"] = start(str(UvInstaller(Path(home)).install(lock.read_text()).python))
    result["whole_takes_times"] = {
        unit: round(result["whole"][unit] / result["layer"][unit], 1) for unit in ("seconds", "cpu")
    }
    for name, value in result.items():
        print(name, value, flush=True)
    save("layers", result)


if __name__ == "__main__":
    main()
