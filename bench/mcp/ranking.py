"""How well the servers shown to the planner fit: 40 requests in 8 languages against what a person would choose.

    python -m bench.mcp.ranking            the figures
    python -m bench.mcp.ranking --each     and every request with what was shown

Recall is the share of the wanted servers that are shown; unfitting is the share of the shown that are neither wanted
nor fine. A second file, `held_out.yaml`, holds requests for which no word was added.
"""

import argparse
from pathlib import Path

import yaml

from agenthands.mcp.catalogue import load_catalogue
from agenthands.mcp.ranking import rank_servers
from agenthands.planning.planner import SERVERS_SHOWN

HERE = Path(__file__).parent


def measured(path, catalogue):
    """Return a line for each request: its language, request, shown ids, wanted and missed ones, unfitting ones."""
    for each in yaml.safe_load(path.read_text(encoding="utf-8")):
        shown = [server.id for server in rank_servers(catalogue, each["request"], SERVERS_SHOWN).shown]
        wanted, fine = set(each["wanted"]), set(each["fine"])
        missed, unfitting = sorted(wanted - set(shown)), sorted(set(shown) - wanted - fine)
        yield each["lang"], each["request"], shown, wanted, missed, unfitting


def figures(lines):
    """Return recall, the number shown on average, and the share of unfitting ones among them."""
    wanted = sum(len(line[3]) for line in lines)
    missed, shown = sum(len(line[4]) for line in lines), sum(len(line[2]) for line in lines)
    return 1 - missed / max(wanted, 1), shown / max(len(lines), 1), sum(len(line[5]) for line in lines) / max(shown, 1)


def main():
    """Print the figures of both files, and of each language."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", action="store_true")
    each = parser.parse_args().each
    catalogue = load_catalogue()
    for name in ("requests.yaml", "held_out.yaml"):
        lines = list(measured(HERE / name, catalogue))
        for language in [*dict.fromkeys(line[0] for line in lines), ""]:
            chosen = [line for line in lines if language in ("", line[0])]
            recall, shown, unfitting = figures(chosen)
            said = f"{name} {language or 'all'}: {len(chosen)} requests"
            print(f"{said}, recall {recall:.0%}, {shown:.1f} shown, {unfitting:.0%} unfitting")
        if each:
            for language, request, shown, _, missed, unfitting in lines:
                print(f"{language} {request[:70]}\n   {' '.join(shown)}; missed {missed}, unfitting {unfitting}")


if __name__ == "__main__":
    main()
