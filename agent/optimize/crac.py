"""Plans one CRAC: from features and parameters to the graph, and from its plan to proposals.

It learns while it acts: each cycle moves by a small step, the inlets' share of return air is measured anew, and the
window shows where air ran short.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.equipment.systems import CracSystem
from agent.features.grid import SLOTS, Grid, grid_of, latest, slot_of
from agent.learn.crac import (
    EVAPORATOR_K,
    SERVER_DRAW_PER_K,
    SERVER_KNEE_C,
    condensing_c,
    draw_of,
    history_of,
    refresh,
)
from agent.learn.parameters import CracParameters
from agent.optimize.forecast import outdoor_of
from agent.optimize.host import ModelHost
from agent.optimize.objective import ENERGY, Objective
from agent.optimize.shape import Shaper

Array = npt.NDArray[np.float64]

STEPS = 24
"""Hours."""
SUPPLY_GRID_K, SPEED_GRID = 0.5, 0.025
SUPPLY_STEP_K, SPEED_STEP = 1.0, 0.05
"""The largest move of one cycle; the envelope may ask for less."""
LIMIT_COST = 20.0
"""kWh for a squared kelvin over the limit, one rack, one hour."""
MOVE_COST = 0.02
BAR = 1.0e4
MARGIN_START_K, MARGIN_LEAST_K = 1.0, 0.5
ALARM_K = 0.5
"""So close to the limit the plan is left and the room is cooled at once."""
MISS_MEMORY = 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What the plan starts from."""

    inlet_c: Array
    outdoor_c: float
    it_kw: float
    supply_c: float
    """The set-point in force."""
    speed_pct: float
    """The set-point in force."""

    @property
    def is_known(self) -> bool:
        return bool(np.isfinite(self.inlet_c).all()) and math.isfinite(
            self.outdoor_c + self.it_kw + self.supply_c + self.speed_pct
        )


