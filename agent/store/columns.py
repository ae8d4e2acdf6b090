"""Samples as columns: a point's own, and many points' on an even grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.points import Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One point's samples, oldest first."""

    unix_s: npt.NDArray[np.float64]
    """float64 [k]"""
    values: npt.NDArray[np.float64]
    """float64 [k], in the point's unit; NaN where the device gave none."""
    quality: npt.NDArray[np.uint8]
    """uint8 [k], `Quality` codes."""

    def __len__(self) -> int:
        return len(self.unix_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Samples on an even grid, oldest row first."""

    names: tuple[str, ...]
    unix_s: npt.NDArray[np.float64]
    """float64 [t]"""
    values: npt.NDArray[np.float64]
    """float64 [t, n]; NaN where `mask` is False."""
    mask: npt.NDArray[np.bool_]
    """bool [t, n]; True where a GOOD sample was fresh at that instant."""
    grid_s: float


def join(pieces: Sequence[Series], since_unix_s: float = -np.inf, until_unix_s: float = np.inf) -> Series:
    """Pieces in the order of their arrival as one, by time, and what is of one time in that order; cut to the span."""
    if not pieces:
        return Series(unix_s=np.empty(0), values=np.empty(0), quality=np.empty(0, np.uint8))
    unix_s = np.concatenate([piece.unix_s for piece in pieces])
    taken = np.flatnonzero((unix_s >= since_unix_s) & (unix_s < until_unix_s))
    if np.any(np.diff(unix_s[taken]) < 0):  # The clock was set back, or two lines report one point.
        taken = taken[np.argsort(unix_s[taken], kind="stable")]
    return Series(
        unix_s=unix_s[taken],
        values=np.concatenate([piece.values for piece in pieces])[taken],
        quality=np.concatenate([piece.quality for piece in pieces])[taken],
    )


def on_grid(
    series: Sequence[tuple[str, Series, float]], since_unix_s: float, until_unix_s: float, grid_s: float
) -> Grid:
    """Each instant holds the last GOOD sample at or before it, if it was fresh. `series`: name, samples, `fresh_s`."""
    rows = max(0, int(np.floor((until_unix_s - since_unix_s) / grid_s + 1e-9)) + 1)
    unix_s = np.float64(since_unix_s) + np.float64(grid_s) * np.arange(rows, dtype=np.float64)
    values = np.full((rows, len(series)), np.nan)
    for column, (_, samples, fresh_s) in enumerate(series):
        good = (samples.quality == Quality.GOOD) & np.isfinite(samples.values)
        if good.any():
            taken, value = samples.unix_s[good], samples.values[good]
            last = np.searchsorted(taken, unix_s, side="right") - 1
            is_fresh = (last >= 0) & (unix_s - taken[last] <= fresh_s)
            values[is_fresh, column] = value[last[is_fresh]]
    names = tuple(name for name, _, _ in series)
    return Grid(names=names, unix_s=unix_s, values=values, mask=np.isfinite(values), grid_s=grid_s)
