"""Hands a plain run of pytest over to an interpreter that has imported NAT; Python imports this at startup."""

import sys


def main():
    """Hand a plain run of pytest over to the server of this sandbox, if there is one."""
    words = sys.orig_argv[1:]
    module = words[:2] == ["-m", "pytest"]
    if module or (words and words[0] == f"{sys.prefix}/bin/pytest"):
        import agenthands_pytest

        agenthands_pytest.hand_over(words[2:] if module else words[1:], module)


main()
