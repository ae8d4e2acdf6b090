"""Weather from an EPW file: hourly rows of a typical year, told by the minute as any other sky.

The format is that of the EnergyPlus Auxiliary Programs manual, "EnergyPlus Weather File (EPW) Data Dictionary": eight
header lines, then 35 columns an hour; the hour that ends is told, so the first row is 00:00 to 01:00.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.core.errors import ConfigError, Problem
from simulator.physics import psychrometrics
from simulator.physics.weather import MINUTES, SkyDay

Array = NDArray[np.float64]

HEADER_LINES = 8
HOURS = 8760
COLUMNS = {
    "dry_bulb_c": (6, -70.0, 70.0),
    "dew_point_c": (7, -70.0, 70.0),
    "pressure_pa": (9, 31_000.0, 120_000.0),
    "global_w_m2": (13, 0.0, 2000.0),
    "beam_w_m2": (14, 0.0, 2000.0),
    "diffuse_w_m2": (15, 0.0, 2000.0),
}
"""Column, and what it may hold; the format's marks of missing values (99.9, 999999, 9999) lie outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpwYear:
    """One file, arrays [8760], hour by hour from 1 January 00:00 local standard time."""

    city: str
    latitude: float
    longitude: float
    utc_offset_h: float
    dry_bulb_c: Array
    """At the end of the hour; so is the dew point."""
    dew_point_c: Array
    pressure_pa: Array
    global_w_m2: Array
    """Mean over the hour; so are beam (on a surface that faces the sun) and diffuse."""
    beam_w_m2: Array
    diffuse_w_m2: Array


def read_epw(path: Path) -> EpwYear:
    """Raises ConfigError that names file, line, column, what was found and what was wanted."""
    lines = _lines(path)
    city, latitude, longitude, offset = _location(path, lines[0])
    rows = lines[HEADER_LINES:]
    while rows and not rows[-1].strip():
        rows.pop()
    if len(rows) != HOURS:
        raise _wrong(path, len(rows) + HEADER_LINES, "rows", f"{len(rows)} hours", f"{HOURS}, a year without leap day")
    told = [row.split(",") for row in rows]
    columns = {name: _column(path, told, name) for name in COLUMNS}
    return EpwYear(city=city, latitude=latitude, longitude=longitude, utc_offset_h=offset, **columns)


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as fault:
        raise _wrong(path, 0, "the file", (fault.strerror or "unreadable").lower(), "a file that can be read") from None
    if len(lines) < HEADER_LINES or not lines[0].startswith("LOCATION,"):
        found = f"`{lines[0][:30]}`" if lines else "an empty file"
        raise _wrong(path, 1, "LOCATION", found, "an EPW file, whose first line begins with LOCATION,")
    return lines


def _location(path: Path, line: str) -> tuple[str, float, float, float]:
    told = [part.strip() for part in line.split(",")]
    try:
        latitude, longitude, offset = (float(part) for part in told[6:9])
    except ValueError:
        raise _wrong(path, 1, "LOCATION", f"`{','.join(told[6:9])}`", "latitude, longitude and time zone") from None
    if not (-90.0 <= latitude <= 90.0 and -180.0 <= longitude <= 180.0 and -12.0 <= offset <= 14.0):
        raise _wrong(path, 1, "LOCATION", f"`{latitude:g}, {longitude:g}, {offset:g}`", "a place on Earth")
    return told[1], latitude, longitude, offset


def _column(path: Path, rows: list[list[str]], name: str) -> Array:
    place, low, high = COLUMNS[name]
    values = np.empty(len(rows))
    for n, row in enumerate(rows):
        try:
            value = float(row[place])
        except (IndexError, ValueError):
            found = f"`{row[place][:20]}`" if place < len(row) else f"{len(row)} columns"
            raise _wrong(path, n + 1 + HEADER_LINES, f"column {place + 1}", found, f"a number, the {name}") from None
        values[n] = value if low <= value <= high else np.nan
    return _filled(path, values, name)


def _filled(path: Path, values: Array, name: str) -> Array:
    """Missing hours by lines between their neighbors; a file that misses more than a tenth is none."""
    is_known = np.isfinite(values)
    if is_known.mean() < 0.9:
        place = COLUMNS[name][0] + 1
        found = f"{int((~is_known).sum())} hours without a value"
        raise _wrong(path, 0, f"column {place}", found, f"at most {len(values) // 10}: the {name}")
    at = np.arange(len(values))
    return np.interp(at, at[is_known], values[is_known])


