"""Who is in which zone, minute by minute: each person comes, lunches and leaves by dice of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MINUTES = 1440
PRESENT_SHARE = 0.88
"""Share of people in on a working day (our assumption)."""
SATURDAY_SHARE = 0.06
LATE_DAYS_SHARE = 0.30
"""Share of working days on which somebody stays on, until 22:00 at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """One row a minute."""

    people: Array
    """float64 [minutes, zones], whole numbers."""
    arrivals: Array
    """People who entered a zone in this minute, all zones, [minutes]."""
    departures: Array


class _Diary:
    """Collects stays as differences and sums them up once."""

    def __init__(self, minutes: int, zones: int) -> None:
        self._come = np.zeros((minutes + 1, zones))
        self._go = np.zeros((minutes + 1, zones))

    def stay(self, zone: int, first: float, last: float) -> None:
        """One person in `zone` from minute `first` to `last` of the run."""
        if last > first:
            self._come[int(first), zone] += 1.0
            self._go[int(last), zone] += 1.0

    def close(self) -> Occupancy:
        come, go = self._come[:-1], self._go[:-1]
        return Occupancy(people=np.cumsum(come - go, axis=0), arrivals=come.sum(axis=1), departures=go.sum(axis=1))


def _between(rng: np.random.Generator, low_h: float, high_h: float) -> float:
    """A minute of the day, bell-shaped between two hours."""
    low, high = low_h * 60.0, high_h * 60.0
    return float(np.clip(rng.normal((low + high) / 2.0, (high - low) / 5.0), low, high))


def _working_day(diary: _Diary, zone: int, midnight: int, leave: float, rng: np.random.Generator) -> None:
    """Arrive between 7:30 and 9:30, perhaps go out for lunch, leave at the minute given."""
    arrive = _between(rng, 7.5, 9.5)
    lunch = _between(rng, 11.75, 13.5)
    pause = rng.uniform(25.0, 55.0)
    if rng.random() < 0.75:
        diary.stay(zone, midnight + arrive, midnight + lunch)
        diary.stay(zone, midnight + lunch + pause, midnight + leave)
    else:
        diary.stay(zone, midnight + arrive, midnight + leave)


def _late_people(zones: int, people: int, rng: np.random.Generator) -> dict[tuple[int, int], float]:
    """(zone, person) -> the minute they leave, for those who stay on today; mostly nobody."""
    if rng.random() >= LATE_DAYS_SHARE:
        return {}
    late: dict[tuple[int, int], float] = {}
    for zone in rng.permutation(zones)[: rng.integers(1, 3)]:
        for person in rng.permutation(people)[: rng.integers(1, 4)]:
            late[int(zone), int(person)] = float(rng.uniform(19.0, 22.0)) * 60.0
    return late


def draw(start: date, days: int, zones: int, people: int, holidays: tuple[date, ...], seed: int) -> Occupancy:
    """Days are drawn one by one from (seed, day), so a longer run begins with the very days of a shorter one."""
    diary = _Diary(days * MINUTES, zones)
    for day in range(days):
        today = start + timedelta(days=day)
        if today in holidays or today.weekday() == 6:
            continue
        _draw_day(diary, today.weekday() == 5, day * MINUTES, zones, people, np.random.default_rng([seed, day]))
    return diary.close()


def _draw_day(
    diary: _Diary, is_saturday: bool, midnight: int, zones: int, people: int, rng: np.random.Generator
) -> None:
    late = {} if is_saturday else _late_people(zones, people, rng)
    for zone in range(zones):
        for person in range(people):
            if is_saturday:
                if rng.random() < SATURDAY_SHARE:
                    diary.stay(zone, midnight + _between(rng, 9.0, 11.0), midnight + _between(rng, 13.0, 16.5))
                continue
            leave = late.get((zone, person))
            if leave is not None or rng.random() < PRESENT_SHARE:
                _working_day(diary, zone, midnight, leave or _between(rng, 16.5, 18.5), rng)
