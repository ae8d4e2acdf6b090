"""Plans one data room with all its CRACs, and with their plant: from features and beliefs to the graph, and from its
plan to proposals.

It learns while it acts: each settled step since the site was learned is added to the beliefs (agent/learn/crac.py),
the servers' draw is told anew from the window (agent/learn/air.py), and what is not known for sure may be tried by one
small move, that is judged before the next one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.equipment.systems import RoomSystem
from agent.features.grid import SLOTS, STEP_S, day_kind_of, grid_of, latest, slot_of
from agent.learn.air import PLENTY_STEPS, SHORT_SHARE, Air
from agent.learn.crac import (
    Beliefs,
    believed,
    cooling_columns,
    cooling_target,
    drift_of,
    knob_columns,
    profile_of,
    server_air,
    server_columns,
    weather_columns,
)
from agent.learn.parameters import RoomParameters
from agent.learn.room_history import UPS_SHARE, RoomHistory, history_of, still_of
from agent.optimize.forecast import outdoor_of
from agent.optimize.host import ModelHost
from agent.optimize.objective import ENERGY, Objective
from agent.optimize.room_knobs import Knobs, candidates
from agent.optimize.shape import Shaper

Array = npt.NDArray[np.float64]

STEPS = 24
"""Hours."""
CURIOSITY = 1.0
"""Standard deviations; found by trying, see tests/bench/bench_rooms.py."""
LIMIT_COST = 20.0
"""kWh for a squared kelvin over the limit, one rack, one hour."""
BAR = 1.0e5
SHORT_BAR = 1.0e4
MARGIN_START_K, MARGIN_LEAST_K, MARGIN_MOST_K = 1.0, 0.5, 2.5
ALARM_K = 0.5
"""So close to the limit the plan is left and the room is cooled at once."""
MISS_MEMORY = 0.98
FADE_H = 4.0
"""What is odd about the load now is forgotten in about this time."""
AHEAD_SLOTS = 4
"""Quarters of an hour for whose load the air of now must do."""
LEAST_STEPS = 8
"""Settled steps in the window without which nothing is planned."""
BREATH_SHARE, BREATH_S = 1.1, 3.0 * 86_400.0
"""Within so long there should be a breath of so much more air: without one, servers that come to want more air by and
by would look like a leak that always was there (our assumption; it costs about half a percent of the fans' energy)."""
WATER_TRY_K = 0.5
"""Chilled water is tried nearer to the supply air by so much than was ever seen to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What the plan starts from."""

    inlet_c: Array
    outdoor_c: float
    room_kw: float
    share: Array
    """Of return air in each inlet."""
    knobs: Knobs

    @property
    def is_known(self) -> bool:
        told = np.array([self.outdoor_c, self.room_kw, *self.knobs.now])
        return bool(np.isfinite(self.inlet_c).all() and np.isfinite(told).all())


class CracPlanner:
    """The planner of one room. Remembers by how much its inlets were missed."""

    def __init__(
        self,
        system: RoomSystem,
        parameters: RoomParameters,
        host: ModelHost,
        shaper: Shaper,
        *,
        site: str,
        utc_offset_h: float,
        objective: Objective = ENERGY,
    ) -> None:
        self.system = system
        self.parameters = parameters
        self._host = host
        self._shaper = shaper
        self._site = site
        self._offset_h = utc_offset_h
        self._objective = objective
        self._miss_k = MARGIN_START_K - MARGIN_LEAST_K
        self._promised_c: float | None = None

    @property
    def meters(self) -> tuple[str, ...]:
        """Which together measure what the plan foretells: the room's servers with their UPS, and what cools them."""
        system = self.system
        if system.it_meter is None:
            return ()
        machines = (system.it_meter, *system.cracs, *([system.plant] if system.plant else []))
        return tuple(f"{machine}.electric_power" for machine in machines)

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        """Wishes for this cycle; none while something needed is unknown. Raises ModelError."""
        grid = grid_of(features, is_even=True)
        past = history_of(grid, self.system, self._site, self._offset_h)
        present = self._look(features, past)
        if not present.is_known or past.is_settled.sum() < LEAST_STEPS:
            self._shaper.forget(f"{self.system.room}.")
            for equipment in present.knobs.equipment:
                self._shaper.forget(f"{equipment}.")
            self._promised_c = None
            return []
        worst = float(np.max(present.inlet_c))
        self._watch(worst)
        if worst > self.system.inlet_max_c - ALARM_K:
            return self._retreat(present, worst, now)
        outdoor = outdoor_of(grid, self._site, present.outdoor_c)
        inputs = self.inputs(past, present, outdoor, now)
        inputs["price"] = self._objective.price(features, now.unix_s, STEPS, 24.0 * 3600.0 / STEPS)
        plan = self._host.run({name: np.asarray(value, np.float32) for name, value in inputs.items()})
        self._promised_c = float(np.max(plan["inlet_c"][0]))
        return self._wishes(present, plan, now)

    def _look(self, features: Features, past: RoomHistory) -> Present:
        system, room = self.system, self.system.room
        inlet = np.array([latest(features, f"{room}.rack_inlet_temperature_{n + 1}") for n in range(system.racks)])
        it = latest(features, f"{room}.it_power") * (1.0 + UPS_SHARE)
        return Present(
            inlet_c=inlet,
            outdoor_c=latest(features, f"{self._site}.outdoor_air_temperature"),
            room_kw=latest(features, f"{system.it_meter}.electric_power") if system.it_meter else it,
            share=past.share[-1] if len(past) else np.full(system.racks, np.nan),
            knobs=Knobs.of(system, features, self._shaper),
        )

    def _watch(self, worst: float) -> None:
        """The margin follows the misses upward at once and downward slowly."""
        if self._promised_c is None:
            return
        miss = max(0.0, worst - self._promised_c)
        self._miss_k = min(max(2.0 * miss, MISS_MEMORY * self._miss_k), MARGIN_MOST_K - MARGIN_LEAST_K)

    @property
    def margin_k(self) -> float:
        return MARGIN_LEAST_K + self._miss_k

    # --- inputs ---

    def inputs(self, past: RoomHistory, present: Present, outdoor: Array, now: Instant) -> dict[str, Array]:
        """Everything the graph reads; see models/crac/signature.json. `outdoor`: the next 96 quarters of an hour."""
        room, still = self.parameters, past.where(past.is_settled)
        belief = believed(room, past.where(past.end_unix_s > room.learned_unix_s))
        air = Air.seen(past.calm.breath)
        load = self._load(belief, still, present, now)
        outdoor = outdoor[:: SLOTS // STEPS]
        least = _least_speed(air, load, present)
        rows = candidates(present.knobs, least)
        supply = rows[:, 0] + _bias(still)
        p, d, w = _sizes(rows.shape[1])
        mean, share, root = np.array(belief.cooling.mean), room.cool_share, belief.cooling.root(w)
        base = load.reshape(STEPS, -1).mean(axis=1)
        heat = (base + float(still.fan[-1])) / room.heat_ref_kw
        knee_c, per_k = server_air()
        return {
            "base_kw": base,
            "ratio": share * (weather_columns(outdoor, heat) @ mean[:w] + _odd(belief, room, still)),
            "drift": drift_of(outdoor),
            "price": np.ones(STEPS),
            "step_h": np.array(24.0 / STEPS),
            "knobs": rows,
            "supply_c": np.clip(supply, 0.0, 60.0),
            "speed": np.clip(rows[:, 1], 0.05, 1.1),
            "fan_kw": np.exp(belief.fan.value(np.stack([np.ones(len(rows)), np.log(rows[:, 1])], axis=1))),
            "wish": knob_columns(rows, np.array(room.center)),
            "slope": share * mean[w : w + p],
            "bend": share * mean[w + p : w + p + d],
            "doubt": share * root,
            "bar": self._bars(rows, supply, present, past, still, air, load),
            "move": present.knobs.toll(rows),
            "leak": air.leak,
            "need": np.clip(air.of_racks(load.reshape(STEPS, -1).max(axis=1)), 0.01, 10.0),
            "draw_knee_c": np.array(air.ways[0, 2]),
            "draw_per_k": np.array(air.ways[0, 1]),
            "stream_kw_k": np.array(still.where(np.arange(len(still)) >= len(still) - SLOTS).stream_kw_k),
            "server_knee_c": np.array(knee_c),
            "server_per_k": np.array(per_k),
            "server_slope": np.array(belief.servers.mean),
            "server_doubt": belief.servers.root(),
            "inlet_ref": np.array(room.inlet_ref),
            "limit_c": np.array(self.system.inlet_max_c - self.margin_k),
            "limit_cost": np.array(LIMIT_COST),
            "curiosity": np.array(CURIOSITY),
            "bonus": np.array([0.0, -1.0e6, -1.0e6]),
        }

    def _load(self, belief: Beliefs, still: RoomHistory, present: Present, now: Instant) -> Array:
        """Servers and UPS at the inlets of the history, the next 96 quarters of an hour."""
        room = self.parameters
        at = now.unix_s + STEP_S * np.arange(SLOTS, dtype=np.float64) + 1.0
        profile = np.array(room.base_kw)[day_kind_of(at, self._offset_h), slot_of(at, self._offset_h)]
        inlets = server_columns(present.inlet_c[None, :]) - np.array(room.inlet_ref)
        odd = math.log(present.room_kw / profile_of(room, still)[-1]) - float(belief.servers.value(inlets)[0])
        return np.asarray(np.maximum(profile * np.exp(odd * np.exp(-np.arange(SLOTS) / (4.0 * FADE_H))), 0.1))

    def _bars(
        self,
        rows: Array,
        supply: Array,
        present: Present,
        past: RoomHistory,
        still: RoomHistory,
        air: Air,
        load: Array,
    ) -> Array:
        """[n, k] before what cannot be reached yet, is not judged yet, or may leave servers short of air."""
        stands = bool((np.abs(present.knobs.now - past.knobs[-1]) <= still_of(past.knobs.shape[1])).all())
        is_settled = stands and bool(past.is_settled[-1]) and past.step[-1] == still.step[-1]
        bar = BAR * present.knobs.far(rows, STEPS, is_settled=is_settled)
        bar[:, -2:] = BAR  # Named plans are scored apart.
        rise = load[:: SLOTS // STEPS, None] / (still.stream_kw_k * rows[:, 1])
        inlet = supply + float(np.mean(air.leak)) * rise
        least = air.least_speed(_worst_load(load, present), inlet)
        lack = air.lack(present.share)
        if lack > 2.0 * SHORT_SHARE:
            least[0] = np.maximum(least[0], present.knobs.now[1] * (1.0 + lack))
        least[0] = np.maximum(least[0], _breath(still, present))
        lacking = np.maximum(0.0, least - rows[:, 1] - 1e-6)
        bar += np.where(lacking > 0.0, SHORT_BAR * (1.0 + 10.0 * lacking), 0.0)
        if self.system.water:
            near = rows[:, 0] - rows[:, 2] < _nearest_water_k(still) - WATER_TRY_K - 1e-6
            worse = rows[:, 0] - rows[:, 2] < present.knobs.now[0] - present.knobs.now[2] - 1e-6
            bar += SHORT_BAR * (near & worse)
        others = np.abs(np.delete(rows - present.knobs.now, 1, axis=1)).max(axis=1) > 1e-6
        falls = ~others & (rows[:, 1] < present.knobs.now[1] - 1e-6) & (bar[0] == 0.0)
        if falls.any() and not air.is_measured:
            bar[0] += BAR * others  # Air first: how much more of it a warmer inlet takes shows where it runs short.
        return np.asarray(bar)

    # --- wishes ---

    def _wishes(self, present: Present, plan: dict[str, npt.NDArray[np.float32]], now: Instant) -> list[Proposal]:
        goal = np.asarray(plan["plan"][0], np.float64)
        worst = float(np.max(plan["inlet_c"][0]))
        trial = float(plan["trial_kwh"][0])
        reason = (
            f"the whole room takes least with {present.knobs.told(goal)}; "
            f"worst inlet then {worst:.1f} C, {self.system.inlet_max_c - worst:.1f} K below its limit"
        )
        if trial > 0.0:
            reason += f"; a trial, for {trial:.2f} kWh an hour as far as known"
        return present.knobs.proposals(goal, self._shaper, now, reason, _expects(plan))

    def _retreat(self, present: Present, worst: float, now: Instant) -> list[Proposal]:
        """Cool at once, as fast as the envelope lets us."""
        reason = f"a rack inlet is at {worst:.1f} C, {self.system.inlet_max_c - worst:.1f} K below its limit: cool now"
        self._promised_c = None
        self._miss_k = max(self._miss_k, 1.0)
        goal = present.knobs.now + np.array([-2.0, 0.10, -1.0, 0.0])[: len(present.knobs.now)]
        return present.knobs.proposals(goal, self._shaper, now, reason, {}, is_urgent=True)


def _sizes(d: int) -> tuple[int, int, int]:
    """Knob columns, knobs, weather columns."""
    return 2 * d + d * (d - 1) // 2, d, 5


def _bias(still: RoomHistory) -> float:
    """By how much the air comes warmer than its set-point."""
    return float(np.clip(np.median((still.supply - still.knobs[:, 0])[-SLOTS // 4 :]), -3.0, 3.0))


def _odd(belief: Beliefs, room: RoomParameters, still: RoomHistory) -> Array:
    """What cooling takes beyond the belief now, fading; [24]."""
    last = still.where(np.arange(len(still)) >= len(still) - 4)
    told = belief.cooling.value(cooling_columns(last, np.array(room.center), room.heat_ref_kw))
    odd = float(np.median(cooling_target(room, last) - told))
    return np.asarray(odd * np.exp(-np.arange(STEPS) / FADE_H))


def _worst_load(load: Array, present: Present) -> Array:
    """By hour; the first counts what is now and what comes before the next moves can answer."""
    worst = load.reshape(STEPS, -1).max(axis=1)
    worst[0] = max(present.room_kw, float(np.max(load[:AHEAD_SLOTS])))
    return np.asarray(worst)


def _least_speed(air: Air, load: Array, present: Present) -> Array:
    """Speeds worth being among the candidates: the lowest that is safe in each hour at the inlets of now, [n]."""
    inlet = np.full((STEPS, 1), float(np.mean(present.inlet_c)))
    return np.asarray(air.least_speed(_worst_load(load, present), inlet)[:, 0])


def _breath(still: RoomHistory, present: Present) -> float:
    """A speed at which leaks can be told from lack, when there was none for long; else 0."""
    fresh = np.sort(still.speed[still.end_unix_s > still.end_unix_s[-1] - BREATH_S])
    wanted = min(BREATH_SHARE * float(np.median(fresh)), float(present.knobs.high[1]))
    was_there = len(fresh) >= PLENTY_STEPS and fresh[-PLENTY_STEPS] >= wanted - 0.01
    return 0.0 if was_there else wanted


def _nearest_water_k(still: RoomHistory) -> float:
    """How near below the supply air chilled water was seen to do."""
    met = still.supply - still.knobs[:, 0] < 0.3 + max(0.0, _bias(still))
    near = (still.knobs[:, 0] - still.water)[met & np.isfinite(still.water)]
    return float(np.min(near, initial=np.inf))


def _expects(plan: dict[str, npt.NDArray[np.float32]]) -> dict[str, float]:
    """What the journal keeps; the plans are best, hold and baseline."""
    energy, cost = plan["plan_energy_kwh"], plan["cost"]
    saving = float(energy[2] - energy[0])
    return {
        "saving_kwh": saving,
        "saving_pct": 100.0 * saving / max(float(energy[2]), 1e-6),
        "energy_kwh": float(energy[0]),
        "cost_best": float(cost[0]),
        "cost_hold": float(cost[1]),
        "cost_baseline": float(cost[2]),
        "trial_kwh": float(plan["trial_kwh"][0]),
        "doubt_kwh": float(plan["doubt_kwh"][0]),
    }
