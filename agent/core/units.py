"""Units a point may declare, each with the range that is physically possible in a building."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit, and the values outside which a sensor must be wrong (our own wide guesses, not a standard's)."""

    name: str
    quantity: str
    low: float
    high: float


UNITS = {
    unit.name: unit
    for unit in (
        Unit("degC", "temperature", -60.0, 150.0),
        Unit("K", "temperature difference", -200.0, 200.0),
        Unit("pct", "percentage", -1.0, 110.0),
        Unit("ratio", "ratio", -0.01, 1.1),
        Unit("kW", "power", -1e6, 1e6),
        Unit("kVA", "apparent power", 0.0, 1e6),
        Unit("kvar", "reactive power", -1e6, 1e6),
        Unit("kWh", "energy", 0.0, 1e12),
        Unit("kVAh", "apparent energy", 0.0, 1e12),
        Unit("kvarh", "reactive energy", 0.0, 1e12),
        Unit("1", "power factor", -1.001, 1.001),
        Unit("W/m2", "irradiance", -10.0, 1600.0),
        Unit("Pa", "pressure", -1e5, 1e7),
        Unit("kg/s", "mass flow", -1.0, 1e5),
        Unit("m3/s", "volume flow", -1.0, 1e5),
        Unit("ppm", "concentration", 0.0, 1e5),
        Unit("ug/m3", "mass concentration", 0.0, 1e5),
        Unit("s", "duration", 0.0, 1e9),
        Unit("V", "voltage", -1e6, 1e6),
        Unit("A", "current", -1e6, 1e6),
        Unit("Hz", "frequency", 0.0, 1000.0),
        Unit("kg/kWh", "carbon intensity", -1.0, 5.0),
        Unit("1/kWh", "price of energy", -1e5, 1e5),
        Unit("count", "count", 0.0, 1e12),
        Unit("onoff", "switch", 0.0, 1.0),
    )
}


def is_plausible(unit: str, value: float) -> bool:
    """False for NaN, infinities and values that the unit cannot have in a building."""
    known = UNITS[unit]
    return math.isfinite(value) and known.low <= value <= known.high
