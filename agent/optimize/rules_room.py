"""The baseline's rules for data rooms and their chilled water: supply and fan by the worst rack, trim and respond."""

from __future__ import annotations

import math

from agent.core.features import Features
from agent.equipment.systems import CracSystem
from agent.features.grid import latest
from agent.optimize.trim import CHILLED_WATER, RACK_FAN, RACK_SUPPLY

WARM_K, HOT_K, HOTTER_K = 3.0, 2.0, 1.0
"""So near to its limit a rack holds the trimming, asks, and asks more (our choice: sensors and racks differ by 1 K)."""
SUPPLY_MOST_C, FAN_LEAST_PCT = 19.0, 85.0
"""The rules go no further: beyond, servers' fans and coils decide, which rules do not know."""
WATER_ABOVE_K = 2.0
"""Chilled water is trimmed so far above what the plant itself kept, not further."""
RETURN = ".leaving_chilled_water_temperature_setpoint"


def worst_inlet_c(system: CracSystem, features: Features) -> float:
    """The warmest rack; NaN while one of them cannot be seen."""
    inlets = [latest(features, f"{system.room}.rack_inlet_temperature_{n + 1}") for n in range(system.racks)]
    return max(inlets) if all(math.isfinite(inlet) for inlet in inlets) else math.nan


def requests(system: CracSystem, worst_c: float) -> int:
    """How hard the racks ask for more cooling; -1: nothing may be trimmed, nobody asks."""
    left_k = system.inlet_max_c - worst_c
    if left_k > WARM_K:
        return 0
    return -1 if left_k > HOT_K else 1 if left_k > HOTTER_K else 3


def supply_and_fan(
    system: CracSystem, worst_c: float, supply_c: float, fan_pct: float, since_s: float
) -> tuple[float, float, str]:
    """Supply air and fan after this cycle, and why."""
    asked = requests(system, worst_c)
    seen = f"the worst inlet is {worst_c:.1f} C, its limit {system.inlet_max_c:.0f} C"
    if asked < 0:
        return supply_c, fan_pct, f"{seen}: stay"
    if asked > 0:
        cooler, faster = RACK_SUPPLY.move(asked, since_s), RACK_FAN.move(asked, since_s)
        return supply_c + cooler, fan_pct + faster, f"{seen}: more and cooler air"
    supply = max(supply_c, min(SUPPLY_MOST_C, supply_c + RACK_SUPPLY.move(0, since_s)))
    fan = min(fan_pct, max(FAN_LEAST_PCT, fan_pct + RACK_FAN.move(0, since_s)))
    return supply, fan, f"{seen}: {SUPPLY_MOST_C:.0f} C supply and {FAN_LEAST_PCT:.0f} % fan will do"


def water_c(asked: int, present_c: float, own_c: float, since_s: float) -> float:
    """Chilled water after this cycle; `own_c`: what the plant kept by itself."""
    if asked < 0:
        return present_c
    return min(own_c + WATER_ABOVE_K, present_c + CHILLED_WATER.move(asked, since_s))


def plants_of(features: Features) -> tuple[str, ...]:
    """Plants whose water can be told."""
    return tuple(name.removesuffix(RETURN) for name in features.names if name.endswith(RETURN))
