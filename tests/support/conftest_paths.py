"""Where the tests keep their environments between runs, and what their processes share in one run."""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TEST_HOME = ROOT / ".cache" / "test-home"


def shared_folder(tmp_path_factory):
    """Return a temporary folder that all processes of pytest-xdist in this run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
