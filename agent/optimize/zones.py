"""Plans one air handler and its zones: from features and parameters to the graph, and from its plan to proposals."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.equipment.systems import AhuSystem
from agent.features.grid import SLOTS, STEP_S, grid_of, latest
from agent.learn.parameters import AhuParameters, OccupancyParameters, ThermostatParameters
from agent.optimize import floor
from agent.optimize.floor import COOLING, HEATING, Bands, Present, Watchman, Wish
from agent.optimize.forecast import Crowd, crowd_of
from agent.optimize.host import ModelHost
from agent.optimize.objective import ENERGY, Objective
from agent.optimize.shape import Shaper
from agent.optimize.supply import SupplyReset
from agent.optimize.zone_inputs import POLICIES, ZoneInputs

Array = npt.NDArray[np.float64]
Plan = dict[str, npt.NDArray[np.float32]]

ERROR_SHARE, ERROR_MAX_K = 0.3, 0.5
"""Of the model's error, kept as distance from the comfort band by what is foreseen; a thermostat needs no model."""

PURGE_K = 2.0
"""Outdoor air so much colder than the zones cools them (our choice: less is the warmth of the fan)."""


class ZonePlanner:
    """The planner of one air handler. Remembers its last policy and how far it has had to trim the supply air."""

    def __init__(
        self,
        system: AhuSystem,
        parameters: AhuParameters,
        occupancy: OccupancyParameters,
        thermostats: ThermostatParameters,
        host: ModelHost,
        shaper: Shaper,
        *,
        site: str,
        utc_offset_h: float,
        objective: Objective = ENERGY,
    ) -> None:
        self.system = system
        self.parameters = parameters
        self.occupancy = occupancy
        self._host = host
        self._shaper = shaper
        self._site = site
        self._offset_h = utc_offset_h
        self._policy: int | None = None
        self._trim_k = 0.0
        error = np.array([zone.error_k for zone in parameters.zones])
        self._bands = Bands.of(system, thermostats)
        foreseen = Bands.of(system, thermostats, np.minimum(ERROR_MAX_K, ERROR_SHARE * error))
        self._reset = SupplyReset(system, self._bands, shaper)
        self._watchman = Watchman(occupancy, thermostats, self._bands, utc_offset_h)
        self.inputs = ZoneInputs(
            system,
            parameters,
            shaper,
            foreseen,
            habits=np.array(occupancy.run_share),
            lead_h=thermostats.lead_h,
            site=site,
            utc_offset_h=utc_offset_h,
            objective=objective,
        )

    @property
    def meters(self) -> tuple[str, ...]:
        """Which together measure what the plan foretells."""
        return (f"{self.system.ahu}.electric_power",)

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        """Wishes for this air handler; none while anything needed is unknown or the fit is poor."""
        present = floor.look(features, self.system, self.occupancy, self._site, self._offset_h)
        is_seen = present.is_known and math.isfinite(present.outdoor_c + present.supply_setpoint_c)
        if not self.parameters.is_fit or not is_seen:
            self._shaper.forget(f"{self.system.ahu}.")
            return []
        grid = grid_of(features)
        crowd = crowd_of(self.occupancy, present.people, now.unix_s, self._offset_h)
        inputs = self.inputs.at(grid, present, crowd, now, self._policy)
        plan = self._host.run({name: np.asarray(value, np.float32) for name, value in inputs.items()})
        index = int(plan["index"])
        self._policy = index if index < POLICIES else None
        return self._wishes(features, present, crowd, inputs, plan, now)

    def _wishes(
        self,
        features: Features,
        present: Present,
        crowd: Crowd,
        inputs: dict[str, Array],
        plan: Plan,
        now: Instant,
    ) -> list[Proposal]:
        ahu = self.system.ahu
        extra = self._watchman.extra(present, now)
        is_on = bool(plan["on"][0] > 0.5) or bool(crowd.need[:2].any()) or extra is not None
        expects = _expects(plan)
        reason = _reason(is_on, present, crowd, plan, extra)
        wishes: list[Wish] = []
        if not is_on and self._watchman.leaves:
            self._host.take()  # What its own guard will do was not foretold, so nothing was promised.
        if is_on or not self._watchman.leaves:
            wishes.append((f"{ahu}.on_off_command", 1.0 if is_on else 0.0, reason, 0.0))
        for z, zone in enumerate(self.system.zones):
            low, high, why = self._setpoints(z, is_on, present, crowd, inputs, plan)
            wishes.append((f"{zone}.{COOLING}", high, why, 0.15))
            wishes.append((f"{zone}.{HEATING}", low, why, 0.15))
        if self.parameters.knows_cooling:
            supply, why = self._supply(present, plan, is_on)
            wishes.append((f"{ahu}.supply_air_temperature_setpoint", supply, why, 0.3))
        else:
            wishes += self._reset.wish(features, is_on, present, now)
        proposals = [
            self._shaper.propose(
                point, wish, latest(features, point), now, source="planner", reason=why, expects=expects, dead_band=dead
            )
            for point, wish, why, dead in wishes
        ]
        return [proposal for proposal in proposals if proposal is not None]

    def _setpoints(
        self, z: int, is_on: bool, present: Present, crowd: Crowd, inputs: dict[str, Array], plan: Plan
    ) -> tuple[float, float, str]:
        """Heating and cooling set-point of one zone, and why."""
        if not is_on and (self._watchman.leaves or not floor.can_switch(self._shaper, self.system.ahu)):
            why = "set back: nobody is in, and nobody is expected yet"
            return self._watchman.own_setback_c, floor.SETBACK_HIGH_C, why
        if floor.is_spare(z, present, crowd):
            why = "nobody is in this zone and nobody is expected for two hours"
            return floor.RELAXED_LOW_C, floor.RELAXED_HIGH_C, why
        low, high = float(self._bands.low[z]), float(self._bands.high[z])
        is_early = not (crowd.need[:2].any() or self._watchman.is_ready)
        depth = float(inputs["depth_k"][int(plan["index"])]) if is_early else 0.0
        if depth > 0.0:
            way = (
                f"night purge with outdoor air of {present.outdoor_c:.0f} C" if self._purges(present) else "pre-cooling"
            )
            return low, high - depth, f"{way}: {depth:.1f} K deeper before people come, while it is cheap"
        margin = low - self.system.comfort_low_c
        return low, high, f"comfort band less {margin:.1f} K for how the zone swings"

    def _purges(self, present: Present) -> bool:
        """Cooling before people come is by outdoor air."""
        return self.parameters.has_economizer and present.outdoor_c < float(np.mean(present.air_c)) - PURGE_K

    def _supply(self, present: Present, plan: Plan, is_on: bool) -> tuple[float, str]:
        """Planned supply air, trimmed while a zone is too warm all the same."""
        too_warm = float(np.max(present.air_c - self._bands.high))
        if is_on and present.is_on:
            self._trim_k = min(6.0, self._trim_k + 0.5) if too_warm > 0.15 else max(0.0, self._trim_k - 0.25)
        planned = float(plan["supply_plan_c"][0])
        if self._trim_k > 0.0:
            return (
                planned - self._trim_k,
                f"a zone is {too_warm:.1f} K over its set-point: {self._trim_k:.1f} K cooler than planned",
            )
        return planned, "the supply air that serves all zones at the least power of fan, coil and reheat"


