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
    """Draw where the CPU seconds of a tool go."""
    parts = {
        "SDK steps": found["coder"]["factory"],
        "terminal": found["coder"]["sandboxes"],
        "gate, sandboxes": found["gate"]["sandboxes"],
        "gate, factory": found["gate"]["factory"],
        "assembly": found["assembly"]["factory"],
    }
    figure, axes = pyplot.subplots(figsize=(6, 2.4))
    axes.barh(list(parts), list(parts.values()), color=OURS)
    axes.set(xlabel="CPU seconds of one tool")
    axes.invert_yaxis()
    _save(figure, "bench-cpu")


def draw_memory(found):
    """Draw memory by number of agents."""
    figure, axes = pyplot.subplots(figsize=(6, 3))
    agents = [line["agents"] for line in found["lines"]]
    axes.plot(agents, [line["factory_mb"] for line in found["lines"]], "o-", label="factory", color=OURS)
    axes.plot(agents, [line["sandboxes_mb"] for line in found["lines"]], "o-", label="sandboxes", color=THEIRS)
    axes.set(xlabel="agents at once", ylabel="MB", ylim=(0, None))
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
