"""A floor of zones behind one variable-volume air handler, with the clock and the loops that run it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from simulator.parts import SUB_STEP_S, Array, Own, follow
from simulator.physics import airside
from simulator.physics.airside import AirHandler, Airstream, condition
from simulator.physics.comfort import book_comfort
from simulator.physics.inhabited import CLOCK, COOLING_SETPOINT, HEATING_SETPOINT, ZONE_ROLES, Gains, Inhabited, percent
from simulator.physics.occupancy import People
from simulator.physics.psychrometrics import CP_AIR_J_KG_K
from simulator.physics.weather import SkyDay
from simulator.physics.zones import OUTDOOR_CO2_PPM, Inflow, ZoneNetwork
from simulator.plant import Permit, WritablePoint


class Chilled(Protocol):
    """A plant that gives chilled water; it reads `coil_w` of its clients, what they took in the sub-step before."""

    water_c: Array


class Hot(Protocol):
    """A plant that gives hot water; it reads `hot_water_w` of its clients."""

    readiness: Array
    """0..1, how much of its design heat a coil can give with this water."""


class Loop:
    """Proportional-integral loops of 0..1 that do not wind up; 0.5 a kelvin, 20 minutes (found by trying)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._integral = np.zeros(shape)

    def turn(self, error_k: Array, is_on: Array) -> Array:
        half = 0.5 * error_k
        wish = self._integral + half
        self._integral = is_on * np.minimum(1.0, np.maximum(0.0, self._integral + half * (SUB_STEP_S / 1200.0)))
        return np.minimum(1.0, np.maximum(0.0, wish))


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPlan:
    """What a floor is; arrays as in `ZoneNetwork`."""

    ahu: str
    zones: tuple[str, ...]
    facing: tuple[str, ...]
    """Facade of each zone, `FACADES_DEG`."""
    network: ZoneNetwork
    handler: AirHandler
    flow_min_kg_s: Array
    flow_max_kg_s: Array
    reheat_max_w: Array
    gains: Gains
    heating_from: str = "heat-pump"
    """Where the reheat comes from: the machine's heat pump, hot-water, electric."""


