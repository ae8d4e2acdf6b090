"""Plans one lift group: from traffic and parameters to the graph, and from its plan to proposals.

People must not wait longer than under the group's own control: over a day all the longer waits together stay within a
share (`wait_longer_pct`) of all waiting, and what was measured to be spent is taken off.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.equipment.systems import LiftSystem
from agent.features.grid import SLOTS, STEP_S, Grid, day_kind_of, grid_of, latest, slot_of
from agent.learn.lifts import AFTER_H, trip_busy_s, trips_of
from agent.learn.parameters import LiftParameters
from agent.optimize.forecast import ahead_unix_s
from agent.optimize.host import ModelHost
from agent.optimize.objective import ENERGY, Objective
from agent.optimize.shape import Shaper

Array = npt.NDArray[np.float64]

DAYS_BACK = 4
"""Over which spent waiting is counted."""
SLOW_S = 2.0
SLOW_SHARE = 0.01
"""Trips that may wait longer by more than `SLOW_S`: so few that the 90th percentile does not see them."""
SLOW_COST_S = 3.0
SECOND_COST = tuple(float(x) for x in np.concatenate([[0.0], np.geomspace(3e-5, 3.0, 60)]))
"""kWh a second of one trip's wait, to try."""
MOVE_COST = 0.004
"""kWh a car that goes in or out of service: it wakes for some minutes, and its gear wears."""
PRIOR_TRIPS = 4.0
"""Today departs from the profile as far as trips told so; the profile weighs as this many."""
RECENT_STEPS, FADE_STEPS = 4, 4.0
RULE_TRIPS = 0.5
"""A quarter of an hour with more trips is in use to the baseline, more often than not."""


