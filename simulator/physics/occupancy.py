"""Who is in which zone, minute by minute: each person comes, lunches and leaves by dice of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MINUTES = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """People with hours of their own, also past midnight: nurses, guests, cleaners."""

    come_h: tuple[float, float]
    go_h: tuple[float, float]
    """Counted from the midnight before they came; 30 is six in the morning of the next day."""
    share: float
    """Of the people of a zone, in the mean."""
    zones_share: float = 1.0
    """They are in the first so many of the zones, such as wards."""
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """On which they come."""
    has_holidays: bool = False
    """They stay away on holidays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How the people of a building live; shares and hours are our assumptions."""

    arrive_h: tuple[float, float] = (7.5, 9.5)
    leave_h: tuple[float, float] = (16.5, 18.5)
    lunch_share: float = 0.75
    """Go out for lunch, between 11:45 and 13:30."""
    present_share: float = 0.88
    """In on a working day."""
    saturday_share: float = 0.06
    sunday_share: float = 0.0
    late_days_share: float = 0.30
    """Working days on which somebody stays on, until 22:00 at the latest."""
    shifts: tuple[Shift, ...] = ()
    """People beside those."""
    interfloor_per_h: float = 0.25
    """Lift rides between floors, a person and hour: one every four hours."""
    night_rides_share: float = 1.0
    """Of those, between 23:00 and 06:00: most guests sleep."""


CLEANERS = Shift(come_h=(18.5, 19.0), go_h=(20.5, 21.5), share=0.1, weekdays=(0, 1, 2, 3, 4), has_holidays=True)
WARDS = (
    Shift(come_h=(5.75, 6.5), go_h=(14.0, 14.75), share=0.3, zones_share=0.5),
    Shift(come_h=(13.25, 13.9), go_h=(21.5, 22.25), share=0.4, zones_share=0.5),
    Shift(come_h=(20.75, 21.4), go_h=(30.5, 31.5), share=0.4, zones_share=0.5),
)
GUESTS = Shift(come_h=(15.0, 22.5), go_h=(30.5, 34.5), share=0.65)
THREE_TURNS = tuple(
    Shift(come_h=(begin - 0.5, begin), go_h=(begin + 8.0, begin + 8.4), share=0.5) for begin in (6.0, 14.0, 22.0)
)
DWELLERS = (
    Shift(come_h=(16.0, 20.5), go_h=(30.0, 33.0), share=0.65),
    Shift(come_h=(10.5, 12.0), go_h=(33.0, 34.5), share=0.25),
)


HABITS = {
    "office": Habits(),
    "cleaned-office": Habits(shifts=(CLEANERS,)),
    "school": Habits(
        arrive_h=(7.25, 8.0),
        leave_h=(13.0, 16.0),
        lunch_share=0.2,
        present_share=0.95,
        saturday_share=0.0,
        late_days_share=0.1,
        interfloor_per_h=0.1,
    ),
    "clinic": Habits(
        present_share=0.9,
        saturday_share=0.5,
        sunday_share=0.4,
        lunch_share=0.5,
        shifts=WARDS,
        interfloor_per_h=1.0,
        night_rides_share=0.3,
    ),
    "hotel": Habits(
        arrive_h=(6.5, 8.5),
        leave_h=(15.0, 17.5),
        lunch_share=0.0,
        present_share=0.15,
        saturday_share=0.15,
        sunday_share=0.15,
        late_days_share=0.0,
        shifts=(GUESTS,),
        interfloor_per_h=0.3,
        night_rides_share=0.05,
    ),
    "residential": Habits(
        present_share=0.0,
        saturday_share=0.0,
        late_days_share=0.0,
        shifts=DWELLERS,
        interfloor_per_h=0.05,
        night_rides_share=0.2,
    ),
    "shifts": Habits(
        present_share=0.0, saturday_share=0.0, late_days_share=0.0, shifts=THREE_TURNS, interfloor_per_h=0.1
    ),
}
"""By the name that a scenario tells."""


class Event(Protocol):
    """People beyond the ordinary; a scenario's `EventEntry`."""

    date: date
    from_h: float
    to_h: float
    people: int
    zones: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleDay:
    """One day, a row a minute."""

    people: Array
    """float64 [1440, zones, worlds], whole numbers."""
    arrivals: Array
    """People who entered a zone in this minute, all zones, [1440, worlds]; visitors of events are not counted here."""
    departures: Array
    visitors: Array
    """Of the people, all zones: those who are here for an event, [1440, worlds]."""


class _Diary:
    """Collects the stays of one day as differences and sums them up once."""

    def __init__(self, zones: int) -> None:
        self._there = np.zeros(zones)
        self._come = np.zeros((MINUTES, zones))
        self._go = np.zeros((MINUTES, zones))

    def stay(self, zone: int, first: float, last: float, count: float = 1.0) -> None:
        """In `zone` from minute `first` to `last`; what lies before this midnight or after the next is not ours."""
        if last <= first or last <= 0.0 or first >= MINUTES:
            return
        if first < 0.0:
            self._there[zone] += count
        else:
            self._come[int(first), zone] += count
        if last < MINUTES:
            self._go[int(last), zone] += count

    def close(self) -> tuple[Array, Array, Array]:
        people = self._there + np.cumsum(self._come - self._go, axis=0)
        return people, self._come.sum(axis=1), self._go.sum(axis=1)


def _between(rng: np.random.Generator, low_h: float, high_h: float) -> float:
    """A minute of the day, bell-shaped between two hours."""
    low, high = low_h * 60.0, high_h * 60.0
    return min(high, max(low, float(rng.normal((low + high) / 2.0, (high - low) / 5.0))))