class Floor(Inhabited):
    """Zones, dampers, fan, coils, and ordinary control: a clock for the fan, set-points by hours, night frost guard."""

    OWN: ClassVar = CLOCK | {
        "start_h": Own(5.0, 0.0, 24.0, "the air handler's clock switches on, h"),
        "stop_h": Own(21.0, 0.0, 24.0, "and off, h"),
        "supply_c": Own(14.0, 5.0, 35.0, "supply air, C"),
        "supply_reset_k": Own(0.0, 0.0, 8.0, "supply air rises by so much as it gets cold outdoors (24 to 10 C), K"),
        "night_low_c": Own(15.0, 5.0, 35.0, "a colder zone starts the machine at night, until all are 1 K above, C"),
    }

    def __init__(
        self,
        plan: FloorPlan,
        people: People,
        zones: slice,
        own: dict[str, float] | None = None,
        *,
        chilled: Chilled | None = None,
        hot: Hot | None = None,
    ) -> None:
        """`zones`: our zones of `people`. `chilled`, `hot`: where coils without DX get their water."""
        self.plan = plan
        self.points = _points(plan)
        self.writable = _writable(plan)
        self.permits = _permits(plan)
        zone = {"kind": "zone", "served_by": plan.ahu, "comfort_low_c": 20.5, "comfort_high_c": 25.5}
        self.equipment: dict[str, dict[str, Any]] = {name: dict(zone) for name in plan.zones}
        self.equipment[plan.ahu] = {"kind": "ahu"}
        self.burns_gas = airside.GAS in (plan.handler.heating, plan.heating_from)
        self.uses = ("fan", "cooling", "heating", "plug")
        self.ailments = {"fouled-filter": (plan.ahu,), "stuck-valve": (plan.ahu,)}
        super().__init__(plan, people, zones, own)
        self.hot_water_w = self.coil_w = np.zeros(self.worlds)
        """`coil_w`, `hot_water_w`: heat asked of water plants in the last sub-step."""
        self.chilled, self.hot = chilled, hot
        self._nothing = np.zeros(self.worlds)
        self._flow_span = plan.flow_max_kg_s - plan.flow_min_kg_s
        self._cool, self._warm = Loop(plan.flow_min_kg_s.shape), Loop(plan.flow_min_kg_s.shape)
        self._was_on = np.zeros(self.worlds, bool)
        self._night = np.zeros(self.worlds)
        self._loss, self._valve = 0.0, None
        self._n = len(plan.zones)

    def ail(self, kind: str, equipment: str, size: float | None) -> None:
        if kind == "fouled-filter":
            self._loss = size or 0.0
        else:
            self._valve = None if size is None else np.full(self.worlds, size)

    def advance(self, minute: int, sky: SkyDay, held: Array) -> None:
        outdoor, damp = sky.outdoor_c[minute], sky.humidity_kg_kg[minute]
        people, plug = self._crowd[minute], self._plug_w[minute]
        is_on, heating, cooling, supply_c = self._orders(minute, outdoor, held)
        opening = self._cool.turn(self.zones.air_c - cooling, is_on)
        valve = self._warm.turn(heating - self.zones.air_c, is_on)
        plan = self.plan
        wide = plan.flow_min_kg_s + opening * self._flow_span
        if self._loss:
            wide = wide * (1.0 - self._loss)
        total = wide.sum(axis=0)
        share = wide / total
        air = self._condition(total, share, outdoor, damp, supply_c)
        reheat = valve * plan.reheat_max_w * is_on
        if self.hot is not None and plan.heating_from == airside.HOT_WATER:
            reheat = reheat * self.hot.readiness
        self.flow_kg_s = flow = wide * is_on
        self._settle(air, is_on, reheat, outdoor)
        back_ppm = (share * self.zones.co2_ppm).sum(axis=0)
        supply_ppm = back_ppm + air.fresh * (OUTDOOR_CO2_PPM - back_ppm)
        self.zones.advance(
            minute,
            self._gains,
            Inflow(
                outdoor_c=outdoor,
                outdoor_kg_kg=damp,
                flow_kg_s=flow,
                supply_c=air.supply_c,
                supply_kg_kg=air.supply_kg_kg,
                supply_ppm=supply_ppm,
                heat_w=reheat,
            ),
        )
        self.power_w[3] = plug.sum(axis=0)
        self._book(people, is_on)
        self._show(people, flow, air, is_on, heating, cooling, supply_c)

    def _orders(self, minute: int, outdoor: Array, held: Array) -> tuple[Array, Array, Array, Array]:
        """Fan on [worlds], heating and cooling set-points [zones, worlds], supply air [worlds]: own or remote."""
        own, n = self.own, self._n
        in_hours, heating, cooling = self.clock_orders(minute, held)
        coldest = self.zones.air_c.min(axis=0)
        self._night = (coldest < own["night_low_c"] + self._night) * 1.0
        is_on = follow(held[2 * n], in_hours | (self._night > 0.0)) >= 0.5
        supply = own["supply_c"]
        if own["supply_reset_k"]:
            supply = supply + own["supply_reset_k"] * np.minimum(1.0, np.maximum(0.0, (24.0 - outdoor) / 14.0))
        return is_on, heating, cooling, follow(held[2 * n + 1], supply)

    def _condition(self, total: Array, share: Array, outdoor: Array, damp: Array, supply_c: Array) -> Airstream:
        """The air handler's sub-step, were it on; `share` of each zone in the return air."""
        coldest = None if self.chilled is None else self.chilled.water_c + airside.WATER_APPROACH_K
        return condition(
            self.plan.handler,
            total,
            (share * self.zones.air_c).sum(axis=0),
            (share * self.zones.humidity_kg_kg).sum(axis=0),
            outdoor,
            damp,
            supply_c,
            coldest_c=coldest,
            valve=self._valve,
        )

    def _settle(self, air: Airstream, is_on: Array, reheat: Array, outdoor: Array) -> None:
        """Powers, and what water plants have to give."""
        handler, reheat_w = self.plan.handler, reheat.sum(axis=0)
        cooling_w, heating_w = air.cooling_w * is_on, air.heating_w * is_on
        self.coil_w = cooling_w
        stream = air.flow_kg_s * is_on * CP_AIR_J_KG_K
        self.power_w[0] = air.fan_w * is_on
        if handler.cooling == airside.DX:
            self.power_w[1] = handler.cooling_w(cooling_w, outdoor, air.supply_c)
        asked = dict.fromkeys(airside.HEAT_SOURCES, 0.0)
        asked[handler.heating] = heating_w
        asked[self.plan.heating_from] = asked[self.plan.heating_from] + reheat_w
        self.power_w[2] = handler.heating_w(asked[airside.HEAT_PUMP], outdoor) + asked[airside.ELECTRIC]
        self.hot_water_w = self._nothing + asked[airside.HOT_WATER]
        self.gas_w = self._nothing + asked[airside.GAS] / airside.BURNER_EFFICIENCY
        if self.zones.is_ledger_kept:
            self.zones.ledger_j["outdoor_air"] = self.zones.ledger_j.get("outdoor_air", 0.0) + (
                stream * air.fresh * (outdoor - air.return_c) * SUB_STEP_S
            )

    def _book(self, people: Array, is_on: Array) -> None:
        zones, books = self.zones, self.books
        book_comfort(books, zones.air_c, zones.humidity_kg_kg, zones.co2_ppm, people, is_on)
        if is_on.any():
            idle_s = (is_on & ~(people > 0.0).any(axis=0)) * SUB_STEP_S
            books.idle(self.plan.ahu, is_on * SUB_STEP_S, idle_s, self.power_w[:3].sum(axis=0) * idle_s)
            books.add(f"starts/{self.plan.ahu}", (is_on & ~self._was_on) * 1.0)
        self._was_on = is_on

    def _show(
        self, people: Array, flow: Array, air: Airstream, is_on: Array, heating: Array, cooling: Array, supply_c: Array
    ) -> None:
        zones, values, r = self.zones, self.values, len(ZONE_ROLES)
        ahu = self._n * r
        power = self.power_w[:3] / 1000.0
        values[2:ahu:r] = flow
        values[ahu + 5] = flow.sum(axis=0)
        values[ahu + 6 : ahu + 9] = power
        values[ahu + 9] = power.sum(axis=0)
        if not self.is_told:
            return
        self.show_zones((zones.air_c, people, flow, zones.co2_ppm, percent(zones), heating, cooling))
        rest = zones.air_c.mean(axis=0)
        values[ahu] = values[ahu + 1] = is_on
        values[ahu + 2] = np.where(is_on, air.supply_c, rest)
        values[ahu + 3] = np.where(is_on, air.return_c, rest)
        values[ahu + 4] = supply_c


