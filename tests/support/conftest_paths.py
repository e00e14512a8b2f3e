"""Where the tests keep their environments between runs."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TEST_HOME = ROOT / ".cache" / "test-home"
