"""What a kilowatt-hour is worth by hour: one for energy, its tariff for money, its grid's intensity for carbon."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.features import Features
from agent.equipment.energy import FLAT, Aim, Tariff
from agent.features.grid import STEP_S, latest, weekday_of

Array = npt.NDArray[np.float64]
FADE_S = 4.0 * 3600.0
"""What is fed is now; the profile has the last word after some hours (our assumption)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The site's aim with its prices, normalized: 1 is a kWh of electricity in the mean of a week.

    The graphs' other costs (comfort, moves) are in kWh: a tariff in cents must not make them a hundred times dearer.
    """

    aim: Aim = "energy"
    tariff: Tariff = FLAT
    utc_offset_h: float = 0.0
    site: str = "site"
    """Whose points `electricity_price` and `grid_carbon_intensity` are fed, where there are such."""

    def price(self, features: Features, now_unix_s: float, steps: int, step_s: float = STEP_S) -> Array:
        """Worth of a kWh of electricity in each coming step, float64 [steps]."""
        if self.aim == "energy":
            return np.ones(steps)
        at = now_unix_s + step_s * np.arange(steps, dtype=np.float64) + 1.0
        told = self._profile(at)
        point = f"{self.site}.{'grid_carbon_intensity' if self.aim == 'carbon' else 'electricity_price'}"
        feed = features.forecasts.get(point)
        if feed is not None:
            told = np.interp(at, feed[0], feed[1])
        fed = latest(features, point)
        if math.isfinite(fed):
            told = told + (fed - told[0]) * np.exp(-(at - at[0]) / FADE_S)
        return np.asarray(np.maximum(told, 0.0) / self.mean)

    def _profile(self, at_unix_s: Array) -> Array:
        """Money or kg CO2 a kWh at these instants, as the config tells."""
        hour = ((at_unix_s + self.utc_offset_h * 3600.0) % 86_400.0 / 3600.0).astype(np.int64)
        if self.aim == "carbon":
            return np.array(self.tariff.intensity)[hour]
        return np.asarray(np.array(self.tariff.electricity)[weekday_of(at_unix_s, self.utc_offset_h), hour])

    @property
    def gas_price(self) -> float:
        """Worth of a kWh of gas over that of a kWh of electricity in the mean."""
        if self.aim == "energy":
            return 1.0
        return (self.tariff.gas_factor if self.aim == "carbon" else self.tariff.gas) / self.mean

    @property
    def demand_price(self) -> float:
        """Worth of a kW of the month's peak, in mean kWh."""
        return self.tariff.demand / self.mean if self.aim == "cost" else 0.0

    @property
    def mean(self) -> float:
        """Money or kg CO2 a kWh of electricity in the mean of a week."""
        told = self.tariff.intensity if self.aim == "carbon" else self.tariff.electricity
        return max(float(np.mean(np.array(told))), 1e-9)


ENERGY = Objective()
