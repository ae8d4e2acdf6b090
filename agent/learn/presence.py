"""Who is in a zone: counted, else told by its CO2, else by the schedule.

A few people in a large room do not show in its CO2, and nobody keeps to a schedule. Where nobody counts, people are
taken to stay until the machine's own habitual stop (after CO2 showed somebody that day, or on any day it runs): then
they have no less air than they had.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.core.features import Features
from agent.equipment.systems import AhuSystem, Schedule
from agent.features.grid import DAY_KINDS, DAY_S, SLOTS, Grid, day_kind_of, slot_of, weekday_of
from agent.learn.parameters import OccupancyParameters

Array = npt.NDArray[np.float64]

FRESH_SHARE = 0.1
"""Of the time the air is as fresh as it gets; that quantile of the history is what an empty zone shows."""
CO2_RISE_PPM = (25.0, 100.0)
"""More than this above an empty zone's level means people; between the two, NOISES times what the sensor trembles.
One person in 600 m3 with ordinary air makes 40 ppm (ASHRAE 62.1: 0.31 l/min a person at 1.2 met)."""
NOISES = 6.0
CO2_FALL_PER_H = 0.4
"""An excess that falls by so much of itself an hour is air that nobody breathes any more (our assumption; half an air
change an hour)."""
LOOK_BACK_S = 900.0
OFTEN = 0.9
"""Share of days on which the machine runs at that hour: a night guard that comes and goes has less."""
SETBACK_K = 1.0
FLOWING = 0.05
"""Of the largest air flow seen: a machine that moves so much runs, where no status tells."""


def is_counted(features: Features, zone: str) -> bool:
    return f"{zone}.occupancy_count" in features.names


def running(features: Features, system: AhuSystem) -> Array:
    """1 where the machine ran, row by row: by its status, its air, or at last its set-back; NaN where nothing tells."""
    ahu = system.ahu
    for role in ("on_off_status", "on_off_command"):
        told = features.column(f"{ahu}.{role}").astype(np.float64)
        if np.isfinite(told).any():
            return told
    for role in ("supply_air_flow", "fan_power"):
        moved = features.column(f"{ahu}.{role}").astype(np.float64)
        if np.isfinite(moved).any() and np.nanmax(moved) > 0.0:
            return np.where(np.isfinite(moved), (moved > FLOWING * np.nanmax(moved)).astype(np.float64), np.nan)
    return _not_set_back(features, system)


def _not_set_back(features: Features, system: AhuSystem) -> Array:
    """1 where the heating set-points of the zones are nearer to their day's than to their night's."""
    points = [f"{zone}.zone_air_heating_temperature_setpoint" for zone in system.zones]
    table = np.stack([features.column(point).astype(np.float64) for point in points])
    known = np.isfinite(table).all(axis=0)
    middle = np.where(known, np.where(np.isfinite(table), table, 0.0).mean(axis=0), np.nan)
    if not known.any() or np.nanmax(middle) - np.nanmin(middle) < SETBACK_K:
        return np.full(len(features.values), np.nan)
    return np.where(known, (middle > 0.5 * (np.nanmax(middle) + np.nanmin(middle))).astype(np.float64), np.nan)


def habits_of(features: Features, system: AhuSystem, utc_offset_h: float) -> Array:
    """Share of days on which the machine ran, [DAY_KINDS, SLOTS]; by the schedule where nothing tells."""
    at = ends_of(features) - 1.0
    kind, slot, runs = day_kind_of(at, utc_offset_h), slot_of(at, utc_offset_h), running(features, system)
    if not np.isfinite(runs).any():
        runs = by_schedule(at, system.schedule, utc_offset_h)
    total, seen = np.zeros((DAY_KINDS, SLOTS)), np.zeros((DAY_KINDS, SLOTS))
    known = np.isfinite(runs)
    np.add.at(total, (kind[known], slot[known]), runs[known])
    np.add.at(seen, (kind[known], slot[known]), 1.0)
    return np.asarray(total / np.maximum(seen, 1.0))


def ends_of(features: Features) -> Array:
    """Instant of each row."""
    return features.at.unix_s - features.grid_s * np.arange(len(features.values) - 1, -1, -1, dtype=np.float64)


def people_rows(features: Features, zone: str, system: AhuSystem, habits: Array, utc_offset_h: float) -> Array:
    """People in each row; 1 for somebody where nobody counts. NaN while a sensor is silent."""
    if is_counted(features, zone):
        return features.column(f"{zone}.occupancy_count").astype(np.float64)
    at = ends_of(features) - 1.0
    runs = habits[day_kind_of(at, utc_offset_h), slot_of(at, utc_offset_h)] >= OFTEN
    if f"{zone}.co2_level" not in features.names:
        by_day = slot_of(at, utc_offset_h) >= 4.0 * system.schedule.start_h
        in_hours = by_schedule(at, system.schedule, utc_offset_h)
        return np.maximum(in_hours, (runs & by_day).astype(np.float64))
    seen = by_co2(features.column(f"{zone}.co2_level").astype(np.float64), features.grid_s)
    stays = runs & _since_midnight(np.nan_to_num(seen) > 0.0, np.floor((at + utc_offset_h * 3600.0) / DAY_S))
    return np.where(np.isfinite(seen), np.maximum(seen, stays.astype(np.float64)), np.nan)


def _since_midnight(seen: npt.NDArray[np.bool_], day: Array) -> npt.NDArray[np.bool_]:
    """Somebody was seen earlier that day."""
    place = np.arange(len(seen))
    last = np.maximum.accumulate(np.where(seen, place, -1))
    begins = np.searchsorted(day, day, side="left")
    return np.asarray(last >= begins)


def people_steps(grid: Grid, zone: str, system: AhuSystem, habits: Array, utc_offset_h: float) -> Array:
    """The mean of each of the grid's steps; NaN where nothing is known."""
    rows = people_rows(grid.features, zone, system, habits, utc_offset_h)
    table = rows[len(rows) - len(grid) * grid.per_step :].reshape(len(grid), grid.per_step)
    known = np.isfinite(table)
    total = np.where(known, table, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)


def people_now(
    features: Features, zone: str, system: AhuSystem, occupancy: OccupancyParameters, utc_offset_h: float
) -> float:
    """The most of the last three rows: who was in a moment ago is not gone yet."""
    recent = people_rows(features, zone, system, np.array(occupancy.run_share), utc_offset_h)[-3:]
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
    noise = float(np.median(np.abs(np.diff(ppm[known])))) if known.sum() > 2 else 0.0
    is_in = (level > np.clip(NOISES * noise, *CO2_RISE_PPM)) & ~(fall > CO2_FALL_PER_H)
    return np.where(known, is_in.astype(np.float64), np.nan)


def by_schedule(unix_s: Array, schedule: Schedule, utc_offset_h: float) -> Array:
    """1 within the site's hours."""
    hour = slot_of(unix_s, utc_offset_h) / 4.0
    is_day = np.isin(weekday_of(unix_s, utc_offset_h), schedule.weekdays)
    return (is_day & (hour >= schedule.start_h) & (hour < schedule.stop_h)).astype(np.float64)
