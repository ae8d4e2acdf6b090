"""Weather from an EPW file: hourly rows of a typical year, told by the minute as any other sky.

The format is that of EnergyPlus (Auxiliary Programs, "EnergyPlus Weather File (EPW) Data Dictionary"): eight header
lines, then 35 columns an hour. The hour that ends is told: the first row is 00:00 to 01:00, its temperatures are
those of 01:00, its radiation is the mean since 00:00.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.core.errors import ConfigError, Problem
from simulator.physics import psychrometrics
from simulator.physics.sun import sun_at
from simulator.physics.weather import MINUTES, SkyDay, Spell

Array = NDArray[np.float64]

HEADER_LINES = 8
BLANK = " \t\n,\x1a"
"""What may follow the last row: empty rows of spreadsheets, and the mark of an end of old programs."""
HOURS = 8760
MOST_MISSING_SHARE = 0.1
"""Of a column, bridged by lines between neighbors; a file that misses more is none (our choice)."""

LEAST_MINUTES = 20
"""Of an hour in which the sun is up a shorter time, nothing is told of its course (our choice)."""


class Column(NamedTuple):
    """Where a quantity stands (counted from 0), and what it may hold; the format's marks of missing values lie
    outside."""

    place: int
    low: float
    high: float
    is_needed: bool = True


COLUMNS = {
    "dry_bulb_c": Column(6, -70.0, 70.0),
    "dew_point_c": Column(7, -70.0, 70.0),
    "pressure_pa": Column(9, 31_000.0, 120_000.0),
    "infrared_w_m2": Column(12, 50.0, 1000.0, is_needed=False),
    "global_w_m2": Column(13, 0.0, 2000.0, is_needed=False),
    "beam_w_m2": Column(14, 0.0, 2000.0),
    "diffuse_w_m2": Column(15, 0.0, 2000.0),
    "wind_m_s": Column(21, 0.0, 40.0, is_needed=False),
    "cloud_tenths": Column(23, 0.0, 10.0, is_needed=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EpwYear:
    """One file, arrays [8760], hour by hour from 1 January 00:00 local standard time."""

    city: str
    latitude: float
    longitude: float
    utc_offset_h: float
    dry_bulb_c: Array
    """At the end of the hour; so are the dew point, the pressure, the infrared, wind and cloud."""
    dew_point_c: Array
    pressure_pa: Array
    infrared_w_m2: Array | None
    """From the sky, on the horizontal; None where the file has none, as with the others that may be None."""
    global_w_m2: Array | None
    """Mean over the hour, on the horizontal; so is diffuse; so is beam, on a plane that faces the sun."""
    beam_w_m2: Array
    diffuse_w_m2: Array
    wind_m_s: Array | None
    cloud_tenths: Array | None
    """Opaque sky cover."""


# --- reading ---


def read_epw(path: Path) -> EpwYear:
    """Raises ConfigError that names file, line, column, what was found and what was wanted."""
    lines = _lines(path)
    city, latitude, longitude, offset = _location(path, lines[0])
    _period(path, lines[HEADER_LINES - 1])
    rows = [line.split(",") for line in lines[HEADER_LINES:]]
    _calendar(path, rows)
    columns = {name: _column(path, rows, name) for name in COLUMNS}
    return EpwYear(city=city, latitude=latitude, longitude=longitude, utc_offset_h=offset, **columns)  # type: ignore[arg-type]


def _lines(path: Path) -> list[str]:
    """With Unix, Windows or old Macintosh ends, with or without a byte order mark, without the blank tail."""
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise _wrong(path, 0, "the file", (fault.strerror or "unreadable").lower(), "a file that can be read") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip(BLANK).split("\n")
    if len(lines) < HEADER_LINES or not lines[0].startswith("LOCATION,"):
        found = f"`{lines[0][:30]}`" if lines[0] else "an empty file"
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


def _period(path: Path, line: str) -> None:
    told = [part.strip() for part in line.split(",")]
    if told[0].upper() != "DATA PERIODS" or told[1:3] != ["1", "1"]:
        wanted = "DATA PERIODS,1,1: one period, one row an hour"
        raise _wrong(path, HEADER_LINES, "DATA PERIODS", f"`{','.join(told[:3])[:40]}`", wanted)


def _calendar(path: Path, rows: list[list[str]]) -> None:
    """Every hour of a year without leap day, in order."""
    for n, (row, wanted) in enumerate(zip(rows, _hours(), strict=False)):
        found = tuple(part.strip() for part in row[1:4])
        if not all(part.isdecimal() for part in found) or tuple(map(int, found)) != wanted:
            month, day, hour = wanted
            told = "/".join(found[:2]) + f" hour {found[2]}" if len(found) == 3 else f"{len(row)} columns"
            wish = f"{month}/{day} hour {hour}: a year of hours in order, without leap day"
            raise _wrong(path, n + 1 + HEADER_LINES, "column 2 to 4", f"`{told}`", wish)
    if len(rows) != HOURS:
        raise _wrong(path, len(rows) + HEADER_LINES, "rows", f"{len(rows)} hours", f"{HOURS}, a year without leap day")


def _hours() -> Iterator[tuple[int, int, int]]:
    for n in range(HOURS):
        day = date(2019, 1, 1) + timedelta(days=n // 24)
        yield day.month, day.day, n % 24 + 1


def _column(path: Path, rows: list[list[str]], name: str) -> Array | None:
    column = COLUMNS[name]
    values = np.empty(len(rows))
    for n, row in enumerate(rows):
        try:
            value = float(row[column.place])
        except (IndexError, ValueError):
            is_short = column.place >= len(row)
            found = f"{len(row)} columns" if is_short else f"`{row[column.place][:20]}`"
            key = f"column {column.place + 1}"
            raise _wrong(path, n + 1 + HEADER_LINES, key, found, f"a number, the {name}") from None
        values[n] = value if column.low <= value <= column.high else np.nan
    return _filled(path, values, name)


def _filled(path: Path, values: Array, name: str) -> Array | None:
    """Missing hours by lines between their neighbors."""
    is_known = np.isfinite(values)
    if is_known.mean() < 1.0 - MOST_MISSING_SHARE:
        if not COLUMNS[name].is_needed:
            return None
        found = f"{int((~is_known).sum())} hours without a value"
        wanted = f"at most {int(MOST_MISSING_SHARE * len(values))}: the {name}"
        raise _wrong(path, 0, f"column {COLUMNS[name].place + 1}", found, wanted)
    at = np.arange(len(values))
    return np.interp(at, at[is_known], values[is_known])


def _wrong(path: Path, line: int, key: str, found: str, wanted: str) -> ConfigError:
    return ConfigError([Problem(file=str(path), line=line, key=key, found=found, wanted=wanted)])


# --- telling ---


class EpwSky:
    """The year of the file, whichever year the scenario tells; all worlds share it, each on its own day."""

    def __init__(self, path: Path, first_days: Sequence[date], days: int, spell: Spell | None = None) -> None:
        """Raises ConfigError."""
        self.year = read_epw(path)
        self._first, self._days, self._spell = list(first_days), days, spell

    def day(self, number: int) -> SkyDay:
        """A leap day is told as the day before it."""
        if number >= self._days:
            raise IndexError(f"day {number} of {self._days}")
        days = tuple(first + timedelta(days=number) for first in self._first)
        known = {day: self._one(_day_of_year(day), self._warmer_k(day)) for day in set(days)}
        told = {name: np.stack([known[day][name] for day in days], axis=1) for name in known[days[0]]}
        return SkyDay(
            **told,
            weekday=np.array([day.weekday() for day in days]),
            days=days,
            is_bright_near_sun=True,
        )

    def _warmer_k(self, day: date) -> Array:
        return np.zeros(MINUTES) if self._spell is None else self._spell.on([day])[:, 0]

    def _one(self, day: int, warmer_k: Array) -> dict[str, Array]:
        """Series of one day by their names in `SkyDay`, each [1440]; a spell moves the dew point too."""
        year = self.year
        outdoor, pressure = _by_minute(year.dry_bulb_c, day) + warmer_k, _by_minute(year.pressure_pa, day)
        dew = np.minimum(_by_minute(year.dew_point_c, day) + warmer_k, outdoor)
        cos_zenith, azimuth = sun_at(day, year.latitude, year.longitude, year.utc_offset_h)
        up = np.maximum(cos_zenith, 0.0)
        diffuse, beam = (_spread(hourly, day, up > 0.0) for hourly in (year.diffuse_w_m2, year.beam_w_m2))
        ground = diffuse + beam * up
        if year.global_w_m2 is not None:
            direct = np.maximum(0.0, year.global_w_m2 - year.diffuse_w_m2)
            ground = diffuse + _kept(beam * up, direct[24 * day : 24 * day + 24], up)
        told = {
            "outdoor_c": outdoor,
            "humidity_kg_kg": psychrometrics.saturated(dew, pressure),
            "irradiance_w_m2": ground,
            "diffuse_w_m2": diffuse,
            "cos_zenith": cos_zenith,
            "azimuth": azimuth,
            "told_beam_w_m2": beam,
            "pressure_pa": pressure,
        }
        also = {"infrared_w_m2": year.infrared_w_m2, "wind_m_s": year.wind_m_s}
        told |= {name: _by_minute(hourly, day) for name, hourly in also.items() if hourly is not None}
        if year.cloud_tenths is not None:
            told["cloud"] = 0.1 * _by_minute(year.cloud_tenths, day)
        return told


def _day_of_year(day: date) -> int:
    """0 is the first of January, 364 the last of December."""
    is_leap_day = (day.month, day.day) == (2, 29)
    return (date(2019, day.month, 28 if is_leap_day else day.day) - date(2019, 1, 1)).days


def _by_minute(hourly: Array, day: int) -> Array:
    """By lines between the ends of hours, round the year."""
    ends = np.arange(24 * day - 1, 24 * day + 24) % HOURS
    return np.interp((np.arange(MINUTES) + 0.5) / 60.0, np.arange(25), hourly[ends])


def _spread(hourly: Array, day: int, is_up: NDArray[np.bool_]) -> Array:
    """Means of hours by lines between the middles of hours, while the sun is up; each hour keeps its sum."""
    near = hourly[np.arange(24 * day - 1, 24 * day + 25) % HOURS]
    line = np.interp((np.arange(MINUTES) + 0.5) / 60.0, np.arange(-0.5, 25.0), near)
    return _kept(line * is_up, near[1:-1], is_up.astype(np.float64))


def _kept(shape: Array, hourly: Array, *others: Array) -> Array:
    """Hour by hour the first of the shapes [1440] that stands for `LEAST_MINUTES`, scaled to these means; where
    there is none, flat: a file may tell of light before the sun is up."""
    told = np.repeat(hourly, 60)
    for each in reversed((shape, *others)):
        rows = each.reshape(24, 60)
        is_some = (rows > 0.0).sum(axis=1, keepdims=True) >= LEAST_MINUTES
        scaled = hourly[:, None] * rows / np.where(is_some, rows.mean(axis=1, keepdims=True), 1.0)
        told = np.where(is_some, scaled, told.reshape(24, 60)).reshape(-1)
    return told
