"""What the graph of zones and air handlers reads: everything of one machine as arrays, from features and parameters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.equipment.systems import AhuSystem
from agent.features.grid import SLOTS, STEP_S, Grid, fill, slot_of
from agent.learn.parameters import AhuParameters
from agent.learn.presence import people_steps
from agent.learn.zones import heat_ratio_of, masses, sun_hats
from agent.optimize.floor import Bands, Present
from agent.optimize.forecast import Crowd, ahead_unix_s, weather_of
from agent.optimize.objective import ENERGY, Objective
from agent.optimize.shape import Shaper

Array = npt.NDArray[np.float64]

LEADS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16)
"""Steps of 900 s before people come."""
DEPTHS = (0.0, 1.5)
"""K of pre-cooling before people come."""
POLICIES = len(LEADS) * len(DEPTHS)
SUPPLIES = 9
COMFORT_COST = 3.0
"""kWh for a squared kelvin outside the band for one step in one occupied zone."""
BAR = 1.0e3
BASELINE_LOW_C, BASELINE_HIGH_C = 21.5, 24.0
INCUMBENT_BONUS = 0.3
"""kWh: a new policy has to be better by so much."""


def modes_of(a: Array) -> tuple[Array, Array]:
    """Decays [2] and the matrix that turns (air, mass) into modes whose sum is the air temperature, [2, 2]."""
    values, vectors = np.linalg.eig(a)
    values, vectors = np.real(values), np.real(vectors)
    vectors = vectors / np.where(np.abs(vectors[0]) < 1e-9, 1e-9, vectors[0])
    return np.clip(values, 0.0, 0.9999), np.asarray(np.linalg.inv(vectors), np.float64)


class ZoneInputs:
    """Makes the inputs for one air handler; see models/zone_ahu/signature.json."""

    def __init__(
        self,
        system: AhuSystem,
        parameters: AhuParameters,
        shaper: Shaper,
        bands: Bands,
        *,
        habits: Array,
        lead_h: float,
        site: str,
        utc_offset_h: float,
        objective: Objective = ENERGY,
    ) -> None:
        self.system = system
        self.parameters = parameters
        self._shaper = shaper
        self._bands = bands
        self._site = site
        self._offset_h = utc_offset_h
        self._objective = objective
        self._lead_steps = lead_h * 3600.0 / STEP_S
        self._habits = habits
        self._modes = [modes_of(np.array(zone.a)) for zone in parameters.zones]

    def at(
        self, grid: Grid, present: Present, crowd: Crowd, now: Instant, incumbent: int | None = None
    ) -> dict[str, Array]:
        """`incumbent`: the policy of the last cycle."""
        outdoor, sun = weather_of(grid, self._site, present.outdoor_c)
        return {
            **self._zone_inputs(grid, present, crowd, outdoor, sun, now),
            **self._air_inputs(outdoor),
            **self._comfort_inputs(crowd),
            "price": self._objective.price(grid.features, now.unix_s, SLOTS),
            "gas_price": np.full(SLOTS, self._objective.gas_price),
            **self._plan_inputs(present, now, incumbent),
        }

    def _zone_inputs(
        self, grid: Grid, present: Present, crowd: Crowd, outdoor: Array, sun: Array, now: Instant
    ) -> dict[str, Array]:
        zones = self.parameters.zones
        hats = sun_hats(slot_of(ahead_unix_s(now.unix_s), self._offset_h))
        shared = np.concatenate([outdoor[:, None], sun[:, None] * hats], axis=1)
        drives = np.stack(
            [np.column_stack([shared, crowd.count[:, z], np.ones(SLOTS)]) for z in range(len(zones))], axis=1
        )
        decay, gain, state, push = [], [], [], []
        for z, zone in enumerate(zones):
            values, turn = self._modes[z]
            mass = self._mass(grid, z, present.air_c[z])
            decay.append(values)
            gain.append(turn @ np.array([zone.gain, 0.0]))
            state.append(turn @ np.array([present.air_c[z], mass]))
            push.append(turn @ np.array([zone.air, zone.mass]))
        return {
            "mode_decay": np.array(decay),
            "mode_gain": np.array(gain),
            "mode_state": np.array(state),
            "drive_gain": np.array(push),
            "drives": drives,
            "flow_min_kg_s": np.array([zone.flow_min_kg_s for zone in zones]),
            "flow_max_kg_s": np.array([zone.flow_max_kg_s for zone in zones]),
            "reheat_max_kw": np.array([zone.reheat_max_kw for zone in zones]),
        }

    def _mass(self, grid: Grid, z: int, air_now: float) -> float:
        """The mass node now, as the window's air and weather drove it; starts as warm as the air was."""
        zone = self.parameters.zones[z]
        air = fill(grid.end(f"{zone.zone}.zone_air_temperature"), longest=SLOTS)
        if not np.isfinite(air).any():
            return air_now
        air = np.where(np.isfinite(air), air, air[np.isfinite(air)][0])
        outdoor = fill(grid.mean(f"{self._site}.outdoor_air_temperature"), longest=SLOTS)
        sun = np.nan_to_num(fill(grid.mean(f"{self._site}.solar_irradiance")))
        people = np.nan_to_num(people_steps(grid, zone.zone, self.system, self._habits, self._offset_h))
        hats = sun_hats(slot_of(grid.end_unix_s - STEP_S + 1.0, self._offset_h))
        drives = np.column_stack(
            [
                np.where(np.isfinite(outdoor), outdoor, np.nanmean(outdoor)),
                sun[:, None] * hats,
                people,
                np.ones(len(air)),
            ]
        )
        return float(masses(air, drives, np.array(zone.a), np.array(zone.mass))[-1])

    def _air_inputs(self, outdoor: Array) -> dict[str, Array]:
        p, point = self.parameters, f"{self.system.ahu}.supply_air_temperature_setpoint"
        low, high = self._shaper.low(point, p.supply_ref_c), self._shaper.high(point, p.supply_ref_c)
        supply = np.linspace(low, high, SUPPLIES)
        cool = p.cool_ratio + p.cool_per_outdoor_k * (np.maximum(outdoor, 10.0) - 25.0)
        return {
            "outdoor_air_kg_s": np.array(p.outdoor_air_kg_s),
            "economizer": np.array(float(p.has_economizer)),
            "fan_floor_kw": np.array(p.fan_floor_kw),
            "fan_cubic": np.array(p.fan_cubic),
            "coil_cool_max_kw": np.array(p.cool_max_kw),
            "coil_heat_max_kw": np.array(p.heat_max_kw),
            "outdoor_c": outdoor,
            "supply_c": supply,
            "cool_ratio": np.clip(cool[:, None] + p.cool_per_supply_k * (supply[None, :] - p.supply_ref_c), 0.1, 1.0),
            "coil_gas": np.array(float(p.is_coil_gas)),
            "reheat_gas": np.array(float(p.is_reheat_gas)),
            "heat_ratio": heat_ratio_of(p.heat_ratio, p.heat_per_outdoor_k, outdoor),
        }

    def _comfort_inputs(self, crowd: Crowd) -> dict[str, Array]:
        low, high = self._bands.low, self._bands.high
        soon = np.maximum(crowd.share, np.vstack([crowd.share[1:], crowd.share[-1:]]))
        # Whoever stays late gets air when seen; a rare evening must not be paid for by cooling every night before.
        served = (soon > 0.0) & crowd.need[:, None]
        weight = COMFORT_COST * np.where(served, np.maximum(soon, 0.4), 0.0)
        full = np.ones_like(weight)
        return {
            "comfort_low_c": low * full,
            "comfort_high_c": high * full,
            "comfort_weight": weight,
            "target_low_c": (low + 0.1) * full,
            "target_high_c": (high - 0.1) * full,
            "need": crowd.need.astype(np.float64),
            "step_h": np.array(STEP_S / 3600.0),
        }

    def _plan_inputs(self, present: Present, now: Instant, incumbent: int | None) -> dict[str, Array]:
        """Candidate policies, and the named plans *hold* and *baseline*."""
        zones = len(self.parameters.zones)
        leads, depths = (np.array(x, np.float64) for x in zip(*((a, d) for d in DEPTHS for a in LEADS), strict=True))
        point = f"{self.system.ahu}.supply_air_temperature_setpoint"
        low, high = (
            self._shaper.low(point, present.supply_setpoint_c),
            self._shaper.high(point, present.supply_setpoint_c),
        )
        supply = np.linspace(low, high, SUPPLIES)
        fixed = np.where(np.arange(SUPPLIES) == np.argmin(np.abs(supply - present.supply_setpoint_c)), 0.0, BAR)
        hour = slot_of(ahead_unix_s(now.unix_s), self._offset_h) / 4.0
        schedule = self.system.schedule
        clock = (hour >= schedule.start_h - 2.0) & (hour < schedule.stop_h)
        hold = np.full(SLOTS, 1.0 if present.is_on else 0.0)
        bonus = np.zeros(len(leads) + 2)
        bonus[len(leads) :] = -1.0e6  # They are yardsticks, not choices.
        if incumbent is not None:
            bonus[incumbent] = INCUMBENT_BONUS
        return {
            "lead_steps": np.minimum(leads, self._lead_steps),
            "lag_steps": np.zeros(len(leads)),
            "depth_k": depths,
            "named_on": np.stack([hold, clock.astype(np.float64)]),
            "named_low_c": np.full((2, SLOTS, zones), BASELINE_LOW_C),
            "named_high_c": np.full((2, SLOTS, zones), BASELINE_HIGH_C),
            "named_bar": np.broadcast_to(fixed, (2, SLOTS, SUPPLIES)),
            "bonus": bonus,
        }
