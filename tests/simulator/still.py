"""A sky that stands still and a crowd that stays: what a part does under constant conditions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from simulator.parts import MINUTES, Part
from simulator.physics import psychrometrics
from simulator.physics.weather import SkyDay


def still_sky(outdoor_c: float, *, sun_w_m2: float = 0.0, humidity: float = 0.4, worlds: int = 1) -> SkyDay:
    """A Monday on which nothing changes; the sun's part is all diffuse."""
    flat = np.ones((MINUTES, worlds))
    ratio = psychrometrics.humidity_ratio(humidity * psychrometrics.saturation_pa(np.array(outdoor_c)))
    return SkyDay(
        outdoor_c=outdoor_c * flat,
        humidity_kg_kg=ratio * flat,
        irradiance_w_m2=sun_w_m2 * flat,
        diffuse_w_m2=sun_w_m2 * flat,
        cos_zenith=0.5 * flat,
        azimuth=0.0 * flat,
        weekday=np.zeros(worlds, np.int64),
        days=(date(2019, 7, 1),) * worlds,
    )


@dataclass
class Stay:
    """As many people in every zone, day and night."""

    zones: int
    each: float
    worlds: int = 1

    def day(self, number: int) -> Stay:
        return self

    @property
    def people(self) -> np.ndarray:
        return np.full((MINUTES, self.zones, self.worlds), self.each)


def live(part: Part, sky: SkyDay, held: dict[str, float] | None = None, minutes: int = MINUTES) -> np.ndarray:
    """Turn one part; electricity by end use over the last half, when the start is forgotten, kWh [uses, worlds]."""
    orders = np.full((len(part.writable), part.worlds), np.nan)
    for row, name in enumerate(part.writable):
        if name in (held or {}):
            orders[row] = held[name]
    part.begin_day(0, sky)
    part.open_books()
    total = np.zeros_like(part.power_w)
    for minute in range(minutes):
        part.advance(minute % MINUTES, sky, orders)
        if minute >= minutes // 2:
            total += part.power_w
    return total / 60e3


def value(part: Part, name: str) -> float:
    return float(part.values[part.points.index(name), 0])