class People:
    """Days of all zones in all worlds, drawn one by one from (seed, day), so a longer run begins with the days of a
    shorter one; worlds of the same seed share the days of their calendar."""

    def __init__(
        self,
        zones: int,
        per_zone: int,
        seeds: Sequence[int],
        first_days: Sequence[date],
        *,
        origin: date | None = None,
        holidays: Sequence[date] = (),
        events: Sequence[Event] = (),
        habits: str | Habits = "office",
        zone_names: Sequence[str] | None = None,
    ) -> None:
        """`first_days`: day 0 of each world; dice count days from `origin`, by default the earliest of them."""
        self.zones, self.per_zone = zones, per_zone
        self._seeds, self._first = list(seeds), list(first_days)
        self._origin = origin or min(first_days)
        self._holidays, self._events = frozenset(holidays), tuple(events)
        self.habits = HABITS[habits] if isinstance(habits, str) else habits
        self._names = list(zone_names or (f"zone{1 + n}" for n in range(zones)))
        self._number: int | None = None
        self._today: PeopleDay | None = None

    def day(self, number: int) -> PeopleDay:
        """The day's people; the same object until another day is asked for."""
        if self._today is None or self._number != number:
            self._number, self._today = number, self._draw(number)
        return self._today

    def since_origin(self, number: int) -> list[int]:
        """The day as the dice count it, by world."""
        return [(first - self._origin).days + number for first in self._first]

    def _draw(self, number: int) -> PeopleDay:
        known: dict[tuple[int, date], tuple[Array, ...]] = {}
        rows = []
        for seed, first in zip(self._seeds, self._first, strict=True):
            today = first + timedelta(days=number)
            if (seed, today) not in known:
                known[seed, today] = self._one(seed, today)
            rows.append(known[seed, today])
        people, come, go, visitors = (np.stack([row[n] for row in rows], axis=-1) for n in range(4))
        return PeopleDay(people=people, arrivals=come, departures=go, visitors=visitors)

    def _one(self, seed: int, today: date) -> tuple[Array, ...]:
        """People, arrivals, departures, visitors."""
        diary = _Diary(self.zones)
        rng = np.random.default_rng([seed, (today - self._origin).days])  # Nothing may be drawn before these.
        habits, weekday = self.habits, today.weekday()
        if today in self._holidays:
            pass
        elif weekday < 5:
            self._working_day(diary, rng)
        else:
            self._weekend(diary, habits.saturday_share if weekday == 5 else habits.sunday_share, rng)
        for number, shift in enumerate(habits.shifts):
            for came in (today - timedelta(days=1), today):
                self._shift(diary, shift, (came - today).days * MINUTES, came, self._dice(seed, came, 1 + number))
        people, come, go = diary.close()
        visits = self._visits(today)
        return people + visits, come, go, visits.sum(axis=1)

    def _visits(self, today: date) -> Array:
        """People of events, [1440, zones]; no dice."""
        diary = _Diary(self.zones)
        for event in self._events:
            for zone, name in enumerate(self._names):
                if event.date == today and (not event.zones or name in event.zones):
                    diary.stay(zone, event.from_h * 60.0, event.to_h * 60.0, event.people)
        return diary.close()[0]

    def _working_day(self, diary: _Diary, rng: np.random.Generator) -> None:
        habits = self.habits
        late = self._late_people(rng)
        for zone in range(self.zones):
            for person in range(self.per_zone):
                leave = late.get((zone, person))
                if leave is not None or rng.random() < habits.present_share:
                    self._stay(diary, zone, leave or _between(rng, *habits.leave_h), rng)

    def _stay(self, diary: _Diary, zone: int, leave: float, rng: np.random.Generator) -> None:
        """Arrive, perhaps go out for lunch, leave at the minute given."""
        arrive = _between(rng, *self.habits.arrive_h)
        lunch = _between(rng, 11.75, 13.5)
        pause = rng.uniform(25.0, 55.0)
        if rng.random() < self.habits.lunch_share:
            diary.stay(zone, arrive, lunch)
            diary.stay(zone, lunch + pause, leave)
        else:
            diary.stay(zone, arrive, leave)

    def _late_people(self, rng: np.random.Generator) -> dict[tuple[int, int], float]:
        """(zone, person) -> the minute they leave, for those who stay on today; mostly nobody."""
        if rng.random() >= self.habits.late_days_share:
            return {}
        late: dict[tuple[int, int], float] = {}
        for zone in rng.permutation(self.zones)[: rng.integers(1, 3)]:
            for person in rng.permutation(self.per_zone)[: rng.integers(1, 4)]:
                late[int(zone), int(person)] = float(rng.uniform(19.0, 22.0)) * 60.0
        return late

    def _weekend(self, diary: _Diary, share: float, rng: np.random.Generator) -> None:
        if share <= 0.0:
            return
        for zone in range(self.zones):
            for _ in range(self.per_zone):
                if rng.random() < share:
                    diary.stay(zone, _between(rng, 9.0, 11.0), _between(rng, 13.0, 16.5))

    def _dice(self, seed: int, came: date, tag: int) -> np.random.Generator:
        return np.random.default_rng([seed, (came - self._origin).days + 1, tag])

    def _shift(self, diary: _Diary, shift: Shift, midnight: int, came: date, rng: np.random.Generator) -> None:
        """Who came on this day; `midnight` is its first minute, counted from that of the diary."""
        if came.weekday() not in shift.weekdays or (shift.has_holidays and came in self._holidays):
            return
        for zone in range(math.ceil(shift.zones_share * self.zones)):
            for _ in range(rng.binomial(self.per_zone, shift.share)):
                come, go = _between(rng, *shift.come_h), _between(rng, *shift.go_h)
                diary.stay(zone, midnight + come, midnight + go)
