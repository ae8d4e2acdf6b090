"""Supply air by need, without a model: trim and respond, after ASHRAE Guideline 36, 5.16.2, in its own small steps.

| who asks, the first row that fits                    | the supply air |
|------------------------------------------------------|----------------|
| a zone is too warm                                   | gets colder    |
| half of the zones or more are heated                 | gets warmer    |
| some zones are heated: a reheater each is cheaper    | stays          |
| none, and the coil heats: it is warmer than outdoors | gets colder, not below the machine's own |
| hot outdoors: warmer air would cost fan power        | stays          |
| nobody                                               | gets warmer    |
"""

from __future__ import annotations

import math

import numpy as np

from agent.core.clock import Instant
from agent.core.features import Features
from agent.equipment.systems import AhuSystem
from agent.features.grid import STEP_S, latest
from agent.optimize.floor import Bands, Present, Wish
from agent.optimize.shape import Shaper

HOT_OUTDOORS_C = 21.0
"""From here the supply air is not reset upward (70 F in the same clause): there the fans' part is the larger."""
TRIM_K, RESPOND_K = 0.3, 0.6
"""Moves in a quarter of an hour; the clause's 0.2 F and 0.3 F each two minutes are for terminals that tell requests."""
TIGHT_K = 0.2
"""A zone so near above its set-point asks for colder supply air."""
NEAR_K = 0.3
"""A zone so near its heating set-point is heated."""
LEAST_KW = 0.1
"""Less is what an idle machine draws (our assumption)."""


class SupplyReset:
    """Of one air handler; remembers the value that it has come to."""

    def __init__(self, system: AhuSystem, bands: Bands, shaper: Shaper) -> None:
        self._point = f"{system.ahu}.supply_air_temperature_setpoint"
        self._ahu = system.ahu
        self._bands = bands
        self._shaper = shaper
        self._supply_c: float | None = None
        self._own_c = math.inf
        """What the machine had when we came."""
        self._moved_s = -math.inf

    def wish(self, features: Features, is_on: bool, present: Present, now: Instant) -> list[Wish]:
        """None for a machine without such a set-point."""
        if not math.isfinite(present.supply_setpoint_c) or not self._shaper.has(self._point):
            return []
        if self._supply_c is None:
            self._supply_c = self._own_c = present.supply_setpoint_c
        low, high = self._shaper.low(self._point, self._supply_c), self._shaper.high(self._point, self._supply_c)
        if is_on and present.is_on and now.mono_s - self._moved_s >= STEP_S - 1.0:
            self._moved_s = now.mono_s
            self._supply_c = max(low, min(high, self._supply_c + self._move(features, present)))
        return [(self._point, self._supply_c, "supply air by the need of the zones: trim and respond", 0.15)]

    def _move(self, features: Features, present: Present) -> float:
        if (present.air_c > self._bands.high + TIGHT_K).any():
            return -RESPOND_K
        heated = float(np.mean(present.air_c < self._bands.low + NEAR_K))
        if heated > 0.0:
            return TRIM_K if heated >= 0.5 else 0.0
        if self._heats(features, present):
            return -TRIM_K if self._supply_c is not None and self._supply_c > self._own_c else 0.0
        is_hot = math.isfinite(present.outdoor_c) and present.outdoor_c > HOT_OUTDOORS_C
        return 0.0 if is_hot else TRIM_K

    def _heats(self, features: Features, present: Present) -> bool:
        """The coil heats: it is colder outdoors than what is supplied, and nothing is cooled."""
        supply = latest(features, f"{self._ahu}.supply_air_temperature")
        cooling = latest(features, f"{self._ahu}.cooling_power")
        is_cooling = math.isfinite(cooling) and cooling > LEAST_KW
        return bool(not is_cooling and present.outdoor_c < supply - NEAR_K)
