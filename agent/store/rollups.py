"""Means, lows and highs a minute and an hour, in plain tables for any SQL tool."""

from __future__ import annotations

import sqlite3

import numpy as np
import numpy.typing as npt

from agent.core.points import Quality

MINUTE_S, HOUR_S = 60, 3600
_MERGE = (
    "INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (unix_s, point) DO UPDATE SET "
    "mean = (mean * n + excluded.mean * excluded.n) / (n + excluded.n), "
    "low = min(low, excluded.low), high = max(high, excluded.high), n = n + excluded.n"
)
ROWS_AT_ONCE = 2000
"""Rows of a rollup that are Python objects at a time (our assumption)."""

Floats = npt.NDArray[np.float64]
Rolled = tuple[Floats, Floats, Floats, Floats, Floats]
"""Begin of each period that has samples, ascending; mean, low, high, count."""


def means(unix_s: Floats, values: Floats, period_s: int) -> Rolled:
    """By period; samples in any order of time, at least one."""
    sort = np.argsort(unix_s, kind="stable")
    unix_s, values = unix_s[sort], values[sort]
    period = np.floor(unix_s / period_s) * period_s
    starts = np.flatnonzero(np.diff(period, prepend=-np.inf))
    count = np.diff(np.append(starts, len(values))).astype(np.float64)
    mean = np.add.reduceat(values, starts) / count
    return period[starts], mean, np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts), count


def good_means(unix_s: Floats, values: Floats, quality: npt.NDArray[np.uint8], period_s: int) -> Rolled | None:
    """Of the GOOD samples; None when there are none."""
    good = (quality == Quality.GOOD) & np.isfinite(values)
    return means(unix_s[good], values[good], period_s) if good.any() else None


def merge(some: Rolled, more: Rolled) -> Rolled:
    """Two parts of the same story: periods that are in both become one."""
    start, mean, low, high, count = (np.concatenate(pair) for pair in zip(some, more, strict=True))
    order = np.argsort(start, kind="stable")
    firsts = np.flatnonzero(np.diff(start[order], prepend=-np.inf))
    total = np.add.reduceat(count[order], firsts)
    return (
        start[order][firsts],
        np.add.reduceat((mean * count)[order], firsts) / total,
        np.minimum.reduceat(low[order], firsts),
        np.maximum.reduceat(high[order], firsts),
        total,
    )


class Rollups:
    """Gathers the means of a device's points and writes them by time, so that each page is written once."""

    def __init__(self) -> None:
        self._minutes: list[tuple[int, Rolled]] = []
        self._hours: list[tuple[int, Rolled]] = []

    def add(self, point_id: int, unix_s: Floats, values: Floats, quality: npt.NDArray[np.uint8]) -> None:
        """GOOD samples only. A point read once a minute or less often has hours only: each sample is its minute."""
        good = (quality == Quality.GOOD) & np.isfinite(values)
        if not good.any():
            return
        unix_s, values = unix_s[good], values[good]
        by_minute = means(unix_s, values, MINUTE_S)
        if len(by_minute[0]) < len(values):
            self._minutes.append((point_id, by_minute))
        self._hours.append((point_id, means(unix_s, values, HOUR_S)))

    def write(self, conn: sqlite3.Connection) -> None:
        """Merge into what the tables have: an hour may be in two runs."""
        for table, rolled in (("minutes", self._minutes), ("hours", self._hours)):
            if rolled:
                _merge(conn, _MERGE.format(table=table), rolled)


def _merge(conn: sqlite3.Connection, sql: str, rolled: list[tuple[int, Rolled]]) -> None:
    start, mean, low, high, count = (np.concatenate([some[at] for _, some in rolled]) for at in range(5))
    points = np.concatenate([np.full(len(some[0]), point_id) for point_id, some in rolled])
    order = np.lexsort((points, start))
    for first in range(0, len(order), ROWS_AT_ONCE):
        taken = order[first : first + ROWS_AT_ONCE]
        columns = (start[taken].astype(np.int64), points[taken], mean[taken], low[taken], high[taken])
        whole = (column.tolist() for column in (*columns, count[taken].astype(np.int64)))
        conn.executemany(sql, zip(*whole, strict=True))
