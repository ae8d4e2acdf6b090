"""Lift groups: passengers by dice, waiting by the round-trip-time formulas, power by moving, standing, sleeping."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from simulator.books import WAIT_BIN_S, WAIT_BINS
from simulator.parts import SUB_STEP_S, Array, Own, Part, follow
from simulator.physics.occupancy import People
from simulator.physics.weather import SkyDay
from simulator.plant import Permit, WritablePoint

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
IDLE_AFTER_MIN = 15
INTERFLOOR_PER_PERSON_MIN = 0.25 / 60.0
"""Trips between floors: one a person every four hours (our assumption)."""
MOST_PASSENGERS = 400
"""In five minutes; more are served as these are."""
WAKE_MIN = np.array([2, 2, 3])
"""Minutes until a car that slept serves again, by standby depth (our assumption)."""
DEPTHS = ("ready", "light and fan off", "drive and controller asleep")


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
    """Share of a run's energy that the drive feeds back, in the mean of loads and directions."""
    floors_like_ours: float = 10.0
    """The lifts serve so many floors as full as those we know."""
    has_depth: bool = False
    """The standby of cars that stand in service can be told; see `DEPTHS`."""


class Service(NamedTuple):
    """How a group serves, by cars in service and passengers in five minutes, [cars + 1, MOST_PASSENGERS + 1]."""

    waiting_s: Array
    runs_per_passenger: Array
    capacity_per_min: Array
    """Passengers a minute at 80 % full cars."""


def round_trip(passengers: Array) -> tuple[Array, Array]:
    """Round-trip time in s and expected stops for `passengers` a car, leaving the entrance (up-peak).

    RTT = 2 H tv + (S + 1) ts + 2 P tp, with S and H expected over equal floors: Barney and Al-Sharif, Elevator
    Traffic Handbook; CIBSE Guide D, chapter 3.
    """
    stops = FLOORS * (1.0 - (1.0 - 1.0 / FLOORS) ** passengers)
    highest = FLOORS - sum((i / FLOORS) ** passengers for i in range(1, FLOORS))
    seconds = 2.0 * highest * FLOOR_TIME_S + (stops + 1.0) * STOP_TIME_S + 2.0 * passengers * PASSENGER_TIME_S
    return seconds, stops


@cache
def service(cars: int) -> Service:
    """The load of a car is what gathers in one interval, found by iteration; row 0, no car, serves nobody.

    AWT = 0.4 INT below half-full cars, [0.4 + (1.8 P/CC - 0.77)^2] INT above (Barney and dos Santos).
    """
    rate, full = np.arange(MOST_PASSENGERS + 1) / 300.0, 0.8 * CAR_CAPACITY
    group = np.maximum(np.arange(cars + 1), 1)[:, None]
    load = np.ones((cars + 1, MOST_PASSENGERS + 1))
    for _ in range(60):
        seconds, stops = round_trip(load)
        load += 0.5 * (np.minimum(full, np.maximum(1.0, rate * seconds / group)) - load)
    seconds, stops = round_trip(load)
    filled = load / CAR_CAPACITY
    crowding = np.where(filled > 0.5, (1.8 * filled - 0.77) ** 2, 0.0)
    can = 60.0 * full * group / round_trip(np.array(full))[0] * np.ones_like(load)
    can[0] = 1e-9
    return Service((0.4 + crowding) * seconds / group, (stops + 1.0) / load, can)


class Traffic:
    """Passengers of a building, from its people's comings and goings, [1440, worlds] by day."""

    def __init__(self, people: People, seeds: list[int], floors_like_ours: float) -> None:
        self._people, self._seeds, self._tower = people, seeds, floors_like_ours
        self._last: Array | None = None

    def day(self, number: int) -> tuple[Array, Array]:
        """Passengers in each minute, and in the last five."""
        crowd = self._people.day(number)
        flux = crowd.arrivals + crowd.departures
        padded = np.concatenate((np.zeros((5, flux.shape[1])), flux, np.zeros((4, flux.shape[1]))))
        total = np.cumsum(np.concatenate((np.zeros((1, flux.shape[1])), padded)), axis=0)
        smooth = (total[10:] - total[:-10]) * 0.1  # Other floors keep like hours, not the same.
        rate = self._tower * (smooth + INTERFLOOR_PER_PERSON_MIN * crowd.people.sum(axis=1)) + 0.004
        passengers = np.stack(
            [np.random.default_rng([seed, number]).poisson(rate[:, w]) for w, seed in enumerate(self._seeds)], axis=1
        ).astype(np.float64)
        before = np.zeros((WINDOW_MIN - 1, len(self._seeds))) if self._last is None else self._last
        counted = np.cumsum(np.concatenate((np.zeros((1, len(self._seeds))), before, passengers)), axis=0)
        self._last = passengers[-(WINDOW_MIN - 1) :]
        return passengers, counted[WINDOW_MIN:] - counted[:-WINDOW_MIN]


