"""A frozen look at every point at one instant: the world stands still while the cycle thinks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.points import PointTable, Quality


def is_stale(age_s: float, fresh_s: float) -> bool:
    """An age that is not a number is stale: nothing was ever heard."""
    return not age_s <= fresh_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """All latest samples at one instant. Arrays are read-only and in the table's order."""

    at: Instant
    table: PointTable
    values: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    sampled_mono_s: npt.NDArray[np.float64]
    """When each sample was taken; NaN for never."""

    def good(self, point: str, within_s: float | None = None) -> float | None:
        """The value if it is GOOD, finite and fresh (within `within_s`, else the point's `fresh_s`), else None."""
        if point not in self.table:
            return None
        handle = self.table.handle(point)
        fresh_s = self.table[handle].fresh_s if within_s is None else within_s
        value = float(self.values[handle])
        if self.quality[handle] != Quality.GOOD or not math.isfinite(value) or is_stale(self.age_s(point), fresh_s):
            return None
        return value

    def age_s(self, point: str) -> float:
        """Seconds since the point was sampled; NaN for never."""
        return self.at.mono_s - float(self.sampled_mono_s[self.table.handle(point)])
