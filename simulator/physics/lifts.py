"""Lift groups: passengers by dice, waiting by round-trip times, power by moving, standing, sleeping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from simulator.books import WAIT_BIN_S, WAIT_BINS
from simulator.parts import MINUTES, SUB_STEP_S, Array, Own, Part, follow
from simulator.physics.occupancy import People
from simulator.physics.round_trip import FLOOR_TIME_S, MOST_PASSENGERS, STOP_TIME_S, service
from simulator.physics.weather import SkyDay
from simulator.plant import Permit, WritablePoint

WINDOW_MIN = 5
"""Traffic is judged by five minutes, as the handling capacity of lifts is."""
WAKE_MIN = 2
"""Minutes until a car that was out of service serves again (our assumption)."""
IDLE_AFTER_MIN = 15
STANDBY_AFTER_MIN = (5, 30)
"""A car that stands may go to its first standby after five minutes and to its second after thirty: the states whose
power ISO 25745-2 tells beside that of the idle car. The standby depth says which of them the cars may enter."""
STANDBY_SAVES = (0.45, 0.40)
"""Of the way from standing to out of service: light and fan first, then drive and controller (our assumption)."""
STANDBY_WAKE_S = (0.0, 25.0)
"""Until a car in its first or second standby starts on a call (our assumption): lights are at once, drives are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftPlan:
    """Arrays [worlds]; the split of running, idle and standby is ISO 25745-2's, the values are our assumption."""

    group: str = "lifts1"
    cars: int
    run_wh: Array
    """Energy of one run from stop to stop, above standing."""
    standing_w: Array
    """One car in service that does not move: light, fan, drive and controller ready."""
    sleeping_w: Array
    """One car out of service."""
    regenerated: float = 0.0
    """Share of a run's energy that the drive feeds back when the car is empty or full."""
    floors_like_ours: float = 10.0
    """The lifts serve so many floors as full as those we know."""
    has_depth: bool = False
    """The standby of cars that stand in service can be told: 0 none, 1 and 2 as `STANDBY_AFTER_MIN` says."""


class Traffic:
    """Passengers of a building, from its people's comings and goings, [1440, worlds] by day.

    The known floors' are smoothed over ten minutes of the day: other floors keep like hours, not the same. Visitors
    of events ride once: the other floors have none.
    """

    def __init__(self, people: People, seeds: Sequence[int], floors_like_ours: float) -> None:
        self._people, self._seeds, self._tower = people, list(seeds), floors_like_ours
        hour = np.arange(MINUTES)[:, None] / 60.0
        is_night = (hour < 6.0) | (hour >= 23.0)
        habits = people.habits
        self._rides = habits.interfloor_per_h / 60.0 * np.where(is_night, habits.night_rides_share, 1.0)
        self._last: tuple[int, Array] | None = None

    def day(self, number: int) -> tuple[Array, Array]:
        """Passengers in each minute, and in the last five."""
        rate, dice = self._rate(number), self._people.since_origin(number)
        drawn = [
            np.random.default_rng([seed, today]).poisson(rate[:, w])
            for w, (seed, today) in enumerate(zip(self._seeds, dice, strict=True))
        ]
        passengers = np.stack(drawn, axis=1).astype(np.float64)
        before = np.zeros((WINDOW_MIN - 1, len(drawn)))
        if self._last is not None and self._last[0] == number - 1:
            before = self._last[1]
        self._last = number, passengers[-(WINDOW_MIN - 1) :]
        return passengers, _sums(np.concatenate((before, passengers)), WINDOW_MIN)

    def _rate(self, number: int) -> Array:
        """Passengers a minute in the mean; a few come at any hour."""
        crowd = self._people.day(number)
        smooth = _smooth(crowd.arrivals + crowd.departures)
        ordinary = crowd.people.sum(axis=1) - crowd.visitors
        rate = self._tower * (smooth + self._rides * ordinary) + 0.004
        if crowd.visitors.any():
            rate += _smooth(np.abs(np.diff(crowd.visitors, axis=0, prepend=0.0)))
        return rate


