"""Roof-top units: one packaged machine a zone, constant air, a compressor that is on or off by a thermostat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from simulator.parts import SUB_STEP_S, Array, Own, follow
from simulator.physics import airside
from simulator.physics.airside import AirHandler, Airstream, condition
from simulator.physics.comfort import book_comfort
from simulator.physics.inhabited import CLOCK, COOLING_SETPOINT, HEATING_SETPOINT, ZONE_ROLES, Gains, Inhabited, percent
from simulator.physics.occupancy import People
from simulator.physics.weather import SkyDay
from simulator.physics.zones import OUTDOOR_CO2_PPM, Inflow, ZoneNetwork
from simulator.plant import Permit, WritablePoint

SWITCH_K = 0.5
"""The thermostat closes so far beyond its set-point and opens at it (our assumption; usual for two-wire ones)."""
REST_S = 300.0
"""A compressor that stopped stays off so long: short-cycling guards of packaged units are 3 to 5 minutes."""
HOTTER_PER_K = 0.008
"""Relative fall of the cooling capacity a kelvin above 35 C outdoors (our assumption)."""
COLDER_PER_K = 0.022
"""Relative fall of a heat pump's capacity a kelvin below 7 C outdoors (our assumption)."""
AUXILIARY_C = -5.0
"""Below this outdoors an electric heater helps the heat pump."""
AIM_C = 13.0
"""What an economizer tries to bring while the thermostat asks for cooling."""

