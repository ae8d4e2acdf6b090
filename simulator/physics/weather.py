"""The sky over a site, a day at a time: synthetic by climate and season, or read from an EPW file.

The last axis of every array is the world; worlds may differ in their dice and in the day on which they begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.physics import psychrometrics
from simulator.physics.sun import (
    COS_85_DEG,
    STEFAN_BOLTZMANN_W_M2_K4,
    perez,
    radiant_c,
    sky_emissivity,
    sun_position,
    sunshine,
)

Array = NDArray[np.float64]

MINUTES = 1440
SPELL_COMES_MIN = 360
"""A spell of heat or cold comes over the first six hours and goes over the six after its end (our assumption)."""
ALBEDO = 0.2
"""Ground reflectance, the usual default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """Our assumptions; the names are `season` of a scenario."""

    mean_c: float
    swing_k: float
    """Half of the daily range under a mean sky; it shrinks under cloud."""
    day_spread_k: float
    """Standard deviation of a day's mean."""
    cloud: float
    """Mean cloudiness, 0..1."""
    dew_depression_k: float = 8.0
    """Day's mean temperature less its mean dew point."""
    year_k: float = 0.0
    """The mean follows the year by so much to either side: coldest in the middle of January."""

    def mean_of(self, days: Sequence[date]) -> Array:
        """[worlds]."""
        year_day = np.array([day.timetuple().tm_yday for day in days], np.float64)
        return self.mean_c - self.year_k * np.cos(2.0 * np.pi * (year_day - 15.0) / 365.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A heat wave or a cold snap: so many days lie so much above the season."""

    first: date
    days: int
    kelvin: float

    def on(self, days: Sequence[date]) -> Array:
        """K, [1440, worlds]."""
        since_min = np.arange(MINUTES)[:, None] + np.array([1440.0 * (day - self.first).days for day in days])
        come, gone = ((since_min - start) / SPELL_COMES_MIN for start in (0.0, 1440.0 * self.days))
        return self.kelvin * (np.clip(come, 0.0, 1.0) - np.clip(gone, 0.0, 1.0))


def _climate(
    winter_c: float, mid_c: float, summer_c: float, swing_k: float, dew_k: tuple[float, float, float], cloud: float
) -> dict[str, Season]:
    """Seasons of one climate; `dew_k` the dew point depression in winter, between, and in summer."""
    winter_dew, mid_dew, summer_dew = dew_k
    seasons = {
        "summer": Season(
            mean_c=summer_c, swing_k=swing_k, day_spread_k=2.5, cloud=cloud - 0.1, dew_depression_k=summer_dew
        ),
        "mid": Season(mean_c=mid_c, swing_k=0.85 * swing_k, day_spread_k=3.0, cloud=cloud, dew_depression_k=mid_dew),
        "winter": Season(
            mean_c=winter_c, swing_k=0.6 * swing_k, day_spread_k=3.0, cloud=cloud + 0.1, dew_depression_k=winter_dew
        ),
    }
    middle, half = 0.5 * (winter_c + summer_c), 0.5 * (summer_c - winter_c)
    year = Season(
        mean_c=middle, swing_k=0.8 * swing_k, day_spread_k=3.0, cloud=cloud, dew_depression_k=mid_dew, year_k=half
    )
    return seasons | {"year": year}


CLIMATES: dict[str, dict[str, Season]] = {
    "continental": {
        "summer": Season(mean_c=23.5, swing_k=6.0, day_spread_k=2.5, cloud=0.40, dew_depression_k=9.0),
        "mid": Season(mean_c=13.0, swing_k=5.0, day_spread_k=3.0, cloud=0.50, dew_depression_k=6.0),
        "winter": Season(mean_c=2.0, swing_k=3.5, day_spread_k=3.0, cloud=0.60, dew_depression_k=3.5),
        "year": Season(mean_c=12.5, swing_k=5.0, day_spread_k=3.0, cloud=0.50, dew_depression_k=6.0, year_k=11.0),
    },
    "maritime": _climate(5.0, 10.5, 17.5, 4.0, (2.5, 3.5, 5.0), 0.65),
    "mediterranean": _climate(9.5, 15.5, 26.0, 6.0, (4.5, 7.0, 11.0), 0.30),
    "hot-humid": _climate(18.0, 25.0, 29.0, 4.5, (4.5, 4.5, 4.0), 0.50),
    "hot-dry": _climate(14.0, 24.0, 34.5, 8.5, (10.0, 16.0, 20.0), 0.15),
    "cold": _climate(-9.0, 5.0, 17.0, 5.5, (3.0, 4.5, 7.0), 0.55),
}
"""Our assumptions, near the monthly normals of Prague, Hamburg, Athens, Miami, Phoenix and Helsinki; rounded."""
SEASONS = CLIMATES["continental"]

FACADES_DEG = {"north": 180.0, "east": -90.0, "south": 0.0, "west": 90.0}
"""Azimuth of the outward normal, from south, west positive."""


@dataclass(frozen=True, kw_only=True)
class SkyDay:
    """One day, a row a minute, float64 [1440, worlds]."""

    outdoor_c: Array
    humidity_kg_kg: Array
    """Vapor a kg of dry air."""
    irradiance_w_m2: Array
    """Global, on the horizontal."""
    diffuse_w_m2: Array
    """Of it, from the sky, on the horizontal."""
    cos_zenith: Array
    azimuth: Array
    """Radians from south, west positive."""
    weekday: NDArray[np.int64]
    """[worlds], 0 is Monday."""
    days: tuple[date, ...]
    """Today, by world."""

    told_beam_w_m2: Array | None = None
    """On a plane that faces the sun; None: what irradiance and diffuse leave."""
    infrared_w_m2: Array | None = None
    """From the sky, on the horizontal; None: by dew point and cloud."""
    cloud: Array | float = 0.5
    wind_m_s: Array | float = 3.5
    """At ten meters; the default is an ordinary inland mean (our assumption)."""
    pressure_pa: Array | float = psychrometrics.SEA_LEVEL_PA
    is_bright_near_sun: bool = False
    """The diffuse sky is Perez's, brighter about the sun and at the horizon; else it is even."""

    @cached_property
    def wet_bulb_c(self) -> Array:
        """Thermodynamic; only cooling towers and evaporative coolers ask."""
        return psychrometrics.wet_bulb(self.outdoor_c, self.humidity_kg_kg, self.pressure_pa)

    @cached_property
    def sky_c(self) -> Array:
        """What a roof sees above it."""
        if self.infrared_w_m2 is not None:
            return radiant_c(self.infrared_w_m2)
        emissivity = sky_emissivity(psychrometrics.dew_point(self.humidity_kg_kg, self.pressure_pa), self.cloud)
        return radiant_c(emissivity * STEFAN_BOLTZMANN_W_M2_K4 * (self.outdoor_c + 273.15) ** 4)

    @cached_property
    def beam_w_m2(self) -> Array:
        """On a plane that faces the sun."""
        if self.told_beam_w_m2 is not None:
            return self.told_beam_w_m2
        low_sun = np.maximum(self.cos_zenith, 0.05)  # Beam over a sun on the horizon would divide by nothing.
        return (self.irradiance_w_m2 - self.diffuse_w_m2) / low_sun

    def incidence(self, side: str) -> Array:
        """Cosine of the angle between the sun and a facade's normal; 0 behind it."""
        sin_zenith = np.sqrt(np.maximum(0.0, 1.0 - self.cos_zenith**2))
        return np.maximum(0.0, sin_zenith * np.cos(self.azimuth - np.radians(FACADES_DEG[side])))

    @cached_property
    def _glow(self) -> tuple[Array, Array] | None:
        return perez(self.diffuse_w_m2, self.beam_w_m2, self.cos_zenith) if self.is_bright_near_sun else None

    def facade(self, side: str) -> tuple[Array, Array]:
        """Beam, and all that is diffuse (sky and ground), on a vertical facade, W/m2."""
        cos_angle = self.incidence(side)
        spread = 0.5 * self.diffuse_w_m2 + 0.5 * ALBEDO * self.irradiance_w_m2
        if self._glow is not None:
            about_sun, horizon = self._glow
            near = cos_angle / np.maximum(self.cos_zenith, COS_85_DEG)
            spread = spread + self.diffuse_w_m2 * np.maximum(about_sun * (near - 0.5) + horizon, -0.5)
        return self.beam_w_m2 * cos_angle, spread

    def facades(self, facing: Sequence[str]) -> Array:
        """Irradiance of vertical facades, W/m2 [1440, len(facing), worlds]."""
        parts = {side: self.facade(side) for side in dict.fromkeys(facing)}
        return np.stack([parts[side][1] + parts[side][0] for side in facing], axis=1)


class Sky(Protocol):
    """Where days come from."""

    def day(self, number: int) -> SkyDay:
        """Day 0 is the first of the run. Raises IndexError past the last."""


def _remember(noise: Array, memory: float) -> Array:
    """AR(1) series of unit variance from white noise [n, worlds]."""
    out = np.empty_like(noise)
    out[0] = noise[0]
    gain = np.sqrt(1.0 - memory**2)
    for i in range(1, len(noise)):
        out[i] = memory * out[i - 1] + gain * noise[i]
    return out


class SyntheticSky:
    """A daily wave over days that resemble their neighbours; each series has dice of its own, so that a longer run
    begins with the very days of a shorter one."""

    def __init__(
        self,
        season: Season,
        first_days: Sequence[date],
        origin: date,
        days: int,
        latitude: float,
        seeds: Sequence[int],
        spell: Spell | None = None,
    ) -> None:
        """`first_days` by world, none before `origin`: the day of the first draw, so that worlds that begin on
        different days of one year share its weather."""
        self._season, self._latitude, self._days, self._spell = season, latitude, days, spell
        self._first = list(first_days)
        self._later = [(first - origin).days for first in first_days]
        total = max(self._later) + days
        day_noise = self._noise(seeds, 0, total + 2)
        self._day_k = season.day_spread_k * self._shifted(_remember(day_noise, 0.7), 1)
        cloud = season.cloud + 0.28 * _remember(self._noise(seeds, 1, total * 8 + 2), 0.75)
        self._cloud = self._shifted(cloud, 8)
        self._hour_k = 0.5 * self._shifted(_remember(self._noise(seeds, 2, total * 24 + 2), 0.8), 24)
        dew = _remember(self._noise(seeds, 3, total * 4 + 2), 0.85)
        self._dew_k = self._shifted(dew, 4)

    def _noise(self, seeds: Sequence[int], series: int, length: int) -> Array:
        drawn = {seed: np.random.default_rng([seed, series]).standard_normal(length) for seed in set(seeds)}
        return np.stack([drawn[seed] for seed in seeds], axis=1)

    def _shifted(self, knots: Array, a_day: int) -> Array:
        """Each world's series from its own first day on."""
        length = self._days * a_day + 2
        columns = [knots[later * a_day : later * a_day + length, w] for w, later in enumerate(self._later)]
        return np.stack(columns, axis=1)

    def _by_minute(self, knots: Array, a_day: int, number: int) -> Array:
        """[1440, worlds] by straight lines between the knots."""
        spacing = MINUTES // a_day
        at = (np.arange(MINUTES) / spacing)[:, None]
        low = np.floor(at).astype(int)
        part = at - low
        here = knots[number * a_day : number * a_day + a_day + 1]
        return here[low[:, 0]] * (1.0 - part) + here[low[:, 0] + 1] * part

    def day(self, number: int) -> SkyDay:
        if number >= self._days:
            raise IndexError(f"day {number} of {self._days}")
        season = self._season
        cloud = np.clip(self._by_minute(self._cloud, 8, number), 0.0, 1.0)
        hour = (np.arange(MINUTES) / 60.0)[:, None]
        wave = np.cos(2.0 * np.pi * (hour - 15.0) / 24.0)  # Warmest at 15:00.
        days = tuple(first + timedelta(days=number) for first in self._first)
        mean = season.mean_of(days) + self._by_minute(self._day_k, 1, number)
        if self._spell is not None:
            mean = mean + self._spell.on(days)
        outdoor = mean + season.swing_k * (1.25 - 0.5 * cloud) * wave + self._by_minute(self._hour_k, 24, number)
        dew = mean - season.dew_depression_k + 1.5 * self._by_minute(self._dew_k, 4, number)
        dew = np.minimum(dew, outdoor - 0.3)
        humidity = psychrometrics.saturated(dew)
        cos_zenith, azimuth = sun_position(days, self._latitude)
        ground, diffuse = sunshine(cos_zenith, cloud)
        return SkyDay(
            outdoor_c=outdoor,
            humidity_kg_kg=humidity,
            irradiance_w_m2=ground,
            diffuse_w_m2=diffuse,
            cos_zenith=cos_zenith,
            azimuth=azimuth,
            weekday=np.array([today.weekday() for today in days]),
            days=days,
            cloud=cloud,
        )
