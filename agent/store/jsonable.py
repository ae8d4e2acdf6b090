"""Figures for JSON: numpy scalars become Python's, and what JSON has no word for becomes null."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np


def jsonable(value: object) -> object:
    """A copy that strict JSON can hold: NaN and infinities are null, unknown things their text."""
    if isinstance(value, np.generic | np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    return str(value)


def dump(value: object) -> str:
    """Compact strict JSON."""
    return json.dumps(jsonable(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
