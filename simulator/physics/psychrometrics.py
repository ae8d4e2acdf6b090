"""Moist air, after ASHRAE Handbook of Fundamentals (2017), chapter 1; all functions take and give arrays of any shape.

Checked against psychrolib in `tests/simulator/test_psychrometrics.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SEA_LEVEL_PA = 101_325.0
CP_AIR_J_KG_K = 1006.0
"""Dry air near room temperature."""
CP_VAPOR_J_KG_K = 1860.0
LATENT_J_KG = 2.501e6
"""Heat of vaporisation at 0 C."""


def saturation_pa(celsius: Array) -> Array:
    """Pressure of saturated vapor, Pa; -100..200 C (equations 5 over ice and 6 over water)."""
    t = np.asarray(celsius, np.float64) + 273.15
    ice = -5.6745359e3 / t + 6.3925247 - 9.677843e-3 * t + 6.2215701e-7 * t**2 + 2.0747825e-9 * t**3
    ice = ice - 9.484024e-13 * t**4 + 4.1635019 * np.log(t)
    water = -5.8002206e3 / t + 1.3914993 - 4.8640239e-2 * t + 4.1764768e-5 * t**2 - 1.4452093e-8 * t**3
    water = water + 6.5459673 * np.log(t)
    return np.exp(np.where(t < 273.16, ice, water))


def humidity_ratio(vapor_pa: Array, pressure_pa: Array | float = SEA_LEVEL_PA) -> Array:
    """kg of vapor a kg of dry air, from the vapor's partial pressure (equation 20)."""
    return 0.621945 * vapor_pa / (pressure_pa - vapor_pa)


def saturated(celsius: Array, pressure_pa: Array | float = SEA_LEVEL_PA) -> Array:
    """Humidity ratio of saturated air."""
    return humidity_ratio(saturation_pa(celsius), pressure_pa)


def vapor_pa(ratio: Array, pressure_pa: Array | float = SEA_LEVEL_PA) -> Array:
    return pressure_pa * ratio / (0.621945 + ratio)


def relative_humidity(celsius: Array, ratio: Array, pressure_pa: Array | float = SEA_LEVEL_PA) -> Array:
    """0..1, and above 1 for more than saturated."""
    return vapor_pa(ratio, pressure_pa) / saturation_pa(celsius)


def dew_point(ratio: Array, pressure_pa: Array | float = SEA_LEVEL_PA) -> Array:
    """C; by Newton's method on the saturation pressure, to about 1e-6 K between -80 and 80 C."""
    aim = np.log(np.maximum(vapor_pa(ratio, pressure_pa), 0.1))
    t = _magnus(aim)
    for _ in range(4):
        here = np.log(saturation_pa(t))
        slope = (np.log(saturation_pa(t + 0.01)) - here) / 0.01
        t = t + (aim - here) / slope
    return t


def _magnus(log_pa: Array) -> Array:
    """A first guess: Magnus' formula with the coefficients of Alduchov and Eskridge (1996)."""
    x = log_pa - np.log(610.94)
    return 243.04 * x / (17.625 - x)


def enthalpy(celsius: Array, ratio: Array) -> Array:
    """J a kg of dry air, from 0 C and liquid water (equation 30)."""
    return CP_AIR_J_KG_K * celsius + ratio * (LATENT_J_KG + CP_VAPOR_J_KG_K * celsius)


def wet_bulb(celsius: Array, ratio: Array, pressure_pa: Array | float = SEA_LEVEL_PA) -> Array:
    """C, thermodynamic wet bulb (equations 33 and 35), by bisection to 1e-4 K."""
    high = np.array(celsius, np.float64)
    low = np.minimum(dew_point(ratio, pressure_pa), high)
    for _ in range(20):
        middle = 0.5 * (low + high)
        full = saturated(middle, pressure_pa)
        over_water = ((2501.0 - 2.326 * middle) * full - 1.006 * (celsius - middle)) / (
            2501.0 + 1.86 * celsius - 4.186 * middle
        )
        over_ice = ((2830.0 - 0.24 * middle) * full - 1.006 * (celsius - middle)) / (
            2830.0 + 1.86 * celsius - 2.1 * middle
        )
        is_high = np.where(middle >= 0.0, over_water, over_ice) > ratio
        high = np.where(is_high, middle, high)
        low = np.where(is_high, low, middle)
    return 0.5 * (low + high)
