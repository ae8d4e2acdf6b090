"""Who is in a zone: counted, else told by its CO2, else by the schedule."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.core.features import Features
from agent.equipment.systems import Schedule
from agent.features.grid import Grid, slot_of, weekday_of

Array = npt.NDArray[np.float64]

FRESH_SHARE = 0.1
"""Of the time the air is as fresh as it gets; that quantile of the history is what an empty zone shows."""
CO2_RISE_PPM = 60.0
"""More than this above an empty zone's level means people. Two in 600 m3 with ordinary air make 80 ppm (ASHRAE 62.1:
0.31 l/min a person at 1.2 met); a sensor trembles by some 30 (our assumption)."""
CO2_FALL_PER_H = 0.4
"""An excess that falls by so much of itself an hour is air that nobody breathes any more (our assumption; half an air
change an hour)."""
EVENING_H = 3.0
"""Where nobody can be seen, somebody may stay so long after the schedule (our assumption)."""
LOOK_BACK_S = 900.0


def is_counted(features: Features, zone: str) -> bool:
    """The site has a counter there, or at least a CO2 sensor."""
    return any(f"{zone}.{role}" in features.names for role in ("occupancy_count", "co2_level"))


def people_rows(features: Features, zone: str, schedule: Schedule, utc_offset_h: float) -> Array:
    """People in each row; 1 for somebody where only CO2 or the schedule tells. NaN while the sensor is silent."""
    if f"{zone}.occupancy_count" in features.names:
        return features.column(f"{zone}.occupancy_count").astype(np.float64)
    if f"{zone}.co2_level" in features.names:
        return by_co2(features.column(f"{zone}.co2_level").astype(np.float64), features.grid_s)
    ends = features.at.unix_s - features.grid_s * np.arange(len(features.values) - 1, -1, -1, dtype=np.float64)
    return by_schedule(ends, schedule, utc_offset_h)


def people_steps(grid: Grid, zone: str, schedule: Schedule, utc_offset_h: float) -> Array:
    """The mean of each of the grid's steps; NaN where nothing is known."""
    rows = people_rows(grid.features, zone, schedule, utc_offset_h)
    table = rows[len(rows) - len(grid) * grid.per_step :].reshape(len(grid), grid.per_step)
    known = np.isfinite(table)
    total = np.where(known, table, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)


def people_now(features: Features, zone: str, schedule: Schedule, utc_offset_h: float, rows: int = 3) -> float:
    """The most of the last rows: who was in a moment ago is not gone yet."""
    recent = people_rows(features, zone, schedule, utc_offset_h)[-rows:]
    return float(np.nanmax(recent)) if np.isfinite(recent).any() else float("nan")


def by_co2(ppm: Array, grid_s: float) -> Array:
    """1 where the air shows that somebody is in, 0 where nobody; NaN where it is unknown."""
    known = np.isfinite(ppm)
    if not known.any():
        return np.full(len(ppm), np.nan)
    back = max(1, round(LOOK_BACK_S / grid_s))
    place = np.maximum.accumulate(np.where(known, np.arange(len(ppm)), 0))
    level = ppm[place] - float(np.quantile(ppm[known], FRESH_SHARE))
    before = np.concatenate([np.full(back, level[0]), level[:-back]])[: len(level)]
    fall = (before - level) / np.maximum(before, 1.0) * (3600.0 / (back * grid_s))
    is_in = (level > CO2_RISE_PPM) & ~(fall > CO2_FALL_PER_H)
    return np.where(known, is_in.astype(np.float64), np.nan)


def by_schedule(unix_s: Array, schedule: Schedule, utc_offset_h: float) -> Array:
    """1 within the site's hours and the evening after them."""
    hour = slot_of(unix_s - 1.0, utc_offset_h) / 4.0
    is_day = np.isin(weekday_of(unix_s - 1.0, utc_offset_h), schedule.weekdays)
    return (is_day & (hour >= schedule.start_h) & (hour < schedule.stop_h + EVENING_H)).astype(np.float64)
