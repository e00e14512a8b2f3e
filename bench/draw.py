"""The plots of docs/performance.md, made of bench/results.json, as SVG. Needs matplotlib (group `plots`)."""

import json
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
OURS, THEIRS, BOUND = "#1f6feb", "#8b949e", "#d1242f"


def _save(figure, name):
    figure.tight_layout()
    figure.savefig(IMAGES / f"{name}.svg", metadata={"Date": None})
    pyplot.close(figure)


def draw_seed(found):
    """Draw seconds by number of tools: the seed's way, ours, and the bound."""
    figure, axes = pyplot.subplots(figsize=(6, 3.4))
    tools = [line["tools"] for line in found["lines"]]
    for label, key, colour in (("the seed's way", "seed_seconds", THEIRS), ("AgentHands", "seconds", OURS)):
        axes.plot(tools, [line[key] for line in found["lines"]], "o-", label=label, color=colour)
    axes.plot(tools, [line["bound"] for line in found["lines"]], ":", label="bound", color=BOUND)
    axes.set(xlabel="tools", ylabel="seconds", yscale="log", xscale="log", xticks=tools, xticklabels=tools)
    axes.minorticks_off()
    axes.legend()
    _save(figure, "bench-seed")


def draw_cpu(found):
    """Draw where the CPU seconds of a tool go: with forks of prepared interpreters, and with new ones."""
    parts = {
        "SDK steps": ("coder", "factory"),
        "terminal": ("coder", "sandboxes"),
        "gate, sandboxes": ("gate", "sandboxes"),
        "gate, factory": ("gate", "factory"),
        "assembly": ("assembly", "factory"),
    }
    figure, axes = pyplot.subplots(figsize=(6, 3))
    ways = (("forks of prepared interpreters", found, OURS), ("new interpreters", found["new interpreters"], THEIRS))
    for index, (label, way, colour) in enumerate(ways):
        places = [place + 0.4 * index for place in range(len(parts))]
        axes.barh(places, [way[stage][where] for stage, where in parts.values()], 0.4, label=label, color=colour)
    axes.set(xlabel="CPU seconds of one tool", yticks=[place + 0.2 for place in range(len(parts))], yticklabels=parts)
    axes.invert_yaxis()
    axes.legend()
    _save(figure, "bench-cpu")


def draw_memory(found):
    """Draw memory by number of agents."""
    figure, axes = pyplot.subplots(figsize=(6, 3))
    ways = (
        ("factory", "factory_mb", OURS, "-"),
        ("sandboxes", "sandboxes_mb", OURS, ":"),
        ("a process each", "processes_mb", THEIRS, "-"),
    )
    for label, key, colour, line in ways:
        agents, used = zip(*((each["agents"], each[key]) for each in found["lines"] if key in each), strict=True)
        axes.plot(agents, used, f"o{line}", label=label, color=colour)
    ticks = [line["agents"] for line in found["lines"]]
    axes.set(xlabel="agents at once", ylabel="MB", yscale="log", xscale="log", xticks=ticks, xticklabels=ticks)
    axes.minorticks_off()
    axes.legend()
    _save(figure, "bench-memory")


def main():
    """Draw what was measured."""
    mpl.rcParams["svg.hashsalt"] = "agenthands"  # the same results give the same files
    results = json.loads((ROOT / "bench" / "results.json").read_text())
    for name, draw in {"seed": draw_seed, "cpu": draw_cpu, "memory": draw_memory}.items():
        if name in results:
            draw(results[name])


if __name__ == "__main__":
    main()
