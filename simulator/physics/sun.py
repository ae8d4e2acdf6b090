"""Where the sun stands and what comes through the sky: geometry and radiation, without dice.

Angles are radians, azimuth from south, west positive; arrays are [1440, worlds] unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MINUTES = 1440
SOLAR_CONSTANT_W_M2 = 1361.0
COS_85_DEG = 0.08716
STEFAN_BOLTZMANN_W_M2_K4 = 5.6697e-8

PEREZ_BINS = np.array([1.065, 1.23, 1.5, 1.95, 2.8, 4.5, 6.2])
PEREZ = np.array(
    [
        [-0.008, 0.588, -0.062, -0.060, 0.072, -0.022],
        [0.130, 0.683, -0.151, -0.019, 0.066, -0.029],
        [0.330, 0.487, -0.221, 0.055, -0.064, -0.026],
        [0.568, 0.187, -0.295, 0.109, -0.152, -0.014],
        [0.873, -0.392, -0.362, 0.226, -0.462, 0.001],
        [1.132, -1.237, -0.412, 0.288, -0.823, 0.056],
        [1.060, -1.600, -0.359, 0.264, -1.127, 0.131],
        [0.678, -0.327, -0.250, 0.156, -1.377, 0.251],
    ]
)
"""f11 f12 f13 f21 f22 f23 by sky clearness: Perez, Ineichen, Seals, Michalsky and Stewart (1990), table 6."""


def sun_position(days: Sequence[date], latitude: float) -> tuple[Array, Array]:
    """Cosine of the zenith angle, and azimuth, each [1440, worlds], in solar time: highest at 12:00.

    Declination after Cooper (1969), as in Duffie and Beckman, Solar Engineering of Thermal Processes, eq. 1.6.1a.
    """
    minute = np.arange(MINUTES)[:, None] + 0.5
    day_of_year = np.array([day.timetuple().tm_yday for day in days], np.float64)
    declination = np.radians(23.45) * np.sin(2.0 * np.pi * (284.0 + day_of_year) / 365.0)
    return _seen(declination, 2.0 * np.pi * (minute / MINUTES - 0.5), latitude)


def sun_at(day_of_year: int, latitude: float, longitude: float, utc_offset_h: float) -> tuple[Array, Array]:
    """The same for one place by local standard time, [1440]; day 0 is the first of January.

    Declination and equation of time after Spencer (1971), as in Duffie and Beckman, eqs. 1.5.3 and 1.6.1b.
    """
    b = 2.0 * np.pi * day_of_year / 365.0
    declination = 0.006918 - 0.399912 * np.cos(b) + 0.070257 * np.sin(b) - 0.006758 * np.cos(2 * b)
    declination += 0.000907 * np.sin(2 * b) - 0.002697 * np.cos(3 * b) + 0.00148 * np.sin(3 * b)
    equation_min = 229.2 * (0.000075 + 0.001868 * np.cos(b) - 0.032077 * np.sin(b))
    equation_min += 229.2 * (-0.014615 * np.cos(2 * b) - 0.04089 * np.sin(2 * b))
    minute = np.arange(MINUTES) + 0.5 + equation_min + 4.0 * (longitude - 15.0 * utc_offset_h)
    return _seen(declination, 2.0 * np.pi * (minute / MINUTES - 0.5), latitude)


def _seen(declination: Array, hour_angle: Array, latitude: float) -> tuple[Array, Array]:
    phi = np.radians(latitude)
    cos_zenith = np.cos(phi) * np.cos(declination) * np.cos(hour_angle) + np.sin(phi) * np.sin(declination)
    azimuth = np.arctan2(
        np.cos(declination) * np.sin(hour_angle),
        np.cos(hour_angle) * np.sin(phi) * np.cos(declination) - np.sin(declination) * np.cos(phi),
    )
    return cos_zenith, azimuth


def diffuse_share(clearness: Array) -> Array:
    """Erbs, Klein and Duffie (1982): diffuse over global against clearness index."""
    k = np.clip(clearness, 0.0, 1.0)
    middle = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return np.where(k <= 0.22, 1.0 - 0.09 * k, np.where(k <= 0.80, middle, 0.165))


def sunshine(cos_zenith: Array, cloud: Array) -> tuple[Array, Array]:
    """Global on the horizontal and its diffuse part, W/m2.

    Clear sky in the form of Haurwitz (1945), dimmed as Kasten and Czeplak (1980): 1 - 0.75 cloud^3.4.
    """
    up = np.maximum(cos_zenith, 1e-3)
    clear = np.where(cos_zenith > 0.0, 1098.0 * up * np.exp(-0.057 / up), 0.0)
    ground = clear * (1.0 - 0.75 * cloud**3.4)
    return ground, ground * diffuse_share(ground / (SOLAR_CONSTANT_W_M2 * up))


def perez(diffuse_w_m2: Array, beam_w_m2: Array, cos_zenith: Array) -> tuple[Array, Array]:
    """Brightness of the sky about the sun (F1) and of the horizon (F2): Perez and others (1990).

    Beam on a plane that faces the sun; Duffie and Beckman, eqs. 2.16.10 to 2.16.14.
    """
    zenith = np.arccos(np.clip(cos_zenith, 0.0, 1.0))
    bent = 1.041 * zenith**3
    told = np.maximum(diffuse_w_m2, 1e-3)
    clearness = ((told + beam_w_m2) / told + bent) / (1.0 + bent)
    brightness = diffuse_w_m2 / (np.maximum(cos_zenith, COS_85_DEG) * SOLAR_CONSTANT_W_M2)
    f11, f12, f13, f21, f22, f23 = PEREZ.T[:, np.searchsorted(PEREZ_BINS, clearness, side="right")]
    about_sun = np.maximum(0.0, f11 + f12 * brightness + f13 * zenith)
    return about_sun, f21 + f22 * brightness + f23 * zenith


def sky_emissivity(dew_point_c: Array, cloud: Array | float) -> Array:
    """Of the whole sky, after Clark and Allen (1978) as EnergyPlus has it (Engineering Reference, Climate
    Calculations); `cloud` 0..1."""
    tenths = 10.0 * cloud
    clear = 0.787 + 0.764 * np.log((dew_point_c + 273.15) / 273.0)
    return clear * (1.0 + 0.0224 * tenths - 0.0035 * tenths**2 + 0.00028 * tenths**3)


def radiant_c(infrared_w_m2: Array) -> Array:
    """Temperature of a black sky that radiates so much."""
    return (infrared_w_m2 / STEFAN_BOLTZMANN_W_M2_K4) ** 0.25 - 273.15
