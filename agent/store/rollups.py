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
_MINUTES, _HOURS = _MERGE.format(table="minutes"), _MERGE.format(table="hours")

Floats = npt.NDArray[np.float64]


def means(unix_s: Floats, values: Floats, period_s: int) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Begin of each period that has samples, ascending; mean, low, high, count. In any order of time."""
    sort = np.argsort(unix_s, kind="stable")
    unix_s, values = unix_s[sort], values[sort]
    period = np.floor(unix_s / period_s) * period_s
    starts = np.flatnonzero(np.diff(period, prepend=-np.inf))
    count = np.diff(np.append(starts, len(values))).astype(np.float64)
    mean = np.add.reduceat(values, starts) / count
    return period[starts], mean, np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts), count


def add_rollups(
    conn: sqlite3.Connection, point_id: int, unix_s: Floats, values: Floats, quality: npt.NDArray[np.uint8]
) -> None:
    """GOOD samples only. A point that is read once a minute or less often has hours only: each sample is its minute."""
    good = (quality == Quality.GOOD) & np.isfinite(values)
    if not good.any():
        return
    unix_s, values = unix_s[good], values[good]
    by_minute = means(unix_s, values, MINUTE_S)
    if len(by_minute[0]) < len(values):
        _put(conn, _MINUTES, point_id, by_minute)
    _put(conn, _HOURS, point_id, means(unix_s, values, HOUR_S))


def _put(
    conn: sqlite3.Connection, sql: str, point_id: int, rolled: tuple[Floats, Floats, Floats, Floats, Floats]
) -> None:
    start, mean, low, high, count = (column.tolist() for column in rolled)
    points = [point_id] * len(start)
    conn.executemany(sql, zip(map(int, start), points, mean, low, high, map(int, count), strict=True))