def _wrong(path: Path, line: int, key: str, found: str, wanted: str) -> ConfigError:
    return ConfigError([Problem(file=str(path), line=line, key=key, found=found, wanted=wanted)])


class EpwSky:
    """The year of the file, whichever year the scenario tells; all worlds share it, each on its own day."""

    def __init__(self, path: Path, first_days: Sequence[date], days: int) -> None:
        """Raises ConfigError."""
        self.year = read_epw(path)
        self._first, self._days = list(first_days), days

    def day(self, number: int) -> SkyDay:
        if number >= self._days:
            raise IndexError(f"day {number} of {self._days}")
        days = tuple(first + timedelta(days=number) for first in self._first)
        known = {day: self._one(day) for day in set(days)}
        rows = [np.stack([known[day][n] for day in days], axis=1) for n in range(6)]
        return SkyDay(
            outdoor_c=rows[0],
            humidity_kg_kg=rows[1],
            irradiance_w_m2=rows[2],
            diffuse_w_m2=rows[3],
            cos_zenith=rows[4],
            azimuth=rows[5],
            weekday=np.array([day.weekday() for day in days]),
            days=days,
        )

    def _one(self, day: date) -> tuple[Array, ...]:
        """Outdoor C, humidity ratio, global, diffuse, cosine of the zenith, azimuth, each [1440]."""
        year = self.year
        day_of_year = (date(2019, day.month, min(day.day, 28) if day.month == 2 else day.day) - date(2019, 1, 1)).days
        outdoor = _by_minute(year.dry_bulb_c, day_of_year)
        dew = np.minimum(_by_minute(year.dew_point_c, day_of_year), outdoor)
        humidity = psychrometrics.saturated(dew, _by_minute(year.pressure_pa, day_of_year))
        cos_zenith, azimuth = sun(day_of_year, year)
        hours = slice(24 * day_of_year, 24 * day_of_year + 24)
        up = np.maximum(cos_zenith, 0.0).reshape(24, 60)
        diffuse = _shaped(year.diffuse_w_m2[hours], up)
        beam = _shaped(np.maximum(0.0, year.global_w_m2[hours] - year.diffuse_w_m2[hours]), up)
        return outdoor, humidity, beam + diffuse, diffuse, cos_zenith, azimuth


def _by_minute(hourly: Array, day_of_year: int) -> Array:
    """By lines between the ends of hours, round the year."""
    ends = np.arange(24 * day_of_year - 1, 24 * day_of_year + 24) % HOURS
    return np.interp((np.arange(MINUTES) + 0.5) / 60.0, np.arange(25), hourly[ends])


def _shaped(hourly: Array, up: Array) -> Array:
    """Hourly means spread over the minutes as the sun stands, so that each hour keeps its sum; [1440]."""
    mean = up.mean(axis=1)
    share = np.where(mean[:, None] > 1e-6, up / np.maximum(mean[:, None], 1e-6), 1.0)
    return (hourly[:, None] * share).reshape(-1)


def sun(day_of_year: int, year: EpwYear) -> tuple[Array, Array]:
    """Cosine of the zenith angle, and azimuth from south (west positive), [1440], local standard time.

    Declination and equation of time after Spencer (1971), as in Duffie and Beckman, eqs. 1.5.3 and 1.6.1b.
    """
    b = 2.0 * np.pi * day_of_year / 365.0
    declination = 0.006918 - 0.399912 * np.cos(b) + 0.070257 * np.sin(b) - 0.006758 * np.cos(2 * b)
    declination += 0.000907 * np.sin(2 * b) - 0.002697 * np.cos(3 * b) + 0.00148 * np.sin(3 * b)
    equation_min = 229.2 * (0.000075 + 0.001868 * np.cos(b) - 0.032077 * np.sin(b))
    equation_min += 229.2 * (-0.014615 * np.cos(2 * b) - 0.04089 * np.sin(2 * b))
    minute = np.arange(MINUTES) + 0.5 + equation_min + 4.0 * (year.longitude - 15.0 * year.utc_offset_h)
    hour_angle = 2.0 * np.pi * (minute / MINUTES - 0.5)
    phi = np.radians(year.latitude)
    cos_zenith = np.cos(phi) * np.cos(declination) * np.cos(hour_angle) + np.sin(phi) * np.sin(declination)
    azimuth = np.arctan2(
        np.cos(declination) * np.sin(hour_angle),
        np.cos(hour_angle) * np.sin(phi) * np.cos(declination) - np.sin(declination) * np.cos(phi),
    )
    return cos_zenith, azimuth
