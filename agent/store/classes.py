"""How dear a point's samples are when space runs short, from its role and unit."""

from __future__ import annotations

from enum import IntEnum

from agent.core.points import Kind, PointSpec


class Class(IntEnum):
    """What goes first has the lowest number. The journal goes with the alarms."""

    REST = 0
    COMFORT = 1
    ENERGY = 2
    ALARM = 3


ALARM_WORDS = ("alarm", "trip", "fault")
ENERGY_UNITS = frozenset({"kW", "kWh", "kVAh", "kvarh", "A", "V"})
COMFORT_WORDS = ("zone_air", "co2", "occupancy", "humidity", "waiting_time")


def class_of(spec: PointSpec) -> Class:
    """From what the field calls it; what is none of the others is the rest: set-points, states, flows, pressures."""
    if any(word in spec.role for word in ALARM_WORDS):
        return Class.ALARM
    if spec.unit in ENERGY_UNITS:
        return Class.ENERGY
    if spec.kind is Kind.SENSOR and any(word in spec.role for word in COMFORT_WORDS):
        return Class.COMFORT
    return Class.REST
