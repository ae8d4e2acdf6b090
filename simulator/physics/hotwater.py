"""A hot-water plant: a gas boiler or an air-to-water heat pump, its loop and its pump, for reheat coils."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from simulator.parts import SUB_STEP_S, Array, Own, Part, follow
from simulator.physics.weather import SkyDay
from simulator.plant import Permit, WritablePoint

WATER_J_KG_K = 4186.0
COLDEST_C = 30.0
"""Water this cold warms nobody: coils are ready from here to the design temperature in proportion (our assumption)."""
CONDENSING_C = 55.0
"""Below this return temperature flue gas condenses: the dew point of natural gas's, about 55 to 57 C."""
CARNOT_SHARE = 0.42
"""Of an air-to-water heat pump's COP over Carnot's (our assumption; field trials give 0.35 to 0.45)."""

BOILER, HEAT_PUMP = "boiler", "heat-pump"


class Client(Protocol):
    hot_water_w: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class HotWaterPlan:
    """Arrays [worlds]."""

    machine: str = "boiler1"
    source: str = BOILER
    heat_max_w: Array
    water_j_k: Array
    """The loop's water and steel."""
    loss_w_k: Array
    """Boiler and pipes to a plant room at 20 C: what an idle boiler burns."""
    pump_w: Array
    """Constant speed."""
    design_c: float = 75.0
    efficiency: float = 0.82
    """Of gas, gross calorific value, above the dew point; up to 0.12 more when it condenses."""


class HotWater(Part):
    """Ordinary control: ready all year, the supply constant unless it is reset by the weather."""

    OWN: ClassVar = {
        "hot_water_c": Own(75.0, 30.0, 90.0, "hot water supply, C"),
        "hot_water_reset_k": Own(
            0.0, 0.0, 40.0, "the supply falls by so much as it gets warm outdoors (-5 to 18 C), K"
        ),
        "heating_limit_c": Own(40.0, 5.0, 40.0, "above this outdoors the plant is off; 40: never, C"),
    }

    def __init__(self, plan: HotWaterPlan, clients: Sequence[Client], own: dict[str, float] | None = None) -> None:
        self.plan, self.clients = plan, list(clients)
        self.own = {name: entry.default for name, entry in self.OWN.items()} | (own or {})
        m = plan.machine
        self.points = tuple(f"{m}.{role}" for role in ROLES)
        self.writable = {
            f"{m}.on_off_command": WritablePoint(0.0, 1.0),
            f"{m}.leaving_hot_water_temperature_setpoint": WritablePoint(30.0, 90.0),
        }
        self.permits = {
            f"{m}.on_off_command": Permit(0.0, 1.0, 1.0, 1800.0),
            f"{m}.leaving_hot_water_temperature_setpoint": Permit(40.0, 80.0, 5.0, 600.0),
        }
        self.equipment = {m: {"kind": "boiler"}}
        self.uses = ("heating", "pump")
        self.burns_gas = plan.source == BOILER
        self.ailments = {"chiller-trip": (m,)} if plan.source == HEAT_PUMP else {}
        super().__init__(len(plan.heat_max_w))
        self.water_c = np.full(self.worlds, min(self.own["hot_water_c"], plan.design_c))
        self.readiness = np.ones(self.worlds)
        self.heat_w = np.zeros(self.worlds)
        """Into the water."""
        self._was_on, self._is_tripped = np.zeros(self.worlds, bool), False

    def ail(self, kind: str, equipment: str, size: float | None) -> None:
        self._is_tripped = size is not None

    def advance(self, minute: int, sky: SkyDay, held: Array) -> None:
        plan, outdoor = self.plan, sky.outdoor_c[minute]
        is_on, setpoint = self._orders(outdoor, held)
        asked = sum((client.hot_water_w for client in self.clients), np.zeros(self.worlds))
        loss = plan.loss_w_k * np.maximum(self.water_c - 20.0, 0.0)
        wanted = asked + loss + (setpoint - self.water_c) * plan.water_j_k / 600.0
        can = 0.0 if self._is_tripped else plan.heat_max_w
        self.heat_w = is_on * np.minimum(can, np.maximum(0.0, wanted))
        self.loss_w, self.asked_w = loss, asked
        self.water_c = self.water_c + (self.heat_w - asked - loss) * SUB_STEP_S / plan.water_j_k
        span = plan.design_c - COLDEST_C
        self.readiness = np.minimum(1.0, np.maximum(0.0, (self.water_c - COLDEST_C) / span))
        returns = self.water_c - np.minimum(20.0, 20.0 * asked / plan.heat_max_w)
        self._pay(is_on, outdoor, returns)
        self._book(is_on, asked)
        self._show(is_on, setpoint, returns)

    def _orders(self, outdoor: Array, held: Array) -> tuple[Array, Array]:
        own = self.own
        is_on = follow(held[0], outdoor < own["heating_limit_c"]) >= 0.5
        warm = np.minimum(1.0, np.maximum(0.0, (outdoor + 5.0) / 23.0))
        return is_on, follow(held[1], own["hot_water_c"] - own["hot_water_reset_k"] * warm)

    def _pay(self, is_on: Array, outdoor: Array, returns: Array) -> None:
        plan = self.plan
        self.power_w[1] = is_on * plan.pump_w
        if plan.source == BOILER:
            gain = 0.12 * np.minimum(1.0, np.maximum(0.0, (CONDENSING_C - returns) / 25.0))
            self.gas_w = self.heat_w / (plan.efficiency + gain)
        else:
            hot, cold = self.water_c + 5.0, outdoor - 8.0
            cop = CARNOT_SHARE * (hot + 273.15) / np.maximum(hot - cold, 15.0)
            self.power_w[0] = self.heat_w / cop

    def _book(self, is_on: Array, asked: Array) -> None:
        """Idle: kept hot, and nobody takes 2 % of what it can give."""
        is_idle = is_on & (asked < 0.02 * self.plan.heat_max_w)
        spent = self.gas_w + self.power_w.sum(axis=0)
        self.books.idle(self.plan.machine, is_on * SUB_STEP_S, is_idle * SUB_STEP_S, spent * is_idle * SUB_STEP_S)
        self.books.add(f"starts/{self.plan.machine}", (is_on & ~self._was_on) * 1.0)
        self._was_on = is_on

    def _show(self, is_on: Array, setpoint: Array, returns: Array) -> None:
        power = self.power_w.sum(axis=0) / 1000.0
        rows = (is_on, is_on, setpoint, self.water_c, returns, self.gas_w / 1000.0, self.heat_w / 1000.0, power)
        for row, value in enumerate(rows):
            self.values[row] = value


ROLES = (
    "on_off_command",
    "on_off_status",
    "leaving_hot_water_temperature_setpoint",
    "leaving_hot_water_temperature",
    "entering_hot_water_temperature",
    "gas_power",
    "thermal_power",
    "electric_power",
    "electric_energy",
)