AHU_ROLES = (
    "on_off_command",
    "on_off_status",
    "supply_air_temperature",
    "return_air_temperature",
    "supply_air_temperature_setpoint",
    "supply_air_flow",
    "fan_power",
    "cooling_power",
    "heating_power",
    "electric_power",
    "electric_energy",
)


def _points(plan: FloorPlan) -> tuple[str, ...]:
    zones = tuple(f"{zone}.{role}" for zone in plan.zones for role in ZONE_ROLES)
    return zones + tuple(f"{plan.ahu}.{role}" for role in AHU_ROLES)


def _writable(plan: FloorPlan) -> dict[str, WritablePoint]:
    """Each device's own range."""
    return {
        **{f"{zone}.{HEATING_SETPOINT}": WritablePoint(12.0, 25.0) for zone in plan.zones},
        **{f"{zone}.{COOLING_SETPOINT}": WritablePoint(18.0, 32.0) for zone in plan.zones},
        f"{plan.ahu}.on_off_command": WritablePoint(0.0, 1.0),
        f"{plan.ahu}.supply_air_temperature_setpoint": WritablePoint(12.0, 22.0),
    }


def _permits(plan: FloorPlan) -> dict[str, Permit]:
    """What an agent may do: our choice."""
    seen = {zone: (f"{zone}.zone_air_temperature",) for zone in plan.zones}
    all_seen = tuple(point for points in seen.values() for point in points)
    return {
        **{f"{z}.{HEATING_SETPOINT}": Permit(16.0, 23.0, 6.0, 600.0, seen[z]) for z in plan.zones},
        **{f"{z}.{COOLING_SETPOINT}": Permit(21.0, 30.0, 6.0, 600.0, seen[z]) for z in plan.zones},
        f"{plan.ahu}.on_off_command": Permit(0.0, 1.0, 1.0, 900.0, all_seen),
        f"{plan.ahu}.supply_air_temperature_setpoint": Permit(12.0, 20.0, 2.0, 600.0, all_seen),
    }
