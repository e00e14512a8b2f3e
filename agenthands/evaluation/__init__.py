"""Acceptance: the packaged agent is asked its test cases, and its answers are judged."""
