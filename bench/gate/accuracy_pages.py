"""Writes what bench/gate/accuracy.py found into README and docs/gate.md, each between its two markers.

python -m bench.gate.accuracy_pages      from bench/results.json, without judging anything
"""

import json
import re

from bench.gate.accuracy_figures import markdown, sentence
from bench.measuring import RESULTS, ROOT

PAGES = {"README.md": sentence, "docs/gate.md": markdown}
NOT_YET = (
    "How often it is right has not been measured since the gate was last changed "
    "(`python -m bench.gate.accuracy --all-variants --load 16`)."
)
BETWEEN = re.compile(r"(<!-- bench:accuracy -->\n).*?(<!-- /bench -->)", re.DOTALL)


def written(text, maker, found):
    """Return a page with its figures made anew; `found` is the line of bench/results.json, or None."""
    made = maker(found) if found else NOT_YET
    return BETWEEN.sub(lambda markers: f"{markers[1]}\n{made}\n\n{markers[2]}", text)


def refresh():
    """Write the pages."""
    found = json.loads(RESULTS.read_text()).get("accuracy")
    for page, maker in PAGES.items():
        path = ROOT / page
        path.write_text(written(path.read_text(), maker, found))


if __name__ == "__main__":
    refresh()