class CracPlanner:
    """The planner of one CRAC. Remembers its misses and the fan speeds at which air ran short."""

    def __init__(
        self,
        system: CracSystem,
        parameters: CracParameters,
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
        """Which together measure what the plan foretells: the room's servers with their UPS, and the CRAC."""
        meter = self.system.it_meter
        return (f"{meter}.electric_power", f"{self.system.crac}.electric_power") if meter else ()

    @property
    def supply_point(self) -> str:
        return f"{self.system.crac}.supply_air_temperature_setpoint"

    @property
    def speed_point(self) -> str:
        return f"{self.system.crac}.fan_speed_setpoint"

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        """Wishes for this CRAC; none while anything needed is unknown or the fit is poor."""
        present = self._look(features)
        if not self.parameters.is_fit or not present.is_known:
            self._shaper.forget(f"{self.system.crac}.")
            self._promised_c = None
            return []
        worst = float(np.max(present.inlet_c))
        self._watch(worst)
        if worst > self.system.inlet_max_c - ALARM_K:
            return self._retreat(present, worst, now)
        grid = grid_of(features)
        room = self._refresh(grid)
        plan = self._host.run({k: np.asarray(v, np.float32) for k, v in self.inputs(grid, room, present, now).items()})
        self._promised_c = float(np.max(plan["inlet_c"][0]))
        return self._wishes(present, plan, now)

    def _look(self, features: Features) -> Present:
        room = self.system.room
        inlets = [latest(features, f"{room}.rack_inlet_temperature_{n + 1}") for n in range(self.system.racks)]
        return Present(
            inlet_c=np.array(inlets),
            outdoor_c=latest(features, f"{self._site}.outdoor_air_temperature"),
            it_kw=latest(features, f"{room}.it_power"),
            supply_c=latest(features, self.supply_point),
            speed_pct=latest(features, self.speed_point),
        )

    def _watch(self, worst: float) -> None:
        """The margin follows the misses upward at once and downward slowly."""
        if self._promised_c is None:
            return
        miss = max(0.0, worst - self._promised_c)
        self._miss_k = max(2.0 * miss, MISS_MEMORY * self._miss_k)

    @property
    def margin_k(self) -> float:
        return MARGIN_LEAST_K + min(self._miss_k, 2.0)

    def _refresh(self, grid: Grid) -> CracParameters:
        """Leaks, short speeds and air stream as the window shows them; the rest as learned."""
        past = history_of(grid, self.system, self._site, self._offset_h)
        return self.parameters if past is None else refresh(self.parameters, past)

    def inputs(self, grid: Grid, room: CracParameters, present: Present, now: Instant) -> dict[str, Array]:
        """Everything the graph reads; see models/crac/signature.json."""
        outdoor = outdoor_of(grid, self._site, present.outdoor_c)
        supply, speed, bar = self._choices(present)
        slot = slot_of(now.unix_s + 3600.0 * np.arange(STEPS, dtype=np.float64), self._offset_h)
        profile = np.array(room.base_it_kw)
        warm = float(np.mean(draw_of(present.inlet_c) ** 3 - 1.0))
        base_now = present.it_kw / (1.0 + room.server_fan_share * warm)
        excess = base_now - float(profile[slot[0]])
        base = profile[slot] + excess * np.exp(-np.arange(STEPS) / 4.0)
        return {
            "base_it_kw": np.maximum(base, 0.1),
            "condensing_c": condensing_c(outdoor[:: SLOTS // STEPS]),
            "price": self._objective.price(grid.features, now.unix_s, STEPS, 24.0 * 3600.0 / STEPS),
            "step_h": np.array(24.0 / STEPS),
            "supply_c": supply,
            "speed": speed,
            "bar": bar,
            "leak": np.array(room.leak),
            "short_speed": np.array(room.short_speed),
            "stream_kw_k": np.array(room.stream_kw_k),
            "fan_max_kw": np.array(room.fan_max_kw),
            "ups_fixed_kw": np.array(room.ups_fixed_kw),
            "ups_share": np.array(room.ups_share),
            "server_fan_share": np.array(room.server_fan_share),
            "server_knee_c": np.array(SERVER_KNEE_C),
            "server_draw_per_k": np.array(SERVER_DRAW_PER_K),
            "evaporator_k": np.array(EVAPORATOR_K),
            "lift_scale": np.array(room.lift_scale),
            "lift_offset_k": np.array(room.lift_offset_k),
            "limit_c": np.array(self.system.inlet_max_c - self.margin_k),
            "limit_cost": np.array(LIMIT_COST),
            "move_cost": np.array(MOVE_COST),
            "now_supply_c": np.array(present.supply_c),
            "now_speed": np.array(present.speed_pct / 100.0),
            "named_supply_c": np.array([present.supply_c, 19.0]),
            "named_speed": np.array([present.speed_pct / 100.0, 0.9]),
            "bonus": np.array([0.0, -1.0e6, -1.0e6]),
        }

    def _choices(self, present: Present) -> tuple[Array, Array, Array]:
        """Supplies, speeds, and bars [n, s, w] before what cannot be reached yet."""
        now = (present.supply_c, present.speed_pct / 100.0)
        s_low, s_high = self._shaper.low(self.supply_point, now[0]), self._shaper.high(self.supply_point, now[0])
        w_low, w_high = (
            self._shaper.low(self.speed_point, 30.0) / 100.0,
            self._shaper.high(self.speed_point, 100.0) / 100.0,
        )
        supply = np.arange(s_low, s_high + 1e-6, SUPPLY_GRID_K)
        speed = np.arange(w_low, w_high + 1e-6, SPEED_GRID)
        reach = np.arange(STEPS) * 3.0 + 1.0  # At least three cycles an hour.
        step_s = self._shaper.step(self.supply_point, SUPPLY_STEP_K)
        step_w = self._shaper.step(self.speed_point, 100.0 * SPEED_STEP) / 100.0
        far_s = (
            np.abs(supply[None, :] - min(max(now[0], s_low), s_high)) > step_s * reach[:, None] + 0.51 * SUPPLY_GRID_K
        )
        far_w = np.abs(speed[None, :] - min(max(now[1], w_low), w_high)) > step_w * reach[:, None] + 0.51 * SPEED_GRID
        return supply, speed, np.asarray(BAR * (far_s[:, :, None] | far_w[:, None, :]), np.float64)

    def _wishes(self, present: Present, plan: dict[str, npt.NDArray[np.float32]], now: Instant) -> list[Proposal]:
        supply, speed = float(plan["supply_plan_c"][0]), 100.0 * float(plan["speed_plan"][0])
        supply = _toward(present.supply_c, supply, SUPPLY_STEP_K)
        speed = _toward(present.speed_pct, speed, 100.0 * SPEED_STEP)
        worst = float(np.max(plan["inlet_c"][0]))
        reason = (
            f"the whole room takes least with {plan['supply_plan_c'][0]:.1f} C supply "
            f"and {plan['speed_plan'][0]:.0%} fan; "
            f"worst inlet then {worst:.1f} C, {self.system.inlet_max_c - worst:.1f} K below its limit"
        )
        return self._proposals(present, supply, speed, reason, _expects(plan), now)

    def _retreat(self, present: Present, worst: float, now: Instant) -> list[Proposal]:
        """Cool at once, as fast as the envelope lets us."""
        reason = f"a rack inlet is at {worst:.1f} C, {self.system.inlet_max_c - worst:.1f} K below its limit: cool now"
        self._promised_c = None
        self._miss_k = max(self._miss_k, 1.0)
        return self._proposals(present, present.supply_c - 2.0, present.speed_pct + 10.0, reason, {}, now)

    def _proposals(
        self, present: Present, supply: float, speed: float, reason: str, expects: dict[str, float], now: Instant
    ) -> list[Proposal]:
        moves = ((self.supply_point, supply, present.supply_c), (self.speed_point, speed, present.speed_pct))
        wishes = [self._shaper.propose(*move, now, source="planner", reason=reason, expects=expects) for move in moves]
        return [wish for wish in wishes if wish is not None]


def _toward(start: float, goal: float, step: float) -> float:
    return start + max(-step, min(step, goal - start))


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
    }