class LiftPlanner:
    """The planner of one lift group; keeps nothing between cycles but what the shaper last wished."""

    def __init__(
        self,
        system: LiftSystem,
        parameters: LiftParameters,
        host: ModelHost,
        shaper: Shaper,
        *,
        utc_offset_h: float,
        objective: Objective = ENERGY,
    ) -> None:
        self.system = system
        self.parameters = parameters
        self._host = host
        self._shaper = shaper
        self._offset_h = utc_offset_h
        self._objective = objective

    @property
    def meters(self) -> tuple[str, ...]:
        """Which together measure what the plan foretells."""
        return (f"{self.system.lifts}.electric_power",)

    @property
    def cars_point(self) -> str:
        return f"{self.system.lifts}.cars_in_service_setpoint"

    @property
    def depth_point(self) -> str:
        return f"{self.system.lifts}.standby_depth_setpoint"

    @property
    def park_point(self) -> str:
        return f"{self.system.lifts}.parking_floor_setpoint"

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        """Wishes for this group; none while its cars or its trips cannot be seen."""
        cars = latest(features, self.cars_point)
        trips = latest(features, f"{self.system.lifts}.trips_count")
        if not math.isfinite(cars + trips):
            self._shaper.forget(f"{self.system.lifts}.")
            return []
        inputs = self.inputs(features, now, cars)
        plan = self._host.run({name: np.asarray(value, np.float32) for name, value in inputs.items()})
        return self._wishes(features, inputs, plan, now)

    def inputs(self, features: Features, now: Instant, cars: float) -> dict[str, Array]:
        """Everything the graph reads; see models/lift_group/signature.json."""
        p, all_cars = self.parameters, self.system.cars
        grid = grid_of(features)
        ahead = self.forecast(grid, now)
        # Cars need minutes to wake: they are there a step before they are wanted.
        trips, calls = ahead[:-1], np.maximum(ahead[:-1], ahead[1:])
        depth = latest(features, self.depth_point)
        depths = self._depths(depth)
        last = depths - 1.0
        low, high = self._shaper.low(self.cars_point, float(all_cars)), self._shaper.high(self.cars_point, cars)
        choices = np.arange(max(1.0, math.ceil(low)), min(high, all_cars) + 0.5)
        choices = choices if len(choices) else np.array([float(all_cars)])
        floors = self._floors()
        return {
            "trips": trips,
            "calls": calls,
            "price": self._objective.price(features, now.unix_s, SLOTS),
            "step_h": np.array(STEP_S / 3600.0),
            "cars": choices,
            "cars_all": np.array(float(all_cars)),
            "bar": np.zeros((SLOTS, len(choices), depths)),
            "depth_saves": np.array(p.depth_saves[:depths]),
            "depth_after_h": np.array(AFTER_H[:depths]),
            "depth_wake_s": np.array(p.depth_wake_s[:depths]),
            "standing_kw": np.array(p.standing_kw),
            "sleeping_kw": np.array(p.sleeping_kw),
            "trip_kwh": np.array(p.trip_kwh),
            "trip_busy_h": np.array(trip_busy_s() / 3600.0),
            "wait_s": np.array(p.wait_s),
            "wait_budget_s": np.array(self._budget_s(grid)),
            "slow_s": np.array(SLOW_S),
            "slow_budget": np.array(SLOW_SHARE * self._trips_a_day()),
            "second_cost": np.array(SECOND_COST),
            "slow_cost_s": np.array(SLOW_COST_S),
            "move_cost": np.array(MOVE_COST),
            "now_cars": np.array(cars),
            "named_cars": np.stack([np.full(SLOTS, max(1.0, cars)), self._by_rule(now, trips)]),
            "named_depth": np.stack([np.full(SLOTS, min(np.nan_to_num(depth), last)), np.full(SLOTS, min(1.0, last))]),
            "call_share": self._calls(trips, floors),
            "floor": floors,
        }

    # --- what comes ---

    def forecast(self, grid: Grid, now: Instant) -> Array:
        """Trips in each coming step and one more: the profile, bent by what the last hour had over its due."""
        at = ahead_unix_s(now.unix_s, SLOTS + 1)
        profile = self._profile(at)
        start = grid.end_unix_s[-RECENT_STEPS:] - STEP_S + 1.0
        recent = trips_of(grid, self.system.lifts)[-RECENT_STEPS:]
        known = np.isfinite(recent)
        seen, due = float(recent[known].sum()), float(self._profile(start)[known].sum())
        bend = (PRIOR_TRIPS + seen) / (PRIOR_TRIPS + due)
        return np.asarray(profile * (1.0 + (bend - 1.0) * np.exp(-np.arange(SLOTS + 1) / FADE_STEPS)))

    def _profile(self, at: Array) -> Array:
        table = np.array(self.parameters.trips)
        return np.asarray(table[day_kind_of(at, self._offset_h), slot_of(at, self._offset_h)])

    def _trips_a_day(self) -> float:
        """In the mean of a week."""
        days = np.array(self.parameters.trips).sum(axis=1)
        return float((5.0 * days[0] + days[1] + days[2]) / 7.0)

    def _budget_s(self, grid: Grid) -> float:
        """Longer waits that the coming day may have, all trips together."""
        share = self.system.wait_longer_pct / 100.0
        a_day = share * self._trips_a_day() * self.parameters.wait_s
        lifts, rows = self.system.lifts, DAYS_BACK * SLOTS
        trips = np.nan_to_num(trips_of(grid, lifts))[-rows:]
        wait = grid.mean(f"{lifts}.waiting_time_mean")[-rows:]
        cars = grid.mean(f"{lifts}.cars_in_service_setpoint")[-rows:]
        depth = np.nan_to_num(grid.end(f"{lifts}.standby_depth_setpoint")[-rows:])
        ours = np.isfinite(wait) & ((cars < self.system.cars - 0.01) | (depth > 1.0))
        spent = float(np.sum((wait[ours] - self.parameters.wait_s) * trips[ours]))
        allowed = a_day * max(1.0, len(trips) / SLOTS)
        return float(np.clip(2.0 - spent / max(allowed, 1e-6), 0.0, 1.0)) * a_day

    # --- what may be ---

    def _depths(self, depth: float) -> int:
        """How many depths there are to choose from; 1 where standby cannot be told."""
        if not math.isfinite(depth):
            return 1
        deepest = self._shaper.high(self.depth_point, 0.0)
        return int(min(len(self.parameters.depth_saves), 1 + max(0.0, deepest)))

    def _floors(self) -> Array:
        low, high = self._shaper.low(self.park_point, 0.0), self._shaper.high(self.park_point, 0.0)
        return np.arange(math.floor(low), math.floor(high) + 1.0)

    def _calls(self, trips: Array, floors: Array) -> Array:
        """Where calls come from: the entrance while people come (traffic rises), any floor else."""
        n = len(floors)
        even = np.full((len(trips), n), 1.0 / n)
        rising = np.diff(trips, append=trips[-1]) > 0.0
        even[rising, 0] += 1.0
        return np.asarray(even / even.sum(axis=1, keepdims=True))

    def _by_rule(self, now: Instant, trips: Array) -> Array:
        """Cars that the baseline's clock would have, about: it sees trips as they come."""
        hour = slot_of(ahead_unix_s(now.unix_s), self._offset_h) / 4.0
        schedule = self.system.schedule
        busy = (hour >= schedule.start_h) & (hour < schedule.stop_h) | (trips > RULE_TRIPS)
        return np.where(busy, float(self.system.cars), float((self.system.cars + 1) // 2))

    # --- what is wished ---

    def _wishes(
        self,
        features: Features,
        inputs: dict[str, Array],
        plan: dict[str, npt.NDArray[np.float32]],
        now: Instant,
    ) -> list[Proposal]:
        cars, depth = float(plan["cars_plan"][0]), float(plan["depth_plan"][0])
        reason = self._reason(cars, depth, inputs)
        wishes = [(self.cars_point, cars), (self.depth_point, depth), (self.park_point, float(plan["park_plan"][0]))]
        expects = _expects(plan)
        proposals = [
            self._shaper.propose(
                point, wish, latest(features, point), now, source="planner", reason=reason, expects=expects
            )
            for point, wish in wishes
        ]
        return [proposal for proposal in proposals if proposal is not None]

    def _reason(self, cars: float, depth: float, inputs: dict[str, Array]) -> str:
        trips, all_cars = float(inputs["trips"][0]) * 4.0, self.system.cars
        rests = ("stay lit", "go dark", "go dark, and to sleep after half an hour")[int(min(depth, 2.0))]
        few = "all cars serve" if cars >= all_cars else f"{cars:.0f} of {all_cars} cars serve"
        standing = f"; those that stand {rests}" if len(inputs["depth_saves"]) > 1 else ""
        return f"about {trips:.0f} trips an hour are expected: {few}{standing}"


def _expects(plan: dict[str, npt.NDArray[np.float32]]) -> dict[str, float]:
    """What the journal keeps; the plans are best, hold and baseline."""
    energy, cost, delay = plan["plan_energy_kwh"], plan["cost"], plan["plan_delay_s"]
    saving = float(energy[2] - energy[0])
    return {
        "saving_kwh": saving,
        "saving_pct": 100.0 * saving / max(float(energy[2]), 1e-6),
        "energy_kwh": float(energy[0]),
        "cost_best": float(cost[0]),
        "cost_hold": float(cost[1]),
        "cost_baseline": float(cost[2]),
        "longer_waits_s": float(delay[0]),
    }
