"""A cooling tower: water gives off heat to damp air, as far as wet bulb, water, air and fill allow. Arrays [worlds].

Effectiveness by NTU with the saturated air's specific heat (Braun, Klein and Mitchell, ASHRAE Transactions 95 (1989),
"Effectiveness models for cooling towers and cooling coils"), which is Merkel's theory on a straight saturation line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.parts import SUB_STEP_S, Array
from simulator.physics import psychrometrics

WATER_J_KG_K = 4186.0
WATER_TO_AIR = 1.2
"""kg of water a kg of dry air at full fans (our assumption; counterflow towers run at 0.75 to 1.5)."""
DESIGN_WET_BULB_C, DESIGN_APPROACH_K, DESIGN_RANGE_K = 25.0, 4.0, 5.5
"""Near the rating point of the Cooling Technology Institute: 35.0 C to 29.4 C at 25.6 C wet bulb."""
NATURAL_SHARE = 0.1
"""A tower with its fans off gives off so much of what it gives with them (EnergyPlus takes the same share)."""
FAN_BEND = 0.6
"""Heat at speed s, of that at full speed: s (1 + 0.6 (1 - s)), within 4 % of the NTU model between 0.1 and 0.9 with
NTU growing as (water / air)^0.6 (found by trying, -5 to 25 C wet bulb; `tests/simulator/test_cooling_tower.py`)."""
SETTLE_S = 300.0
"""In about this time the basin is brought to where it is wanted."""

_CELSIUS = np.linspace(-40.0, 110.0, 1501)[:1400]
_SATURATED_J_KG = psychrometrics.enthalpy(_CELSIUS, psychrometrics.saturated(_CELSIUS))


def saturated_j_kg(celsius: Array) -> Array:
    """Enthalpy of saturated air, a kg of dry air; -40..99 C, from a table of 0.1 K."""
    found: Array = np.interp(celsius, _CELSIUS, _SATURATED_J_KG)
    return found


def effectiveness(ntu: float, ratio: Array) -> Array:
    """Heat given off over the most that the air could take; `ratio` of heat capacities, air (saturated) to water."""
    rest = 1.0 - ratio
    rest = np.where(np.abs(rest) < 1e-6, 1e-6, rest)  # At 1 the formula is 0 / 0, and its limit is near.
    decay = np.exp(-ntu * rest)
    return (1.0 - decay) / (1.0 - (1.0 - rest) * decay)


def design_ntu() -> float:
    """Transfer units of the fill at full fans, such that the design point comes out."""
    wet = DESIGN_WET_BULB_C
    entering = wet + DESIGN_APPROACH_K + DESIGN_RANGE_K
    span = float(saturated_j_kg(np.array(entering)) - saturated_j_kg(np.array(wet)))
    ratio = span / (entering - wet) / (WATER_TO_AIR * WATER_J_KG_K)
    effective = WATER_TO_AIR * WATER_J_KG_K * DESIGN_RANGE_K / span
    return float(-np.log((1.0 - effective) / (1.0 - effective * ratio)) / (1.0 - ratio))


def fan_speed(share: Array) -> Array:
    """0..1, for so much of the heat at full speed."""
    forced = np.minimum(1.0, np.maximum(0.0, (share - NATURAL_SHARE) / (1.0 - NATURAL_SHARE)))
    bend = 1.0 + FAN_BEND
    return (bend - np.sqrt(bend * bend - 4.0 * FAN_BEND * forced)) / (2.0 * FAN_BEND)


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerPlan:
    """Of one cell, arrays [worlds]; each chiller has its cell."""

    water_kg_s: Array
    fan_w: Array
    """At full speed."""
    basin_j_k: Array
    """The whole circuit's water, all cells."""

    @classmethod
    def for_heat(cls, heat_w: Array, fan_w: Array, cells: int) -> TowerPlan:
        """Sized for `heat_w` a cell at the design point; 5 l of water a kW (our assumption)."""
        water = heat_w / (WATER_J_KG_K * DESIGN_RANGE_K)
        return cls(water_kg_s=water, fan_w=fan_w, basin_j_k=0.005 * WATER_J_KG_K * heat_w * cells)


class CoolingTower:
    """Basin and fans; a bypass keeps the water from getting colder than it is wanted."""

    def __init__(self, plan: TowerPlan, start_c: float) -> None:
        self.plan = plan
        self.water_c = np.full(len(plan.water_kg_s), start_c)
        """Leaving the tower, entering the condensers."""
        self.fan_w = self.given_w = self.speed = np.zeros_like(self.water_c)
        self._ntu = design_ntu()

    def capacity_w(self, heat_w: Array, cells: Array, wet_bulb_c: Array) -> Array:
        """What `cells` could give off at full fans, now that the water comes back with `heat_w` in it."""
        flow = self.plan.water_kg_s * np.maximum(cells, 1.0)
        entering = self.water_c + heat_w / (flow * WATER_J_KG_K)
        span_k = np.maximum(entering - wet_bulb_c, 1e-3)
        span = np.maximum(0.0, saturated_j_kg(entering) - saturated_j_kg(wet_bulb_c))
        ratio = span / span_k / (WATER_TO_AIR * WATER_J_KG_K)
        most = effectiveness(self._ntu, ratio) * (flow / WATER_TO_AIR) * span
        return most * (cells > 0.0)

    def reject(self, heat_w: Array, cells: Array, wet_bulb_c: Array, aim_c: Array) -> None:
        """One sub-step: as much air as brings the basin to `aim_c`, if there is enough."""
        plan = self.plan
        most = self.capacity_w(heat_w, cells, wet_bulb_c)
        wanted = np.maximum(0.0, heat_w + plan.basin_j_k / SETTLE_S * (self.water_c - aim_c))
        self.given_w = np.minimum(wanted, most)
        self.speed = fan_speed(self.given_w / np.maximum(most, 1.0))
        self.fan_w = plan.fan_w * cells * self.speed * self.speed * self.speed
        self.water_c = self.water_c + (heat_w - self.given_w) * (SUB_STEP_S / plan.basin_j_k)
