"""What energy costs, what it carries, and what the planner minimizes with it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from agent.config.base import NotNegative, Number, Section
from agent.config.equipment import DAYS, Day, TimeOfDay, hour_of
from agent.equipment.energy import ELECTRICITY, GAS, GAS_FACTOR, HOURS, INTENSITY, Tariff

Hourly = Annotated[tuple[NotNegative, ...], Field(min_length=HOURS, max_length=HOURS)]


class PriceBand(Section):
    """Another price in some hours of some days; of several bands the last one counts."""

    start: TimeOfDay = "00:00"
    stop: TimeOfDay = "24:00"
    weekdays: tuple[Day, ...] = DAYS
    price: Number

    def holds(self, day: int, hour: int) -> bool:
        """Whether it counts in the whole hour of a weekday; one over midnight counts in its days' early hours too."""
        start, stop = round(hour_of(self.start)), round(hour_of(self.stop))
        inside = start <= hour < stop if start < stop else hour >= start or hour < stop
        return DAYS[day] in self.weekdays and inside


class Energy(Section):
    """The site's tariff and its grid; see agent/equipment/energy.py."""

    price: Number = ELECTRICITY
    bands: tuple[PriceBand, ...] = ()
    demand_price: NotNegative = 0.0
    gas_price: NotNegative = GAS
    grid_intensity: NotNegative | Hourly = INTENSITY
    gas_factor: NotNegative = GAS_FACTOR

    def tariff(self) -> Tariff:
        """As the strategies take it."""
        told = self.grid_intensity
        intensity = told if isinstance(told, tuple) else (told,) * HOURS
        return Tariff(
            electricity=tuple(tuple(self._at(day, hour) for hour in range(HOURS)) for day in range(len(DAYS))),
            gas=self.gas_price,
            demand=self.demand_price,
            intensity=intensity,
            gas_factor=self.gas_factor,
        )

    def _at(self, day: int, hour: int) -> float:
        told = [band.price for band in self.bands if band.holds(day, hour)]
        return told[-1] if told else self.price
