"""What every planner of an air handler begins with: how it stands, the band, and when to run for nobody."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.features import Features
from agent.equipment.systems import AhuSystem
from agent.features.grid import latest
from agent.learn.parameters import OccupancyParameters, ThermostatParameters
from agent.learn.presence import people_now
from agent.optimize.forecast import Crowd, is_standby
from agent.optimize.shape import Shaper

Array = npt.NDArray[np.float64]

MARGIN_K = 0.15
"""Least distance from the comfort band; the swing of each zone about its set-point comes on top."""
MARGIN_MAX_K = 1.0
SETBACK_LOW_C, SETBACK_HIGH_C = 16.0, 30.0
"""Where an empty zone may drift at most; below the lower one the heating runs whoever is in."""
HYSTERESIS_K = 1.0
GUARD_SLACK_K, GUARD_RUN_S, GUARD_PAUSE_S = 3.0, 2700.0, 43_200.0
"""A night guard that lets a zone fall further, or runs longer at a time, is none; we do it for the next half day."""
RELAXED_LOW_C, RELAXED_HIGH_C = 18.0, 28.0
"""Set-points of an empty zone while others are served."""
HEATING, COOLING = "zone_air_heating_temperature_setpoint", "zone_air_cooling_temperature_setpoint"
Wish = tuple[str, float, str, float]
"""Point, value, reason, dead band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What a plan starts from."""

    air_c: Array
    people: Array
    """By zone; 1 for somebody where nobody counts."""
    outdoor_c: float
    supply_setpoint_c: float
    """NaN for a machine without such a set-point."""
    is_on: bool

    @property
    def is_known(self) -> bool:
        return bool(np.isfinite(self.air_c).all() and np.isfinite(self.people).all())


def look(
    features: Features, system: AhuSystem, occupancy: OccupancyParameters, site: str, utc_offset_h: float
) -> Present:
    status = latest(features, f"{system.ahu}.on_off_status")
    command = latest(features, f"{system.ahu}.on_off_command")
    return Present(
        air_c=np.array([latest(features, f"{zone}.zone_air_temperature") for zone in system.zones]),
        people=np.array([people_now(features, zone, system, occupancy, utc_offset_h) for zone in system.zones]),
        outdoor_c=latest(features, f"{site}.outdoor_air_temperature"),
        supply_setpoint_c=latest(features, f"{system.ahu}.supply_air_temperature_setpoint"),
        is_on=(status if math.isfinite(status) else command if math.isfinite(command) else 1.0) > 0.5,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """The comfort band less each zone's margin, C, [zones]; never upside down."""

    low: Array
    high: Array

    @classmethod
    def of(cls, system: AhuSystem, thermostats: ThermostatParameters | None, more_k: Array | float = 0.0) -> Bands:
        """`more_k`: what else is unknown, such as a model's error."""
        count = len(system.zones)
        under = np.array(thermostats.under_k) if thermostats else np.zeros(count)
        over = np.array(thermostats.over_k) if thermostats else np.zeros(count)
        low = system.comfort_low_c + np.minimum(MARGIN_K + under + more_k, MARGIN_MAX_K)
        high = system.comfort_high_c - np.minimum(MARGIN_K + over + more_k, MARGIN_MAX_K)
        middle = 0.5 * (low + high)
        return cls(low=np.minimum(low, middle - 0.5), high=np.maximum(high, middle + 0.5))


class Watchman:
    """What happens while nobody is expected: frost, and kinds of day that are hardly known.

    A machine's own night guard warms with its dampers shut; our command would open them. So in a cold night the machine
    is left to itself, set back. If it then runs on and on (its clock), or lets the zones freeze, we take it again.
    """

    def __init__(
        self, occupancy: OccupancyParameters, thermostats: ThermostatParameters, bands: Bands, utc_offset_h: float
    ) -> None:
        self._occupancy = occupancy
        # Back within the longest lead; but a machine too small for that need not do better than it did by itself.
        back_c = float(np.min(bands.low)) - thermostats.lead_h * thermostats.heat_k_h
        self.setback_low_c = max(SETBACK_LOW_C, min(back_c, thermostats.coldest_c))
        self.own_setback_c = max(self.setback_low_c, min(thermostats.setback_c, float(np.min(bands.low)) - 1.0))
        """Where only set-points can be moved: not deeper than they were."""
        self._bands = bands
        self._offset_h = utc_offset_h
        self.is_ready = False
        self.leaves = False
        """The machine's own guard is to do it: wish nothing of its command."""
        self._is_cold = False
        self._ran_since_s: float | None = None
        self._barred_until_s = -math.inf

    def extra(self, present: Present, now: Instant) -> str | None:
        """Why to run, if there is a reason."""
        coldest = float(np.min(present.air_c))
        self._is_cold = coldest < self.setback_low_c + (HYSTERESIS_K if self._is_cold else 0.0)
        self.leaves = self._is_cold and self._trusts(coldest, present, now)
        room = HYSTERESIS_K / 2 if self.is_ready else 0.0
        low, high = self._bands.low + room, self._bands.high - room
        outside = bool(((present.air_c < low) | (present.air_c > high)).any())
        self.is_ready = outside and is_standby(self._occupancy, now.unix_s, self._offset_h)
        if self._is_cold and not self.leaves:
            return f"a zone is below its set-back of {self.setback_low_c:.1f} C"
        if self.is_ready:
            self.leaves = False
            return "people may come: such days were seen too rarely to be sure of them"
        return None

    def _trusts(self, coldest: float, present: Present, now: Instant) -> bool:
        """The machine's own guard does it well."""
        runs = self.leaves and present.is_on
        self._ran_since_s = (now.mono_s if self._ran_since_s is None else self._ran_since_s) if runs else None
        runs_on = self._ran_since_s is not None and now.mono_s - self._ran_since_s > GUARD_RUN_S
        if runs_on or coldest < self.setback_low_c - GUARD_SLACK_K:
            self._barred_until_s = now.mono_s + GUARD_PAUSE_S
        return now.mono_s >= self._barred_until_s


def can_switch(shaper: Shaper, ahu: str) -> bool:
    return shaper.has(f"{ahu}.on_off_command")


def is_spare(z: int, present: Present, crowd: Crowd) -> bool:
    """Nobody is in this zone, nor expected for two hours, while others are served."""
    return bool(crowd.need[:2].any() and present.people[z] == 0.0 and float(np.max(crowd.share[:8, z])) < 0.1)
