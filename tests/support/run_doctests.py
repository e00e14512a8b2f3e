"""Runs the `>>>` examples of a page, in one namespace, and then those of a module's docstrings.

    python run_doctests.py PAGE.md MODULE

Prints what an example says other than shown, and ends with 1 then.
"""

import doctest
import importlib
import re
import sys
from pathlib import Path

_OPTIONS = doctest.ELLIPSIS | doctest.REPORT_NDIFF


def main(page, module):
    text = re.sub(r"^```.*$", "", Path(page).read_text(), flags=re.MULTILINE)  # a fence is no output
    tests = [doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, page, page, 0)]
    tests += doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module))
    runner = doctest.DocTestRunner(optionflags=_OPTIONS)
    for test in tests:
        runner.run(test)
    results = runner.summarize()
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
