"""What the next day brings: weather as on the days before, people as their kind of day has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.features.grid import SLOTS, STEP_S, WORKDAY, Grid, day_kind_of, fill, slot_of
from agent.learn.parameters import OccupancyParameters

Array = npt.NDArray[np.float64]

FADE_STEPS = 24.0
"""Today's departure from the days before fades with six hours (our assumption)."""
WELL_KNOWN = 5
"""Days of a kind after which its hours are believed to a quarter of an hour; before, to two hours."""
RARE_SHARE = 0.4
STANDBY_SHARE = 0.3
"""Chance of people from which empty zones are kept near the comfort band."""
OFTEN = 0.35
"""Share of days from which presence is expected."""


def ahead_unix_s(now_unix_s: float, steps: int = SLOTS) -> Array:
    """A moment inside each of the coming steps."""
    return now_unix_s + STEP_S * np.arange(steps, dtype=np.float64) + 1.0


def repeat_days(values: Array, now: float, days: int = 3) -> Array:
    """The mean of the last days' courses, shifted to meet `now`, for the next 96 steps; float64 [96]."""
    full = fill(values)
    use = min(days, max(1, len(full) // SLOTS))
    course = full[-use * SLOTS :] if len(full) >= SLOTS else np.resize(full, SLOTS)
    table = course.reshape(-1, SLOTS)
    known = np.isfinite(table)
    mean = np.where(known.any(axis=0), np.where(known, table, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1), now)
    # Column j of the table lies 96 - 1 - j steps back; one day on, it is step j + 1 ahead, that is row j.
    offset = now - mean[-1]
    return np.asarray(mean + offset * np.exp(-(np.arange(SLOTS) + 1.0) / FADE_STEPS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """People in the coming 96 steps."""

    count: Array
    """[n, z]."""
    share: Array
    """[n, z], 0..1."""
    need: npt.NDArray[np.bool_]
    """[n]: air is needed."""


def crowd_of(parameters: OccupancyParameters, people_now: Array, now_unix_s: float, utc_offset_h: float) -> Crowd:
    """Expected people; those who are in now stay for the next half hour at least.

    Mornings are met early: whatever was ever seen before noon counts, widened the more the fewer such days were seen.
    """
    at = ahead_unix_s(now_unix_s)
    slot, kind = slot_of(at, utc_offset_h), day_kind_of(at, utc_offset_h)
    count, share = np.array(parameters.count)[kind, slot], np.array(parameters.share)[kind, slot]
    early = np.stack([_needed(parameters, k) for k in range(3)])
    need = early[kind, slot]
    rare = np.array(parameters.days)[kind] < WELL_KNOWN
    # Of a rare kind of day the hours are half known, the zones not at all: any of them may get people.
    share = np.where((rare & need)[:, None], np.maximum(share, RARE_SHARE), share)
    inside = people_now > 0.0
    for k in range(2):
        share[k] = np.maximum(share[k], inside)
        count[k] = np.maximum(count[k], people_now)
        need[k] |= bool(inside.any())
    return Crowd(count=count, share=share, need=need)


def _needed(parameters: OccupancyParameters, kind: int) -> npt.NDArray[np.bool_]:
    """Slots of one kind of day in which air is needed before anybody is seen, [96]."""
    seen = np.array(parameters.any_share[kind])
    days = parameters.days[kind]
    margin = 1 if days >= WELL_KNOWN else 8
    morning = (seen > 0.0) & (np.arange(SLOTS) < SLOTS // 2)
    spread = morning.copy()
    for k in range(1, margin + 1):
        spread[:-k] |= morning[k:]
    expected = (seen >= OFTEN) | spread
    if expected.any():  # A gap between the first and the last who come is no reason to stop.
        first, last = int(np.argmax(expected)), SLOTS - 1 - int(np.argmax(expected[::-1]))
        expected[first : last + 1] = True
    return np.asarray(expected)


def is_standby(parameters: OccupancyParameters, now_unix_s: float, utc_offset_h: float) -> bool:
    """Working hours of a kind of day that was seen empty, but not often enough to be sure (Laplace's rule)."""
    at = np.array([now_unix_s + 1.0])
    slot, kind = int(slot_of(at, utc_offset_h)[0]), int(day_kind_of(at, utc_offset_h)[0])
    if kind == WORKDAY or max(parameters.any_share[kind]) > 0.0:
        return False
    return parameters.any_share[WORKDAY][slot] >= OFTEN and 1.0 / (parameters.days[kind] + 2.0) >= STANDBY_SHARE


def outdoor_of(grid: Grid, site: str, outdoor_now: float) -> Array:
    """Outdoor temperature of the coming 96 steps: of a feed that proved itself, else of the days before."""
    point = f"{site}.outdoor_air_temperature"
    fed = fed_of(grid, point)
    if fed is None:
        return repeat_days(grid.mean(point), outdoor_now)
    return np.asarray(fed + (outdoor_now - fed[0]) * np.exp(-np.arange(SLOTS) / FADE_STEPS))


def fed_of(grid: Grid, point: str) -> Array | None:
    """What is foretold of a point for the coming 96 steps, or None; the last value stands where a feed ends early."""
    feed = grid.features.forecasts.get(point)
    return None if feed is None else np.asarray(np.interp(ahead_unix_s(float(grid.end_unix_s[-1])), feed[0], feed[1]))


def weather_of(grid: Grid, site: str, outdoor_now: float) -> tuple[Array, Array]:
    """Outdoor temperature and irradiance of the coming 96 steps."""
    outdoor = outdoor_of(grid, site, outdoor_now)
    fed = fed_of(grid, f"{site}.solar_irradiance")
    if fed is not None:
        return outdoor, np.maximum(0.0, fed)
    sun = fill(grid.mean(f"{site}.solar_irradiance"))
    if not np.isfinite(sun).any():
        return outdoor, np.zeros(SLOTS)
    days = repeat_days(np.nan_to_num(sun), 0.0)
    return outdoor, np.maximum(0.0, _plain_mean(np.nan_to_num(sun)) if len(sun) >= SLOTS else days)


def _plain_mean(values: Array) -> Array:
    use = min(3, len(values) // SLOTS)
    return np.asarray(values[-use * SLOTS :].reshape(use, SLOTS).mean(axis=0))
