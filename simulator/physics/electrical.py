"""Power of one's own: solar cells on the roof, and a battery that moves it to the evening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from simulator.parts import SUB_STEP_S, Array, Own, Part, follow
from simulator.physics.weather import SkyDay
from simulator.plant import Permit, WritablePoint

TEMPERATURE_PER_K = 0.004
"""Crystalline cells lose 0.3 to 0.5 % of their power a kelvin (makers' sheets)."""
NOCT_K_W_M2 = 25.0 / 800.0
"""Cells above ambient: a nominal operating cell temperature of 45 C at 800 W/m2 and 20 C."""
SYSTEM_SHARE = 0.86
"""Wires, dirt and inverter leave so much (PVWatts' default losses are 14 %)."""


class Pv(Part):
    """A roof of cells, flat enough to see what the ground sees."""

    def __init__(self, peak_w: Array) -> None:
        """`peak_w` [worlds], at 1,000 W/m2 and 25 C cells."""
        self.points = ("pv1.electric_power", "pv1.solar_power")
        self.writable: dict[str, WritablePoint] = {}
        self.permits: dict[str, Permit] = {}
        self.equipment: dict[str, dict[str, Any]] = {"pv1": {"kind": "pv"}}
        self.uses, self.ailments = ("pv",), {}
        super().__init__(len(peak_w))
        self.peak_w = peak_w
        self.made_w = np.zeros(self.worlds)

    def advance(self, minute: int, sky: SkyDay, held: Array) -> None:
        sun = sky.irradiance_w_m2[minute]
        cell_c = sky.outdoor_c[minute] + NOCT_K_W_M2 * sun
        self.made_w = self.peak_w * (SYSTEM_SHARE / 1000.0) * sun * (1.0 - TEMPERATURE_PER_K * (cell_c - 25.0))
        self.power_w[0] = -self.made_w
        self.values[0], self.values[1] = -self.made_w / 1000.0, self.made_w / 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryPlan:
    """Arrays [worlds]."""

    capacity_j: Array
    power_w: Array
    one_way: float = 0.95
    """Efficiency of charging, and of discharging."""


class Battery(Part):
    """Ordinary control: takes what the cells make beyond the site's use, and gives it back when the site buys."""

    OWN: ClassVar = {"battery_reserve_pct": Own(10.0, 0.0, 100.0, "charge kept back, %")}

    def __init__(self, plan: BatteryPlan, others: Sequence[Part], own: dict[str, float] | None = None) -> None:
        """`others`: the parts behind the same meter."""
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
        net_w = sum((part.power_w.sum(axis=0) for part in self._others), np.zeros(self.worlds))
        wish = follow(held[0] * 1000.0, -net_w)
        floor_j = plan.capacity_j * (self.own["battery_reserve_pct"] / 100.0)
        room_w = (plan.capacity_j - self.charge_j) / (SUB_STEP_S * plan.one_way)
        left_w = np.maximum(0.0, self.charge_j - floor_j) * (plan.one_way / SUB_STEP_S)
        power = np.minimum(np.minimum(wish, plan.power_w), room_w)
        power = np.maximum(np.maximum(power, -plan.power_w), -left_w)
        into = np.where(power > 0.0, power * plan.one_way, power / plan.one_way)
        self.charge_j = self.charge_j + into * SUB_STEP_S
        self.power_w[0], self.power_w[1] = into, power - into
        self.values[2] = power / 1000.0
        if self.is_told:
            self.values[0] = wish / 1000.0
            self.values[1] = 100.0 * self.charge_j / plan.capacity_j