def _smooth(flux: Array) -> Array:
    """Means over ten minutes."""
    return _sums(np.pad(flux, ((5, 4), (0, 0))), 10) * 0.1


def _sums(rows: Array, length: int) -> Array:
    """Of each row and those before it, `length` in all; shorter by `length` - 1."""
    total = np.cumsum(np.pad(rows, ((1, 0), (0, 0))), axis=0)
    return total[length:] - total[:-length]


class Rests(NamedTuple):
    """Which cars stand dark."""

    depth: Array
    """How deep they may go, [worlds]."""
    first: Array
    """In the first standby or the second, [cars, worlds]."""
    second: Array


class LiftGroup(Part):
    """Cars that stand lit for whoever comes; ordinary control keeps all of them in service, day and night."""

    OWN: ClassVar = {"standby_depth": Own(0.0, 0.0, 2.0, "standby of cars that stand: 0 none, 1 dark, 2 asleep")}

    def __init__(self, plan: LiftPlan, traffic: Traffic, own: dict[str, float] | None = None) -> None:
        self.plan, self._traffic = plan, traffic
        self.own = {name: entry.default for name, entry in self.OWN.items()} | (own or {})
        g = plan.group
        self.points = tuple(f"{g}.{role}" for role in ROLES) + ((f"{g}.standby_depth_setpoint",) * plan.has_depth)
        self.writable = {f"{g}.cars_in_service_setpoint": WritablePoint(1.0, float(plan.cars))}
        self.permits = {f"{g}.cars_in_service_setpoint": Permit(1.0, float(plan.cars), float(plan.cars), 600.0)}
        if plan.has_depth:
            self.writable[f"{g}.standby_depth_setpoint"] = WritablePoint(0.0, 2.0)
            self.permits[f"{g}.standby_depth_setpoint"] = Permit(0.0, 2.0, 2.0, 600.0)
        self.equipment: dict[str, dict[str, Any]] = {g: {"kind": "lift_group", "cars": plan.cars}}
        self.uses = ("lifts",)
        self.ailments = {}
        super().__init__(len(plan.run_wh))
        self.in_service = np.full(self.worlds, plan.cars)
        self.queue = np.zeros(self.worlds)
        """Passengers that found no room."""
        self.runs = np.zeros(self.worlds)
        """Since the counters began."""
        self._waking_min = np.zeros(self.worlds, int)
        self._still_min = np.zeros((plan.cars, self.worlds))
        self._car = np.arange(plan.cars)[:, None]
        self._all = np.arange(self.worlds)
        self._service = np.stack(service(plan.cars))

    def begin_day(self, day: int, sky: SkyDay) -> None:
        self._passengers, self._recent = self._traffic.day(day)
        self._recent_rows = np.minimum(self._recent, MOST_PASSENGERS).astype(int)

    def restart_counters(self) -> None:
        self.runs[:] = 0.0

    def advance(self, minute: int, sky: SkyDay, held: Array) -> None:
        plan = self.plan
        wanted = np.rint(follow(held[0], float(plan.cars)))
        self._dispatch(wanted)
        waiting, per_passenger, capacity, imbalance = self._service[:, self.in_service, self._recent_rows[minute]]
        passengers = self._passengers[minute]
        crowd = self.queue + passengers
        served = np.minimum(crowd, capacity)
        self.queue = crowd - served
        waiting = waiting + 60.0 * self.queue / capacity
        runs = served * per_passenger
        self.runs += runs
        rests = self._rests(np.rint(follow(held[1], self.own["standby_depth"]))) if plan.has_depth else None
        moving, idle = self._stand(runs)
        awake = self.in_service + (self._waking_min > 0)
        standing_w, idle_w = awake * plan.standing_w, idle.sum(axis=0) * plan.standing_w
        if rests is not None:
            waiting = waiting + self._waking_s(rests, moving)
            saved_w = self._saved_w(self._rests(rests.depth), idle)
            standing_w, idle_w = standing_w - saved_w[0], idle_w - saved_w[1]
        run_w = runs * plan.run_wh * 60.0
        if plan.regenerated:
            run_w *= 1.0 - plan.regenerated * imbalance
        self.power_w[0] = standing_w + (plan.cars - awake) * plan.sleeping_w + run_w
        self._book(runs, waiting, passengers, idle.sum(axis=0), idle_w)
        self._show(wanted, moving, waiting, rests)

    def _dispatch(self, wanted: Array) -> None:
        """A car goes to sleep at once and takes minutes to wake, one after the other."""
        is_more = wanted > self.in_service
        self._waking_min = np.where(is_more, self._waking_min + 1, 0)
        is_awake = self._waking_min > WAKE_MIN
        self.in_service = np.where(is_more, self.in_service + is_awake, wanted).astype(int)
        self._waking_min = np.where(is_awake, 0, self._waking_min)

    def _stand(self, runs: Array) -> tuple[Array, Array]:
        """Cars that move, and which stand powered for long: the first cars take the calls."""
        busy_s = runs * (STOP_TIME_S + 3.0 * FLOOR_TIME_S)
        moving = np.minimum(self.in_service, np.ceil(busy_s / 60.0))
        stands = (self._car >= moving) & (self._car < self.in_service)
        self._still_min = (self._still_min + 1.0) * stands
        return moving, self._still_min > IDLE_AFTER_MIN

    # --- standby ---

    def _rests(self, depth: Array) -> Rests:
        first, second = ((self._still_min > m) & (depth > n) for n, m in enumerate(STANDBY_AFTER_MIN))
        return Rests(depth, first, second)

    def _waking_s(self, rests: Rests, moving: Array) -> Array:
        """What the calls of this minute wait for cars that rested until now, in the mean of the cars that move."""
        is_called = self._car < moving
        seconds = STANDBY_WAKE_S[0] * (is_called & rests.first & ~rests.second).sum(axis=0)
        seconds = seconds + STANDBY_WAKE_S[1] * (is_called & rests.second).sum(axis=0)
        return seconds / np.maximum(moving, 1.0)

    def _saved_w(self, rests: Rests, idle: Array) -> tuple[Array, Array]:
        """By all cars that rest, and by those of them that count as idle."""
        share = STANDBY_SAVES[0] * rests.first + STANDBY_SAVES[1] * rests.second
        span_w = self.plan.standing_w - self.plan.sleeping_w
        return span_w * share.sum(axis=0), span_w * (share * idle).sum(axis=0)

    # --- what is told ---

    def _book(self, runs: Array, waiting: Array, passengers: Array, idle_cars: Array, idle_w: Array) -> None:
        """Running hours are car-hours in service."""
        books = self.books
        books.add("runs", runs)
        books.idle(self.plan.group, self.in_service * SUB_STEP_S, idle_cars * SUB_STEP_S, idle_w * SUB_STEP_S)
        if passengers.any():
            books.add("wait_s", waiting * passengers)
            books.add("waited", passengers)
            rows = np.minimum(waiting / WAIT_BIN_S, WAIT_BINS - 1).astype(int)
            if "wait_hist" not in books.sums:
                books.add("wait_hist", np.zeros((WAIT_BINS, self.worlds)))
            books.sums["wait_hist"][rows, self._all] += passengers

    def _show(self, wanted: Array, moving: Array, waiting: Array, rests: Rests | None) -> None:
        self.values[4] = waiting
        self.values[5] = self.power_w[0] / 1000.0
        if not self.is_told:
            return
        rows = (wanted, self.in_service, moving, np.floor(self.runs))
        for row, value in enumerate(rows):
            self.values[row] = value
        if rests is not None:
            self.values[7] = rests.depth


ROLES = (
    "cars_in_service_setpoint",
    "cars_in_service",
    "cars_moving",
    "trips_count",
    "waiting_time_mean",
    "electric_power",
    "electric_energy",
)
