"""Puts features on the planner's grid and on the calendar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.features import Features

Array = npt.NDArray[np.float64]

STEP_S = 900.0
"""The planner's step."""
SLOTS = 96
"""Steps a day."""
DAY_S = 86_400.0
WORKDAY, SATURDAY, SUNDAY = 0, 1, 2
DAY_KINDS = 3
LEAST_NEWS, NEWS_SHARE = 8, 0.98
"""Changes of a point, and the share of them in one row of the step, from which it counts as polled once a step."""


def slot_of(unix_s: Array, utc_offset_h: float) -> npt.NDArray[np.int64]:
    """Which quarter of an hour of the local day, 0..95, holds each instant."""
    local = np.asarray(unix_s) + utc_offset_h * 3600.0
    return np.floor(np.mod(local, DAY_S) / STEP_S).astype(np.int64)


def weekday_of(unix_s: Array, utc_offset_h: float) -> npt.NDArray[np.int64]:
    """0 is Monday; 1970-01-01 was a Thursday."""
    local = np.asarray(unix_s) + utc_offset_h * 3600.0
    return (np.floor(local / DAY_S).astype(np.int64) + 3) % 7


def day_kind_of(unix_s: Array, utc_offset_h: float) -> npt.NDArray[np.int64]:
    """Workday, Saturday or Sunday."""
    return np.maximum(weekday_of(unix_s, utc_offset_h) - 4, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Features in whole planner steps, oldest first; the last step ends now, or `late` rows ago."""

    features: Features
    per_step: int
    """Rows of the features in one step."""
    late: int = 0
    """Rows at the newer end that belong to no whole step."""
    end_unix_s: Array
    """float64 [steps]."""

    def __len__(self) -> int:
        return len(self.end_unix_s)

    def end(self, name: str) -> Array:
        """The value at the end of each step, float64 [steps]; NaN where unknown."""
        return self._rows(name)[:, -1]

    def mean(self, name: str) -> Array:
        """The mean of what is known within each step, float64 [steps]; NaN where nothing is.

        A point that is polled once a step shows its last sample again in the rows before: these belong to the step
        before, and do not count.
        """
        rows = self._rows(name)
        rows = rows[:, _first_news(rows) :]
        known = np.isfinite(rows)
        count = known.sum(axis=1)
        total = np.where(known, rows, 0.0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def _rows(self, name: str) -> Array:
        return self.steps(self.features.column(name).astype(np.float64))

    def steps(self, column: Array) -> Array:
        """A column of the features by whole steps, float64 [steps, per_step]."""
        end = len(column) - self.late
        return column[end - len(self) * self.per_step : end].reshape(len(self), self.per_step)


def _first_news(rows: Array) -> int:
    """The row of a step, [steps, per_step], in which something new is always shown; 0 where that comes in any."""
    flat = rows.reshape(-1)
    news = np.flatnonzero(np.isfinite(flat[1:]) & np.isfinite(flat[:-1]) & (flat[1:] != flat[:-1])) + 1
    count = np.bincount(news % rows.shape[1], minlength=rows.shape[1]) if len(news) >= LEAST_NEWS else np.zeros(1)
    return int(np.argmax(count)) if count.max() >= NEWS_SHARE * len(news) else 0


def grid_of(features: Features, *, is_even: bool = False) -> Grid:
    """Whole steps only; the rest at the old end is dropped. Raises ValueError for a grid that does not divide.

    `is_even`: steps end at whole quarters of an hour, and what came since is dropped too: a step that was seen once is
    seen the same in each later cycle, whenever that comes.
    """
    per_step = round(STEP_S / features.grid_s)
    if per_step < 1 or abs(per_step * features.grid_s - STEP_S) > 1e-6:
        raise ValueError(f"a grid of {features.grid_s} s does not divide the planner's {STEP_S} s")
    late = int(features.at.unix_s % STEP_S // features.grid_s) if is_even else 0
    steps = max(0, (len(features.values) - late) // per_step)
    end_s = features.at.unix_s - late * features.grid_s
    ends = end_s - STEP_S * np.arange(steps - 1, -1, -1, dtype=np.float64)
    return Grid(features=features, per_step=per_step, late=late, end_unix_s=ends)


def latest(features: Features, name: str, rows: int = 3) -> float:
    """The newest known value within the last rows; NaN when there is none."""
    recent = features.column(name)[-rows:]
    known = recent[np.isfinite(recent)]
    return float(known[-1]) if len(known) else float("nan")


def fill(values: Array, longest: int = 8) -> Array:
    """Gaps of up to `longest` steps take the last known value; float64 [t]."""
    known = np.isfinite(values)
    place = np.where(known, np.arange(len(values)), -1)
    last = np.maximum.accumulate(place)
    usable = (last >= 0) & (np.arange(len(values)) - last <= longest)
    return np.where(usable, values[np.maximum(last, 0)], np.nan)
