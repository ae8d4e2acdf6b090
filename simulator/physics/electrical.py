"""Power of one's own: solar cells on the roof, and a battery that moves it to the evening.

UPS and distribution of a data hall, whose losses are heat in the room, are in `dataroom.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from simulator.parts import SUB_STEP_S, Array, Own, Part, follow
from simulator.physics.weather import ALBEDO, SkyDay
from simulator.plant import Permit, WritablePoint

TEMPERATURE_PER_K = 0.004
"""Crystalline cells lose 0.3 to 0.5 % of their power a kelvin (makers' sheets)."""
NOCT_K_W_M2 = 25.0 / 800.0
"""Cells above ambient: a nominal operating cell temperature of 45 C at 800 W/m2 and 20 C."""
SYSTEM_SHARE = 0.86
"""Dirt, wires, mismatch and age leave so much of direct current: PVWatts' default losses are 14 %."""
INVERTER_SHARE = 0.96
"""Nominal efficiency of PVWatts' inverter."""
DC_TO_AC = 1.2
"""Peak of the cells over the inverter's rating, PVWatts' default; above it the inverter cuts off."""
LOW_SUN = 0.05
"""Cosine of the zenith angle below which there is no beam to be turned onto a slope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PvPlan:
    peak_w: Array
    """[worlds], direct current at 1,000 W/m2 and 25 C cells."""
    tilt_deg: float = 10.0
    """From the horizontal, as rows on flat roofs are set up (usual)."""
    azimuth_deg: float = 0.0
    """Of the slope, from south, west positive."""

    def sun(self, sky: SkyDay) -> Array:
        """Irradiance in the cells' plane, W/m2 [1440, worlds]: beam by angle, isotropic sky and ground."""
        tilt = np.radians(self.tilt_deg)
        sin_zenith = np.sqrt(np.maximum(0.0, 1.0 - sky.cos_zenith**2))
        cos_angle = sky.cos_zenith * np.cos(tilt)
        cos_angle = cos_angle + sin_zenith * np.sin(tilt) * np.cos(sky.azimuth - np.radians(self.azimuth_deg))
        is_up = sky.cos_zenith > LOW_SUN
        share = np.where(is_up, np.maximum(0.0, cos_angle) / np.maximum(sky.cos_zenith, LOW_SUN), 1.0)
        beam = (sky.irradiance_w_m2 - sky.diffuse_w_m2) * share
        spread = 0.5 * (1.0 + np.cos(tilt)) * sky.diffuse_w_m2
        ground: Array = 0.5 * (1.0 - np.cos(tilt)) * ALBEDO * sky.irradiance_w_m2
        return beam + spread + ground

    def made_w(self, sun_w_m2: Array, outdoor_c: Array) -> Array:
        """Alternating current behind the inverter."""
        cell_c = outdoor_c + NOCT_K_W_M2 * sun_w_m2
        direct = self.peak_w * (SYSTEM_SHARE / 1000.0) * sun_w_m2 * (1.0 - TEMPERATURE_PER_K * (cell_c - 25.0))
        return np.minimum(INVERTER_SHARE * direct, self.peak_w / DC_TO_AC)


class Pv(Part):
    """A roof of cells; nobody steers them."""

    def __init__(self, peak_w: Array, **slope: float) -> None:
        """`peak_w`, `slope` (`tilt_deg`, `azimuth_deg`) as in `PvPlan`."""
        self.plan = PvPlan(peak_w=peak_w, **slope)
        self.points = ("pv1.electric_power", "pv1.solar_power")
        self.writable: dict[str, WritablePoint] = {}
        self.permits: dict[str, Permit] = {}
        self.equipment: dict[str, dict[str, Any]] = {"pv1": {"kind": "pv"}}
        self.uses, self.ailments = ("pv",), {}
        super().__init__(len(peak_w))

    def begin_day(self, day: int, sky: SkyDay) -> None:
        self._made_w = self.plan.made_w(self.plan.sun(sky), sky.outdoor_c)

    def advance(self, minute: int, sky: SkyDay, held: Array) -> None:
        made_w = self._made_w[minute]
        self.power_w[0] = -made_w
        self.values[0], self.values[1] = -made_w / 1000.0, made_w / 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryPlan:
    """Arrays [worlds]."""

    capacity_j: Array
    """What can be used of it."""
    power_w: Array
    """Of the inverter, both ways."""
    one_way: float = 0.95
    """Efficiency of charging, and of discharging: 0.90 there and back, inverter included (usual for lithium)."""
    standby_w: float = 20.0
    """The inverter and its watch, always (our assumption)."""


class Battery(Part):
    """Ordinary control: takes what the cells make beyond the site's use, and gives it back when the site buys.

    With a clock it also charges from the grid in the hours that are told, and gives nothing back in them.
    """

    OWN: ClassVar = {
        "battery_reserve_pct": Own(10.0, 0.0, 100.0, "charge kept back, %"),
        "battery_clock_pct": Own(0.0, 0.0, 100.0, "the clock charges to this from the grid, 0: there is none, %"),
        "battery_from_h": Own(1.0, 0.0, 24.0, "the clock begins to charge, h"),
        "battery_to_h": Own(5.0, 0.0, 24.0, "and ends, h"),
    }

    def __init__(self, plan: BatteryPlan, others: Sequence[Part], own: dict[str, float] | None = None) -> None:
        """`others`: the parts behind the same meter, which turn before this one."""
        self.plan, self._others = plan, tuple(others)
        self.own = {name: entry.default for name, entry in self.OWN.items()} | (own or {})
        most = float(plan.power_w.max() / 1000.0)
        name = "battery1.charge_power_setpoint"
        self.points = (name, "battery1.state_of_charge", "battery1.electric_power")
        self.writable = {name: WritablePoint(-most, most)}
        self.permits = {name: Permit(-most, most, 2.0 * most, 300.0)}
        self.equipment: dict[str, dict[str, Any]] = {"battery1": {"kind": "battery"}}
        self.uses, self.ailments = ("battery", "battery_loss"), {}
        super().__init__(len(plan.power_w))
        self.charge_j = 0.5 * plan.capacity_j

    def advance(self, minute: int, sky: SkyDay, held: Array) -> None:
        plan = self.plan
        wish = follow(held[0] * 1000.0, self._own_w(minute / 60.0))
        wish = np.maximum(-plan.power_w, np.minimum(plan.power_w, wish))
        reserve_j = plan.capacity_j * (self.own["battery_reserve_pct"] / 100.0)
        room_w = (plan.capacity_j - self.charge_j) / (SUB_STEP_S * plan.one_way)
        left_w = np.maximum(0.0, self.charge_j - reserve_j) * (plan.one_way / SUB_STEP_S)
        power = np.maximum(-left_w, np.minimum(room_w, wish))
        into = np.where(power > 0.0, power * plan.one_way, power / plan.one_way)
        self.charge_j = self.charge_j + into * SUB_STEP_S
        self.power_w[0], self.power_w[1] = into, power - into + plan.standby_w
        self.values[2] = (power + plan.standby_w) / 1000.0
        if self.is_told:
            self.values[0] = wish / 1000.0
            self.values[1] = 100.0 * self.charge_j / plan.capacity_j

    def _own_w(self, hour: float) -> Array:
        """Against the meter: take what would be sold, give what would be bought; or what the clock asks."""
        own = self.own
        net_w = sum((part.power_w.sum(axis=0) for part in self._others), np.zeros(self.worlds))
        if not (own["battery_clock_pct"] and is_between(hour, own["battery_from_h"], own["battery_to_h"])):
            return -net_w
        aim_j = self.plan.capacity_j * (own["battery_clock_pct"] / 100.0)
        lacking_w = np.maximum(0.0, aim_j - self.charge_j) / (SUB_STEP_S * self.plan.one_way)
        return np.maximum(lacking_w, -net_w)


def is_between(hour: float, begin: float, end: float) -> bool:
    """Hours of a clock, over midnight too."""
    return begin <= hour < end if begin <= end else hour >= begin or hour < end
