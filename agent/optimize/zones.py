"""Plans one air handler and its zones: from features and parameters to the graph, and from its plan to proposals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.equipment.systems import AhuSystem
from agent.features.grid import SLOTS, STEP_S, Grid, fill, grid_of, latest, slot_of
from agent.learn.parameters import AhuParameters, OccupancyParameters
from agent.learn.zones import heat_ratio_of, masses, sun_hats
from agent.optimize.forecast import Crowd, ahead_unix_s, crowd_of, is_standby, weather_of
from agent.optimize.host import ModelHost
from agent.optimize.objective import ENERGY, Objective
from agent.optimize.shape import Shaper

Array = npt.NDArray[np.float64]

LEADS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32)
"""Steps of 900 s before people come."""
DEPTHS = (0.0, 1.5)
"""K of pre-cooling before people come."""
SUPPLIES = 9
COMFORT_COST = 3.0
"""kWh for a squared kelvin outside the band for one step in one occupied zone."""
BAR = 1.0e3
MARGIN_K = 0.3
"""Least distance from the comfort band; grows with the measured error."""
SETBACK_LOW_C, SETBACK_HIGH_C = 16.0, 30.0
"""Where an empty zone may drift; below the lower one the heating runs whoever is in."""
HYSTERESIS_K = 1.0
RELAXED_LOW_C, RELAXED_HIGH_C = 18.0, 28.0
"""Set-points of an empty zone while others are served."""
BASELINE_LOW_C, BASELINE_HIGH_C = 21.5, 24.0
INCUMBENT_BONUS = 0.3
"""kWh: a new policy has to be better by so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What the plan starts from."""

    air_c: Array
    people: Array
    outdoor_c: float
    supply_setpoint_c: float
    is_on: bool

    @property
    def is_known(self) -> bool:
        finite = np.isfinite(self.air_c).all() and np.isfinite(self.people).all()
        return bool(finite and math.isfinite(self.outdoor_c + self.supply_setpoint_c))


def modes_of(a: Array) -> tuple[Array, Array]:
    """Decays [2] and the matrix that turns (air, mass) into modes whose sum is the air temperature, [2, 2]."""
    values, vectors = np.linalg.eig(a)
    values, vectors = np.real(values), np.real(vectors)
    vectors = vectors / np.where(np.abs(vectors[0]) < 1e-9, 1e-9, vectors[0])
    return np.clip(values, 0.0, 0.9999), np.asarray(np.linalg.inv(vectors), np.float64)


class ZonePlanner:
    """The planner of one air handler. Remembers its last policy and how far it has had to trim the supply air."""

    def __init__(
        self,
        system: AhuSystem,
        parameters: AhuParameters,
        occupancy: OccupancyParameters,
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
        self._objective = objective
        self._policy: int | None = None
        self._trim_k = 0.0
        self._ready = False
        self._thaw = False
        error = max((zone.error_k for zone in parameters.zones), default=0.0)
        self._margin_k = MARGIN_K + min(0.5, 0.3 * error)
        self._modes = [modes_of(np.array(zone.a)) for zone in parameters.zones]

    @property
    def meters(self) -> tuple[str, ...]:
        """Which together measure what the plan foretells."""
        return (f"{self.system.ahu}.electric_power",)

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        """Wishes for this air handler; none while anything needed is unknown or the fit is poor."""
        present = self._look(features)
        if not self.parameters.is_fit or not present.is_known:
            self._shaper.forget(f"{self.system.ahu}.")
            return []
        grid = grid_of(features)
        crowd = crowd_of(self.occupancy, present.people, now.unix_s, self._offset_h)
        inputs = self.inputs(grid, present, crowd, now)
        plan = self._host.run({name: np.asarray(value, np.float32) for name, value in inputs.items()})
        index = int(plan["index"])
        self._policy = index if index < len(LEADS) * len(DEPTHS) else None
        return self._wishes(features, present, crowd, inputs, plan, now)

    def _look(self, features: Features) -> Present:
        zones, ahu = self.system.zones, self.system.ahu
        people = [features.column(f"{zone}.occupancy_count")[-3:] for zone in zones]
        return Present(
            air_c=np.array([latest(features, f"{zone}.zone_air_temperature") for zone in zones]),
            # The highest of the last looks: who was in a moment ago is not gone yet.
            people=np.array([np.nanmax(x) if np.isfinite(x).any() else np.nan for x in people], np.float64),
            outdoor_c=latest(features, f"{self._site}.outdoor_air_temperature"),
            supply_setpoint_c=latest(features, f"{ahu}.supply_air_temperature_setpoint"),
            is_on=latest(features, f"{ahu}.on_off_status") > 0.5,
        )

    def inputs(self, grid: Grid, present: Present, crowd: Crowd, now: Instant) -> dict[str, Array]:
        """Everything the graph reads; see models/zone_ahu/signature.json."""
        outdoor, sun = weather_of(grid, self._site, present.outdoor_c)
        return {
            **self._zone_inputs(grid, present, crowd, outdoor, sun, now),
            **self._air_inputs(outdoor),
            **self._comfort_inputs(crowd),
            "price": self._objective.price(grid.features, now.unix_s, SLOTS),
            **self._plan_inputs(present, now),
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
        people = np.nan_to_num(grid.mean(f"{zone.zone}.occupancy_count"))
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
            "fan_floor_kw": np.array(p.fan_floor_kw),
            "fan_cubic": np.array(p.fan_cubic),
            "coil_cool_max_kw": np.array(p.cool_max_kw),
            "coil_heat_max_kw": np.array(p.heat_max_kw),
            "outdoor_c": outdoor,
            "supply_c": supply,
            "cool_ratio": np.clip(cool[:, None] + p.cool_per_supply_k * (supply[None, :] - p.supply_ref_c), 0.1, 1.0),
            "heat_ratio": heat_ratio_of(p.heat_ratio, p.heat_per_outdoor_k, outdoor),
        }

    def _band(self) -> tuple[float, float]:
        """The comfort band less the margin, never upside down."""
        low, high = self.system.comfort_low_c + self._margin_k, self.system.comfort_high_c - self._margin_k
        return (low, high) if low + 1.0 <= high else (low, low + 1.0)

    def _comfort_inputs(self, crowd: Crowd) -> dict[str, Array]:
        low, high = self._band()
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

    def _plan_inputs(self, present: Present, now: Instant) -> dict[str, Array]:
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
        if self._policy is not None:
            bonus[self._policy] = INCUMBENT_BONUS
        return {
            "lead_steps": leads,
            "lag_steps": np.zeros(len(leads)),
            "depth_k": depths,
            "named_on": np.stack([hold, clock.astype(np.float64)]),
            "named_low_c": np.full((2, SLOTS, zones), BASELINE_LOW_C),
            "named_high_c": np.full((2, SLOTS, zones), BASELINE_HIGH_C),
            "named_bar": np.broadcast_to(fixed, (2, SLOTS, SUPPLIES)),
            "bonus": bonus,
        }

    def _wishes(
        self,
        features: Features,
        present: Present,
        crowd: Crowd,
        inputs: dict[str, Array],
        plan: dict[str, npt.NDArray[np.float32]],
        now: Instant,
    ) -> list[Proposal]:
        ahu = self.system.ahu
        extra = self._extra(present, now)
        is_on = bool(plan["on"][0] > 0.5) or bool(crowd.need[:2].any()) or extra is not None
        expects = _expects(plan)
        reason = _reason(is_on, present, crowd, plan, extra)
        wishes = [(f"{ahu}.on_off_command", 1.0 if is_on else 0.0, reason, 0.0)]
        for z, zone in enumerate(self.system.zones):
            low, high, why = self._setpoints(z, present, crowd, inputs, plan)
            wishes.append((f"{zone}.zone_air_cooling_temperature_setpoint", high, why, 0.15))
            wishes.append((f"{zone}.zone_air_heating_temperature_setpoint", low, why, 0.15))
        supply, why = self._supply(present, inputs, plan, is_on)
        wishes.append((f"{ahu}.supply_air_temperature_setpoint", supply, why, 0.3))
        proposals = [
            self._shaper.propose(
                point, wish, latest(features, point), now, source="planner", reason=why, expects=expects, dead_band=dead
            )
            for point, wish, why, dead in wishes
        ]
        return [proposal for proposal in proposals if proposal is not None]

    def _extra(self, present: Present, now: Instant) -> str | None:
        """Why to run although nobody is expected: frost, or readiness on a kind of day that is hardly known."""
        low, high = self._band()
        coldest, warmest = float(np.min(present.air_c)), float(np.max(present.air_c))
        self._thaw = coldest < SETBACK_LOW_C + (HYSTERESIS_K if self._thaw else 0.0)
        room = HYSTERESIS_K / 2 if self._ready else 0.0
        outside = coldest < low + room or warmest > high - room
        self._ready = outside and is_standby(self.occupancy, now.unix_s, self._offset_h)
        if self._thaw:
            return f"a zone is below {SETBACK_LOW_C:.0f} C"
        return "people may come: such days were seen too rarely to be sure of them" if self._ready else None

    def _setpoints(
        self, z: int, present: Present, crowd: Crowd, inputs: dict[str, Array], plan: dict[str, npt.NDArray[np.float32]]
    ) -> tuple[float, float, str]:
        """Heating and cooling set-point of one zone, and why."""
        low, high = self._band()
        if crowd.need[:2].any() and present.people[z] == 0.0 and float(np.max(crowd.share[:8, z])) < 0.1:
            return RELAXED_LOW_C, RELAXED_HIGH_C, "nobody is in this zone and nobody is expected for two hours"
        depth = float(inputs["depth_k"][int(plan["index"])]) if not (crowd.need[:2].any() or self._ready) else 0.0
        if depth > 0.0:
            return low, high - depth, f"cools {depth:.1f} K deeper before people come, while it is cheap"
        return low, high, f"comfort band less a margin of {self._margin_k:.1f} K for what the model misses"

    def _supply(
        self, present: Present, inputs: dict[str, Array], plan: dict[str, npt.NDArray[np.float32]], is_on: bool
    ) -> tuple[float, str]:
        """Planned supply air, trimmed while a zone is too warm all the same."""
        _, high = self._band()
        too_warm = float(np.max(present.air_c)) - high
        if is_on and present.is_on:
            self._trim_k = min(6.0, self._trim_k + 0.5) if too_warm > 0.15 else max(0.0, self._trim_k - 0.25)
        planned = float(plan["supply_plan_c"][0])
        if self._trim_k > 0.0:
            return (
                planned - self._trim_k,
                f"a zone is {too_warm:.1f} K over its set-point: {self._trim_k:.1f} K cooler than planned",
            )
        return planned, "the supply air that serves all zones at the least power of fan, coil and reheat"


def _expects(plan: dict[str, npt.NDArray[np.float32]]) -> dict[str, float]:
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


def _reason(
    is_on: bool, present: Present, crowd: Crowd, plan: dict[str, npt.NDArray[np.float32]], extra: str | None
) -> str:
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
