"""Plans one data room with all its CRACs, and with their plant: from features and beliefs to the graph, and from its
plan to proposals.

It learns while it acts: each settled step since the site was learned is added to the beliefs (agent/learn/crac.py),
the servers' draw is told anew from the window (agent/learn/air.py), and what is not known for sure may be tried by one
small move, that is judged before the next one.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.equipment.systems import RoomSystem
from agent.features.grid import SLOTS, STEP_S, day_kind_of, grid_of, latest, slot_of
from agent.learn.air import Air
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
from agent.learn.room_history import UPS_SHARE, RoomHistory, history_of
from agent.optimize.forecast import outdoor_of
from agent.optimize.host import ModelHost
from agent.optimize.objective import ENERGY, Objective
from agent.optimize.room_bars import STEPS, WARM_WORTH, Known, Present, bars_of, least_speeds, may_warm, warms
from agent.optimize.room_knobs import Knobs, candidates
from agent.optimize.shape import Shaper

Array = npt.NDArray[np.float64]
Plan = dict[str, npt.NDArray[np.float32]]

HOPE_HOUR = 12
"""An hour by which everything within the band can be reached."""
CURIOSITY = 1.0
"""Standard deviations; found by trying, see tests/bench/bench_rooms.py."""
LIMIT_COST = 20.0
"""kWh for a squared kelvin over the limit, one rack, one hour."""
MARGIN_START_K, MARGIN_LEAST_K, MARGIN_MOST_K = 1.0, 0.5, 2.5
ALARM_K = 0.5
"""So close to the limit the plan is left and the room is cooled at once."""
MISS_MEMORY = 0.98
FADE_H = 4.0
"""What is odd about the load now is forgotten in about this time."""
LEAST_STEPS = 8
"""Settled steps in the window without which nothing is planned."""


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
        known = self._know(past, present, now)
        inputs = self.inputs(known, present, outdoor)
        inputs["price"] = self._objective.price(features, now.unix_s, STEPS, 24.0 * 3600.0 / STEPS)
        is_lured = may_warm(present, known) and self._would_warm(inputs, present, known)
        if is_lured:
            inputs["bar"][0] += WARM_WORTH * present.room_kw * ~warms(inputs["knobs"], present)
        plan = self._run(inputs)
        self._promised_c = float(np.max(plan["inlet_c"][0]))
        return self._wishes(present, plan, now, is_lured=is_lured)

    def _run(self, inputs: dict[str, Array]) -> Plan:
        return self._host.run({name: np.asarray(value, np.float32) for name, value in inputs.items()})

    def _would_warm(self, inputs: dict[str, Array], present: Present, known: Known) -> bool:
        """Warmer inlets would pay if servers drew as little more air as may be."""
        bar = bars_of(inputs["knobs"], present, known, has_water=bool(self.system.water), is_hopeful=True)
        plan = self._run({**inputs, "bar": bar})
        return float(plan["plan"][HOPE_HOUR][0]) > float(present.knobs.now[0]) + 0.1

    def _know(self, past: RoomHistory, present: Present, now: Instant) -> Known:
        room, still = self.parameters, past.where(past.is_settled)
        belief = believed(room, past.where(past.end_unix_s > room.learned_unix_s))
        load = self._load(belief, still, present, now)
        return Known(past=past, still=still, belief=belief, air=Air.seen(past.calm.breath), load=load)

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

    def inputs(self, known: Known, present: Present, outdoor: Array) -> dict[str, Array]:
        """Everything the graph reads; see models/crac/signature.json. `outdoor`: the next 96 quarters of an hour."""
        room, belief, still, air, load = self.parameters, known.belief, known.still, known.air, known.load
        outdoor = outdoor[:: SLOTS // STEPS]
        rows = candidates(present.knobs, least_speeds(present, known))
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
            "supply_c": np.clip(rows[:, 0] + known.bias_k, 0.0, 60.0),
            "speed": np.clip(rows[:, 1], 0.05, 1.1),
            "fan_kw": np.exp(belief.fan.value(np.stack([np.ones(len(rows)), np.log(rows[:, 1])], axis=1))),
            "wish": knob_columns(rows, np.array(room.center)),
            "slope": share * mean[w : w + p],
            "bend": share * mean[w + p : w + p + d],
            "doubt": share * root,
            "bar": bars_of(rows, present, known, has_water=bool(self.system.water)),
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

    # --- wishes ---

    def _wishes(self, present: Present, plan: Plan, now: Instant, *, is_lured: bool) -> list[Proposal]:
        goal = np.asarray(plan["plan"][0], np.float64)
        worst = float(np.max(plan["inlet_c"][0]))
        trial = float(plan["trial_kwh"][0])
        reason = (
            f"the whole room takes least with {present.knobs.told(goal)}; "
            f"worst inlet then {worst:.1f} C, {self.system.inlet_max_c - worst:.1f} K below its limit"
        )
        if trial > 0.0:
            reason += f"; a trial, for {trial:.2f} kWh an hour as far as known"
        elif is_lured and warms(goal[None, :], present)[0]:
            most_kw = WARM_WORTH * present.room_kw
            reason += f"; a trial of how much more air warmer servers draw, for {most_kw:.2f} kWh an hour at most"
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


def _odd(belief: Beliefs, room: RoomParameters, still: RoomHistory) -> Array:
    """What cooling takes beyond the belief now, fading; [24]."""
    last = still.where(np.arange(len(still)) >= len(still) - 4)
    told = belief.cooling.value(cooling_columns(last, np.array(room.center), room.heat_ref_kw))
    odd = float(np.median(cooling_target(room, last) - told))
    return np.asarray(odd * np.exp(-np.arange(STEPS) / FADE_H))


def _expects(plan: Plan) -> dict[str, float]:
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
