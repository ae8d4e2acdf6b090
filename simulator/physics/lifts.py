"""The lift group: passengers by dice, waiting by the round-trip-time formulas, power by moving, standing, sleeping."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FLOORS = 12
"""Floors above the entrance."""
CAR_CAPACITY = 13
"""Persons; a 1,000 kg car."""
FLOOR_TIME_S = 1.7
"""Passing one floor at rated speed: 3.4 m at 2 m/s."""
STOP_TIME_S = 8.0
"""Doors, and the time lost in stopping and starting (our assumption)."""
PASSENGER_TIME_S = 1.2
"""In or out, each (our assumption)."""
WINDOW_MIN = 5
"""Traffic is judged by five minutes, as the handling capacity of lifts is."""
WAKE_MIN = 2
"""Minutes until a car that slept serves again (our assumption)."""
IDLE_AFTER_MIN = 15
INTERFLOOR_PER_PERSON_MIN = 0.25 / 60.0
"""Trips between floors: one a person every four hours (our assumption)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftGroup:
    """Parameters; the split of running, standing and sleeping is ISO 25745-2's, the values are our assumption."""

    cars: int
    run_wh: float
    """Energy of one run from stop to stop, above standing."""
    standing_w: float
    """One car in service that does not move: light, fan, drive and controller ready."""
    sleeping_w: float
    """One car out of service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How a group of so many cars serves so many passengers in five minutes."""

    waiting_s: float
    runs_per_passenger: float
    capacity_per_min: float
    """Passengers a minute at 80 % full cars."""


def round_trip(passengers: float) -> tuple[float, float]:
    """Round-trip time in s and expected stops for `passengers` a car, leaving the entrance (up-peak).

    RTT = 2 H tv + (S + 1) ts + 2 P tp, with S and H expected over equal floors: Barney and Al-Sharif, Elevator
    Traffic Handbook; CIBSE Guide D, chapter 3.
    """
    stops = FLOORS * (1.0 - (1.0 - 1.0 / FLOORS) ** passengers)
    highest = FLOORS - sum((i / FLOORS) ** passengers for i in range(1, FLOORS))
    seconds = 2.0 * highest * FLOOR_TIME_S + (stops + 1.0) * STOP_TIME_S + 2.0 * passengers * PASSENGER_TIME_S
    return seconds, stops


@cache
def service(cars: int, passengers_5min: int) -> Service:
    """Mean wait and runs a passenger: the load of a car is what gathers in one interval, found by iteration.

    AWT = 0.4 INT below half-full cars, [0.4 + (1.8 P/CC - 0.77)^2] INT above (Barney and dos Santos).
    """
    rate, full = passengers_5min / 300.0, 0.8 * CAR_CAPACITY
    load = 1.0
    for _ in range(60):
        seconds, stops = round_trip(load)
        load += 0.5 * (min(full, max(1.0, rate * seconds / cars)) - load)
    seconds, stops = round_trip(load)
    filled = load / CAR_CAPACITY
    crowding = (1.8 * filled - 0.77) ** 2 if filled > 0.5 else 0.0
    return Service(
        waiting_s=(0.4 + crowding) * seconds / cars,
        runs_per_passenger=(stops + 1.0) / load,
        capacity_per_min=60.0 * full * cars / round_trip(full)[0],
    )


@dataclass(slots=True)
class Lifts:
    """State of the group."""

    group: LiftGroup
    in_service: int = 0
    moving: int = 0
    runs: float = 0.0
    """Since the start."""
    waiting_s: float = 0.0
    power_w: float = 0.0
    idle_cars: int = 0
    """Cars powered that have not moved for 15 minutes."""
    queue: float = 0.0
    """Passengers that found no room."""
    still_min: list[int] = field(default_factory=list)
    _waking: int = 0

    def __post_init__(self) -> None:
        self.in_service = self.group.cars
        self.still_min = [0] * self.group.cars

    def advance(self, passengers: float, passengers_5min: float, wanted: int) -> None:
        """One minute."""
        self._dispatch(wanted)
        how = service(self.in_service, int(passengers_5min))
        crowd = self.queue + passengers
        served = min(crowd, how.capacity_per_min)
        self.queue = crowd - served
        self.waiting_s = how.waiting_s + 60.0 * self.queue / how.capacity_per_min
        runs = served * how.runs_per_passenger
        self.runs += runs
        self._stand(runs)
        group = self.group
        awake = self.in_service + (1 if self._waking else 0)
        self.power_w = awake * group.standing_w + (group.cars - awake) * group.sleeping_w + runs * group.run_wh * 60.0

    def _dispatch(self, wanted: int) -> None:
        """A car goes to sleep at once and takes two minutes to wake, one after the other."""
        if wanted <= self.in_service:
            self.in_service, self._waking = wanted, 0
            return
        self._waking += 1
        if self._waking > WAKE_MIN:
            self.in_service, self._waking = self.in_service + 1, 0

    def _stand(self, runs: float) -> None:
        """The first cars take the calls; whoever stands powered for long is idle."""
        busy_s = runs * (STOP_TIME_S + 3.0 * FLOOR_TIME_S)
        self.moving = min(self.in_service, int(np.ceil(busy_s / 60.0)))
        self.idle_cars = 0
        for car in range(self.group.cars):
            if car < self.moving or car >= self.in_service:
                self.still_min[car] = 0
            else:
                self.still_min[car] += 1
                self.idle_cars += self.still_min[car] > IDLE_AFTER_MIN


def draw_passengers(people: Array, arrivals: Array, departures: Array, tower: float, seed: int) -> Array:
    """Passengers a minute and in the last five, [minutes, 2]; `tower` is how many such floors the lifts serve.

    The known floor's comings and goings are smoothed over ten minutes: the other floors keep like hours, not the same.
    """
    flux = np.convolve(arrivals + departures, np.full(10, 0.1), mode="same")
    rate = tower * (flux + INTERFLOOR_PER_PERSON_MIN * people.sum(axis=1)) + 0.004
    days = len(rate) // 1440
    draws = [np.random.default_rng([seed, d]).poisson(rate[d * 1440 : (d + 1) * 1440]) for d in range(days)]
    passengers = np.concatenate(draws).astype(float)
    recent = np.convolve(passengers, np.ones(WINDOW_MIN))[: len(passengers)]
    return np.stack([passengers, recent], axis=1)
