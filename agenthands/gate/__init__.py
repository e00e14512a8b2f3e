"""The gate: decides whether a generated tool may be used.

judge.py        one verdict from all checks
workspace.py    `files`: what the coder left, before anything is run
conformance.py  `conformance`, its static half: common mistakes with a message each
harness.py      runs inside the sandbox: imports NAT once and forks for each run
results.py      turns the harness's answers into checks
"""