RTU_ROLES = (
    "on_off_command",
    "on_off_status",
    "supply_air_temperature",
    "return_air_temperature",
    "supply_air_flow",
    "fan_power",
    "cooling_power",
    "heating_power",
    "electric_power",
    "electric_energy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedPlan:
    """Arrays [zones, worlds]; `handler`'s too, one machine a zone."""

    units: tuple[str, ...]
    zones: tuple[str, ...]
    facing: tuple[str, ...]
    network: ZoneNetwork
    handler: AirHandler
    flow_kg_s: Array
    gains: Gains


class PackagedFloor(Inhabited):
    """Zones, each with a roof-top unit; ordinary control: the fan runs all through the clock's hours, on or off."""

    OWN: ClassVar = CLOCK | {
        "start_h": Own(5.0, 0.0, 24.0, "the units' clock switches on, h"),
        "stop_h": Own(21.0, 0.0, 24.0, "and off, h"),
        "fan_auto": Own(0.0, 0.0, 1.0, "1: in the clock's hours the fan runs only while it heats or cools"),
    }

    def __init__(self, plan: PackagedPlan, people: People, zones: slice, own: dict[str, float] | None = None) -> None:
        self.plan = plan
        zone_points = tuple(f"{zone}.{role}" for zone in plan.zones for role in ZONE_ROLES)
        self.points = zone_points + tuple(f"{unit}.{role}" for unit in plan.units for role in RTU_ROLES)
        self.writable = _writable(plan)
        self.permits = _permits(plan)
        self.equipment = _equipment(plan)
        self.uses = ("fan", "cooling", "heating", "plug")
        self.burns_gas = plan.handler.heating == airside.GAS
        self.ailments = {"fouled-filter": plan.units, "chiller-trip": plan.units}
        super().__init__(plan, people, zones, own)
        shape = plan.flow_kg_s.shape
        self.stage = np.zeros(shape)
        """+1 heats, -1 cools, 0 neither."""
        self._rest_s = np.zeros(shape)
        self._was_on = np.zeros(shape, bool)
        self._loss, self._tripped = np.zeros(shape), np.zeros(shape, bool)
        self._n = len(plan.zones)

    def ail(self, kind: str, equipment: str, size: float | None) -> None:
        row = self.plan.units.index(equipment)
        if kind == "fouled-filter":
            self._loss[row] = size or 0.0
        else:
            self._tripped[row] = size is not None

    def advance(self, minute: int, sky: SkyDay, held: Array) -> None:
        outdoor, damp = sky.outdoor_c[minute], sky.humidity_kg_kg[minute]
        people, plug = self._crowd[minute], self._plug_w[minute]
        is_allowed, heating, cooling = self._orders(minute, held)
        self._switch(heating, cooling, is_allowed)
        is_auto = self.own["fan_auto"] >= 0.5
        is_on = is_allowed & (self.stage != 0.0) if is_auto else is_allowed
        flow = self.plan.flow_kg_s * (1.0 - self._loss)
        air = self._condition(flow, outdoor, damp)
        self._pay(air, is_on, outdoor)
        self.zones.advance(
            minute,
            self._gains,
            Inflow(
                outdoor_c=outdoor,
                outdoor_kg_kg=damp,
                flow_kg_s=flow * is_on,
                supply_c=air.supply_c,
                supply_kg_kg=air.supply_kg_kg,
                supply_ppm=self.zones.co2_ppm + air.fresh * (OUTDOOR_CO2_PPM - self.zones.co2_ppm),
                heat_w=np.zeros(self.worlds),
            ),
        )
        self.power_w[3] = plug.sum(axis=0)
        self._book(people, is_on)
        self._show(people, flow * is_on, air, is_allowed, is_on, heating, cooling)

    def _orders(self, minute: int, held: Array) -> tuple[Array, Array, Array]:
        """Allowed to run, heating and cooling set-points, all [zones, worlds]."""
        in_hours, heating, cooling = self.clock_orders(minute, held)
        air = self.zones.air_c
        calls = (air < heating - SWITCH_K) | (air > cooling + SWITCH_K) | (self.stage != 0.0)
        return follow(held[2 * self._n :], in_hours | calls) >= 0.5, heating, cooling

    def _switch(self, heating: Array, cooling: Array, is_allowed: Array) -> None:
        """The thermostat's contacts, with the compressor's rest."""
        air, stage = self.zones.air_c, self.stage
        cools = ((air > cooling + SWITCH_K) & (self._rest_s <= 0.0)) | ((stage < 0.0) & (air > cooling))
        heats = (air < heating - SWITCH_K) | ((stage > 0.0) & (air < heating))
        cools &= is_allowed & ~self._tripped
        heats &= is_allowed & ~cools
        stopped = (stage < 0.0) & ~cools
        self._rest_s = np.where(stopped, REST_S, self._rest_s - SUB_STEP_S)
        self.stage = heats * 1.0 - cools

    def _condition(self, flow: Array, outdoor: Array, damp: Array) -> Airstream:
        handler = self.plan.handler
        cold_w = handler.cooling_max_w * (1.0 - HOTTER_PER_K * (outdoor - 35.0))
        warm_w = handler.heating_max_w
        if handler.heating == airside.HEAT_PUMP:
            warm_w = warm_w * np.minimum(1.0, 1.0 - COLDER_PER_K * (7.0 - outdoor))
        coil = np.where(self.stage > 0.0, warm_w, 0.0) - np.where(self.stage < 0.0, cold_w, 0.0)
        aim = np.where(self.stage < 0.0, AIM_C, self.zones.air_c)
        return condition(handler, flow, self.zones.air_c, self.zones.humidity_kg_kg, outdoor, damp, aim, coil_w=coil)

    def _pay(self, air: Airstream, is_on: Array, outdoor: Array) -> None:
        """Electricity and gas of each unit, [zones, worlds], and their sums."""
        handler = self.plan.handler
        fan = air.fan_w * is_on
        cooling = handler.cooling_w(air.cooling_w * is_on, outdoor, air.supply_c)
        heat = air.heating_w * is_on
        if handler.heating == airside.GAS:
            heating = np.zeros_like(heat)
            self.gas_w = heat.sum(axis=0) / airside.BURNER_EFFICIENCY
        elif handler.heating == airside.ELECTRIC:
            heating = heat
        else:
            heating = np.where(outdoor < AUXILIARY_C, 0.5 * heat, 0.0)
            heating = heating + handler.heating_w(heat - heating, outdoor)
        self._unit_w = np.stack((fan, cooling, heating))
        self.power_w[:3] = self._unit_w.sum(axis=1)

    def _book(self, people: Array, is_on: Array) -> None:
        zones, books = self.zones, self.books
        book_comfort(books, zones.air_c, zones.humidity_kg_kg, zones.co2_ppm, people, is_on)
        is_empty = ~(people > 0.0).any(axis=0)
        unit_w = self._unit_w.sum(axis=0)
        runs = (self.stage < 0.0) & is_on
        for n, unit in enumerate(self.plan.units):
            idle_s = (is_on[n] & is_empty) * SUB_STEP_S
            books.idle(unit, is_on[n] * SUB_STEP_S, idle_s, unit_w[n] * idle_s)
            books.add(f"starts/{unit}", (runs[n] & ~self._was_on[n]) * 1.0)
        self._was_on = runs

    def _show(
        self,
        people: Array,
        flow: Array,
        air: Airstream,
        is_allowed: Array,
        is_on: Array,
        heating: Array,
        cooling: Array,
    ) -> None:
        zones, values, r, u = self.zones, self.values, len(ZONE_ROLES), len(RTU_ROLES)
        first = self._n * r
        values[2:first:r] = flow
        values[first + 4 :: u] = flow
        power = self._unit_w / 1000.0
        for role, row in zip((5, 6, 7), power, strict=True):
            values[first + role :: u] = row
        values[first + 8 :: u] = power.sum(axis=0)
        if not self.is_told:
            return
        self.show_zones((zones.air_c, people, flow, zones.co2_ppm, percent(zones), heating, cooling))
        supply = np.where(is_on, air.supply_c, zones.air_c)
        for role, row in enumerate((is_allowed, is_on, supply, zones.air_c)):
            values[first + role :: u] = row


def _equipment(plan: PackagedPlan) -> dict[str, dict[str, Any]]:
    zones = {
        zone: {"kind": "zone", "served_by": unit, "comfort_low_c": 20.5, "comfort_high_c": 25.5}
        for zone, unit in zip(plan.zones, plan.units, strict=True)
    }
    return zones | {unit: {"kind": "ahu"} for unit in plan.units}


def _writable(plan: PackagedPlan) -> dict[str, WritablePoint]:
    return {
        **{f"{zone}.{HEATING_SETPOINT}": WritablePoint(12.0, 25.0) for zone in plan.zones},
        **{f"{zone}.{COOLING_SETPOINT}": WritablePoint(18.0, 32.0) for zone in plan.zones},
        **{f"{unit}.on_off_command": WritablePoint(0.0, 1.0) for unit in plan.units},
    }


def _permits(plan: PackagedPlan) -> dict[str, Permit]:
    seen = {zone: (f"{zone}.zone_air_temperature",) for zone in plan.zones}
    pairs = list(zip(plan.units, plan.zones, strict=True))
    return {
        **{f"{z}.{HEATING_SETPOINT}": Permit(16.0, 23.0, 6.0, 600.0, seen[z]) for z in plan.zones},
        **{f"{z}.{COOLING_SETPOINT}": Permit(21.0, 30.0, 6.0, 600.0, seen[z]) for z in plan.zones},
        **{f"{unit}.on_off_command": Permit(0.0, 1.0, 1.0, 900.0, seen[zone]) for unit, zone in pairs},
    }
