"""What energy costs a site and what its machines may take together. Filled from the config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Aim = Literal["energy", "cost", "carbon"]
HOURS, WEEKDAYS = 24, 7
GAS_FACTOR = 0.202
"""kg CO2 a kWh of natural gas, net calorific value: IPCC 2006 Guidelines, vol. 2, table 1.4 (56.1 kg/GJ)."""
ELECTRICITY, GAS, INTENSITY = 0.25, 0.08, 0.35
"""Money and kg CO2 a kWh where a site tells none (our assumptions; only their ratio decides anything)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What energy costs and carries, by weekday (0 is Monday) and hour."""

    electricity: tuple[tuple[float, ...], ...] = ((ELECTRICITY,) * HOURS,) * WEEKDAYS
    """Money a kWh, [7][24]."""
    gas: float = GAS
    """Money a kWh of heat content."""
    demand: float = 0.0
    """Money a kW of the month's highest quarter of an hour."""
    intensity: tuple[float, ...] = (INTENSITY,) * HOURS
    """kg CO2 a kWh of electricity, by hour."""
    gas_factor: float = GAS_FACTOR


FLAT = Tariff()


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Points whose values together never fall below `least`: N+1 units, or so much fan speed in all."""

    points: tuple[str, ...]
    least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What no machine can keep alone."""

    peak_kw: float | None = None
    """The site's highest power."""
    meter: str | None = None
    """The site's meter; without it there is no peak to keep."""
    units: tuple[Units, ...] = ()


ALONE = Together()
