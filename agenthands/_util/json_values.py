"""Compares JSON values as a specification means them."""

from __future__ import annotations

import math
from typing import Any

TOLERANCE = 1e-6


def same_json(left: Any, right: Any, tolerance: float = TOLERANCE) -> bool:
    """Compare as JSON: integers exactly, other numbers with a relative `tolerance`; True and 1 differ."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int) and isinstance(right, int):
        return left == right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _are_close(left, right, tolerance)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same_json(*pair, tolerance) for pair in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(left[key], right[key], tolerance) for key in left)
    return type(left) is type(right) and bool(left == right)


def _are_close(left: float, right: float, tolerance: float) -> bool:
    try:
        return math.isclose(left, right, rel_tol=tolerance, abs_tol=1e-12)
    except OverflowError:  # an integer beyond all floats
        return False


def json_type(value: Any) -> str:
    """Return the name that JSON Schema gives to a value's type; an integer is a number."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