def _expects(plan: Plan) -> dict[str, float]:
    """What the journal keeps; the last two plans are hold and baseline."""
    energy, cost, best = plan["plan_energy_kwh"], plan["cost"], int(plan["index"])
    saving = float(energy[-1] - energy[best])
    return {
        "saving_kwh": saving,
        "saving_pct": 100.0 * saving / max(float(energy[-1]), 1e-6),
        "energy_kwh": float(energy[best]),
        "cost_best": float(cost[best]),
        "cost_hold": float(cost[-2]),
        "cost_baseline": float(cost[-1]),
    }


def _reason(is_on: bool, present: Present, crowd: Crowd, plan: Plan, extra: str | None) -> str:
    people = int(np.sum(present.people))
    steps = int(np.argmax(crowd.need)) if crowd.need.any() else SLOTS
    hours = steps * STEP_S / 3600.0
    if people:
        return f"{people} people are in"
    if extra is not None:
        return extra
    if is_on:
        return (
            f"people are expected in {hours:.1f} h and the zones need that long"
            if steps > 1
            else "people are expected now"
        )
    if steps >= SLOTS:
        return "nobody is in and nobody is expected within a day"
    starts = int(np.argmax(plan["on"] > 0.5)) * STEP_S / 3600.0
    return f"nobody is in; people are expected in {hours:.1f} h, a start in {starts:.1f} h is early enough"