class LiftGroup(Part):
    """Cars that stand lit for whoever comes; ordinary control keeps all of them in service, day and night."""

    OWN: ClassVar = {"standby_depth": Own(0.0, 0.0, 2.0, "standby of cars that stand: 0 ready, 1 dark, 2 asleep")}

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
        depth = np.rint(follow(held[1], self.own["standby_depth"])) if plan.has_depth else np.zeros(self.worlds)
        self._dispatch(wanted, depth)
        waiting, per_passenger, capacity = self._service[:, self.in_service, self._recent_rows[minute]]
        passengers = self._passengers[minute]
        crowd = self.queue + passengers
        served = np.minimum(crowd, capacity)
        self.queue = crowd - served
        waiting = waiting + 60.0 * self.queue / capacity
        runs = served * per_passenger
        self.runs += runs
        moving, idle_cars = self._stand(runs)
        awake = self.in_service + (self._waking_min > 0)
        standing_w = self._standing_w(moving, depth, awake)
        self.power_w[0] = (
            standing_w + (plan.cars - awake) * plan.sleeping_w + runs * plan.run_wh * (60.0 * (1.0 - plan.regenerated))
        )
        self._book(runs, waiting, passengers, idle_cars, standing_w / np.maximum(awake, 1))
        self._show(wanted, moving, waiting, depth)

    def _dispatch(self, wanted: Array, depth: Array) -> None:
        """A car goes to sleep at once and takes minutes to wake, one after the other."""
        is_more = wanted > self.in_service
        self._waking_min = np.where(is_more, self._waking_min + 1, 0)
        is_awake = self._waking_min > WAKE_MIN[depth.astype(int)]
        self.in_service = np.where(is_more, self.in_service + is_awake, wanted).astype(int)
        self._waking_min = np.where(is_awake, 0, self._waking_min)

    def _stand(self, runs: Array) -> tuple[Array, Array]:
        """Cars that move, and cars that stand powered for long: the first cars take the calls."""
        busy_s = runs * (STOP_TIME_S + 3.0 * FLOOR_TIME_S)
        moving = np.minimum(self.in_service, np.ceil(busy_s / 60.0))
        stands = (self._car >= moving) & (self._car < self.in_service)
        self._still_min = (self._still_min + 1.0) * stands
        return moving, (self._still_min > IDLE_AFTER_MIN).sum(axis=0)

    def _standing_w(self, moving: Array, depth: Array, awake: Array) -> Array:
        """Of all cars awake: those that stand may be darker; ISO 25745-2 tells idle and standby apart."""
        plan = self.plan
        if not plan.has_depth:
            return awake * plan.standing_w
        still_w = plan.standing_w + (plan.sleeping_w - plan.standing_w) * np.array([0.0, 0.45, 0.85])[depth.astype(int)]
        resting = (self._still_min > 5.0).sum(axis=0)
        return (awake - resting) * plan.standing_w + resting * still_w

    def _book(self, runs: Array, waiting: Array, passengers: Array, idle_cars: Array, car_w: Array) -> None:
        books = self.books
        books.add("runs", runs)
        books.idle(
            self.plan.group,
            self.in_service * SUB_STEP_S,
            idle_cars * SUB_STEP_S,
            idle_cars * car_w * SUB_STEP_S,
        )
        if passengers.any():
            books.add("wait_s", waiting * passengers)
            books.add("waited", passengers)
            rows = np.minimum(waiting / WAIT_BIN_S, WAIT_BINS - 1).astype(int)
            if "wait_hist" not in books.sums:
                books.add("wait_hist", np.zeros((WAIT_BINS, self.worlds)))
            books.sums["wait_hist"][rows, self._all] += passengers

    def _show(self, wanted: Array, moving: Array, waiting: Array, depth: Array) -> None:
        self.values[4] = waiting
        self.values[5] = self.power_w[0] / 1000.0
        if not self.is_told:
            return
        rows = (wanted, self.in_service, moving, np.floor(self.runs))
        for row, value in enumerate(rows):
            self.values[row] = value
        if self.plan.has_depth:
            self.values[7] = depth


ROLES = (
    "cars_in_service_setpoint",
    "cars_in_service",
    "cars_moving",
    "trips_count",
    "waiting_time_mean",
    "electric_power",
    "electric_energy",
)
