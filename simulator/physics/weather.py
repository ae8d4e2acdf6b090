"""Synthetic weather: a daily wave, days that resemble their neighbours, sun by position and cloud."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MINUTES = 1440
SOLAR_CONSTANT_W_M2 = 1361.0
ALBEDO = 0.2
"""Ground reflectance, the usual default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """Our assumptions for a continental city at mid latitude."""

    mean_c: float
    swing_k: float
    """Half of the daily range under a mean sky; it shrinks under cloud."""
    day_spread_k: float
    """Standard deviation of a day's mean."""
    cloud: float
    """Mean cloudiness, 0..1."""


SEASONS = {
    "summer": Season(mean_c=23.5, swing_k=6.0, day_spread_k=2.5, cloud=0.40),
    "mid": Season(mean_c=13.0, swing_k=5.0, day_spread_k=3.0, cloud=0.50),
    "winter": Season(mean_c=2.0, swing_k=3.5, day_spread_k=3.0, cloud=0.60),
}

FACADES_DEG = {"north": 180.0, "east": -90.0, "south": 0.0, "west": 90.0}
"""Azimuth of the outward normal, from south, west positive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """One value a minute."""

    outdoor_c: Array
    """float64 [minutes]."""
    irradiance_w_m2: Array
    """Global, horizontal, float64 [minutes]."""
    facade_w_m2: Array
    """On vertical facades, float64 [minutes, 4], in the order asked for."""


def _remember(noise: Array, memory: float) -> Array:
    """AR(1) series of unit variance from white noise [n]."""
    out = np.empty_like(noise)
    last = noise[0]
    gain = np.sqrt(1.0 - memory**2)
    for i, shock in enumerate(noise):
        last = memory * last + gain * shock if i else shock
        out[i] = last
    return out


def _by_minute(knots: Array, spacing: int, minutes: int) -> Array:
    return np.interp(np.arange(minutes), np.arange(len(knots)) * spacing, knots)


def sun_position(start: date, days: int, latitude: float) -> tuple[Array, Array]:
    """Cosine of the zenith angle, and azimuth from south (west positive, radians), each [minutes], solar time.

    Declination after Cooper (1969), as in Duffie and Beckman, Solar Engineering of Thermal Processes, eq. 1.6.1a.
    """
    minute = np.arange(days * MINUTES) + 0.5
    day_of_year = start.timetuple().tm_yday + np.floor(minute / MINUTES)
    declination = np.radians(23.45) * np.sin(2.0 * np.pi * (284.0 + day_of_year) / 365.0)
    hour_angle = 2.0 * np.pi * ((minute % MINUTES) / MINUTES - 0.5)
    phi = np.radians(latitude)
    cos_zenith = np.cos(phi) * np.cos(declination) * np.cos(hour_angle) + np.sin(phi) * np.sin(declination)
    azimuth = np.arctan2(
        np.cos(declination) * np.sin(hour_angle),
        np.cos(hour_angle) * np.sin(phi) * np.cos(declination) - np.sin(declination) * np.cos(phi),
    )
    return cos_zenith, azimuth


def _diffuse_share(clearness: Array) -> Array:
    """Erbs, Klein and Duffie (1982): diffuse over global against clearness index."""
    k = np.clip(clearness, 0.0, 1.0)
    middle = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return np.where(k <= 0.22, 1.0 - 0.09 * k, np.where(k <= 0.80, middle, 0.165))


def _sunshine(cos_zenith: Array, cloud: Array) -> tuple[Array, Array]:
    """Global horizontal and its diffuse part, [minutes].

    Clear sky in the form of Haurwitz (1945), dimmed as Kasten and Czeplak (1980): 1 - 0.75 cloud^3.4.
    """
    up = np.maximum(cos_zenith, 1e-3)
    clear = np.where(cos_zenith > 0.0, 1098.0 * up * np.exp(-0.057 / up), 0.0)
    ground = clear * (1.0 - 0.75 * cloud**3.4)
    return ground, ground * _diffuse_share(ground / (SOLAR_CONSTANT_W_M2 * up))


def _facades(ground: Array, diffuse: Array, cos_zenith: Array, azimuth: Array, facing: tuple[str, ...]) -> Array:
    """Beam by angle of incidence, half of an isotropic sky, half of the ground's reflection; [minutes, facades]."""
    low_sun = np.maximum(cos_zenith, 0.05)  # Beam over a sun on the horizon would divide by nothing.
    beam = (ground - diffuse) / low_sun
    sin_zenith = np.sqrt(np.maximum(0.0, 1.0 - cos_zenith**2))
    spread = 0.5 * diffuse + 0.5 * ALBEDO * ground
    columns = [
        spread + beam * np.maximum(0.0, sin_zenith * np.cos(azimuth - np.radians(FACADES_DEG[side]))) for side in facing
    ]
    return np.stack(columns, axis=1)


def draw(
    season: Season,
    start: date,
    days: int,
    latitude: float,
    facing: tuple[str, ...],
    seed: int,
) -> Weather:
    """Weather of `days` days from local midnight of `start`; the sun stands highest at 12:00.

    Each series has dice of its own, so a longer run begins with the very days of a shorter one.
    """
    minutes = days * MINUTES
    day_noise, cloud_noise, hour_noise = (np.random.default_rng([seed, series]) for series in range(3))
    day_offset = season.day_spread_k * _remember(day_noise.standard_normal(days + 2), 0.7)
    hour_offset = 0.5 * _remember(hour_noise.standard_normal(days * 24 + 2), 0.8)
    cloud_knots = season.cloud + 0.28 * _remember(cloud_noise.standard_normal(days * 8 + 2), 0.75)
    cloud = np.clip(_by_minute(cloud_knots, MINUTES // 8, minutes), 0.0, 1.0)

    hour = (np.arange(minutes) % MINUTES) / 60.0
    wave = np.cos(2.0 * np.pi * (hour - 15.0) / 24.0)  # Warmest at 15:00.
    outdoor = (
        season.mean_c
        + season.swing_k * (1.25 - 0.5 * cloud) * wave
        + _by_minute(day_offset, MINUTES, minutes)
        + _by_minute(hour_offset, 60, minutes)
    )
    cos_zenith, azimuth = sun_position(start, days, latitude)
    ground, diffuse = _sunshine(cos_zenith, cloud)
    return Weather(
        outdoor_c=outdoor,
        irradiance_w_m2=ground,
        facade_w_m2=_facades(ground, diffuse, cos_zenith, azimuth, facing),
    )
