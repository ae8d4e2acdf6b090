"""What zones with people have in common, whichever machine serves them: the day's gains, the clock, what is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from simulator.parts import Array, Own, Part, follow
from simulator.physics.occupancy import People
from simulator.physics.weather import SkyDay
from simulator.physics.zones import DayGains, ZoneAir, ZoneNetwork

DEADBAND_K = 0.5
"""The controller keeps heating at least so far below cooling."""
HEAT_W_PERSON = 75.0
"""Sensible heat of a seated office worker, ASHRAE Fundamentals, chapter on nonresidential loads."""

HEATING_SETPOINT = "zone_air_heating_temperature_setpoint"
COOLING_SETPOINT = "zone_air_cooling_temperature_setpoint"
ZONE_ROLES = (
    "zone_air_temperature",
    "occupancy_count",
    "supply_air_flow",
    "co2_level",
    "zone_air_relative_humidity",
    HEATING_SETPOINT,
    COOLING_SETPOINT,
)

CLOCK = {
    "weekend": Own(1.0, 0.0, 1.0, "1: the clock runs on Saturdays and Sundays too"),
    "heating_c": Own(22.0, 5.0, 35.0, "heating set-point in these hours, C"),
    "cooling_c": Own(23.0, 5.0, 35.0, "cooling set-point in these hours, C"),
    "heating_off_c": Own(18.0, 5.0, 35.0, "heating set-point outside them, C"),
    "cooling_off_c": Own(28.0, 5.0, 35.0, "cooling set-point outside them, C"),
}
"""Own control that every such machine has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """Lights and plugs, [zones, worlds]."""

    light_w: Array
    """On while anybody is in the zone."""
    base_w: Array
    plug_w_person: float = 110.0

    def draw(self, people: Array) -> Array:
        """W, of a day's people [minutes, zones, worlds]."""
        return self.base_w + self.light_w * (people > 0.0) + self.plug_w_person * people


def percent(zones: ZoneAir) -> Array:
    """Relative humidity, %: Magnus' formula is good enough to be shown."""
    saturated_pa = 610.94 * np.exp(17.625 * zones.air_c / (243.04 + zones.air_c))
    ratio = zones.humidity_kg_kg
    return np.minimum(100.0, 100.0 * 101_325.0 * ratio / (0.621945 + ratio) / saturated_pa)


class InhabitedPlan(Protocol):
    """What of a plan concerns the zones."""

    facing: tuple[str, ...]
    """Facade of each zone, `FACADES_DEG`."""
    network: ZoneNetwork
    gains: Gains


class Inhabited(Part):
    """Zones with people in them."""

    OWN: ClassVar[dict[str, Own]] = CLOCK

    def __init__(self, plan: InhabitedPlan, people: People, zones: slice, own: dict[str, float] | None) -> None:
        """`zones`: our zones of `people`."""
        self.zones = ZoneAir(plan.network)
        super().__init__(self.zones.air_c.shape[1])
        self.own = {name: entry.default for name, entry in self.OWN.items()} | (own or {})
        self._inhabited, self._people, self._slice = plan, people, zones

    def begin_day(self, day: int, sky: SkyDay) -> None:
        self._crowd = self._people.day(day).people[:, self._slice]
        self._plug_w = self._inhabited.gains.draw(self._crowd)
        inside_w = self._plug_w + HEAT_W_PERSON * self._crowd
        self._gains = DayGains.of(self._inhabited.network, sky.facades(self._inhabited.facing), inside_w, self._crowd)
        self._is_clock_day = (sky.weekday < 5) | (self.own["weekend"] >= 0.5)

    def open_books(self) -> None:
        self.books.add("zone_hi_ks", np.zeros_like(self.zones.air_c))
        self.books.add("zone_lo_ks", np.zeros_like(self.zones.air_c))

    def clock_orders(self, minute: int, held: Array) -> tuple[Array, Array, Array]:
        """In the clock's hours [worlds]; heating and cooling set-points [zones, worlds]: own or remote."""
        own, n = self.own, len(self.zones.air_c)
        in_hours = self._is_clock_day & (own["start_h"] <= minute / 60.0 < own["stop_h"])
        cooling = follow(held[n : 2 * n], np.where(in_hours, own["cooling_c"], own["cooling_off_c"]))
        heating = follow(held[:n], np.where(in_hours, own["heating_c"], own["heating_off_c"]))
        return in_hours, np.minimum(heating, cooling - DEADBAND_K), cooling

    def show_zones(self, rows: tuple[Array, ...]) -> None:
        """`rows` in the order of `ZONE_ROLES`; the zones' values come first."""
        last = len(self.zones.air_c) * len(ZONE_ROLES)
        for role, row in enumerate(rows):
            self.values[role : last : len(ZONE_ROLES)] = row
