"""A data hall: racks whose servers breathe, CRACs or CRAHs that feed them, and the UPS. Arrays [racks, worlds]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from simulator.books import INLET_MAX_C
from simulator.parts import SUB_STEP_S, Array, Own, Part, follow
from simulator.physics.comfort import DAMP_KG_KG, DEW_POINT_MAX_C
from simulator.physics.psychrometrics import CP_AIR_J_KG_K, LATENT_J_KG, dew_point, saturated
from simulator.physics.weather import SkyDay
from simulator.plant import Permit, WritablePoint

INLET_LAG_S = 120.0
"""Air and metal in front of a rack follow the mix with this lag (our assumption)."""
COIL_LAG_S = 240.0
"""The supply air follows its set-point with this lag (our assumption)."""
EXCESS_AIR = 1.3
"""A CRAC idles in so far as it moves more than this times the servers' air."""
SHORT_AIR = 1.05
WATER_APPROACH_K = 3.0
"""A chilled-water coil brings air no nearer than this to the entering water (our assumption)."""
LEAK_KG_S = 0.02
"""Outdoor air into the hall, which is kept tight (our assumption); it carries the only moisture there is."""
SURFACE_K = 4.0
"""A wet coil's surface lies so far below its supply air, halfway to the evaporation, unless its water is warmer."""
DRY_KG_KG = 0.0057
"""Air of a dew point below 5.7 C wets no coil we have."""


class Chilled(Protocol):
    water_c: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Racks:
    """Parameters, each [racks, worlds]."""

    flow_ref_kg_s: Array
    """Air drawn by the servers at full fan speed."""
    fan_ref_w: Array
    """Server fans at full speed."""
    leak: Array
    """Share of the inlet that comes round from behind, whatever the CRACs do."""
    tile: Array
    """Share of the CRACs' air that is laid before this rack; sums to 1 over the racks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HallPlan:
    """Parameters of hall, coolers and UPS, arrays [worlds]."""

    racks: Racks
    cracs: int = 1
    room_j_k: Array
    """Air and light metal: minutes of inertia."""
    wall_w_k: Array
    surround_c: float = 23.0
    """The rooms around (our assumption)."""
    flow_max_kg_s: Array
    """Of each CRAC."""
    fan_max_w: Array
    cooling_max_w: float
    carnot_share: Array
    """Compressor COP over Carnot's (our assumption: about 0.4 for small scroll machines)."""
    approach_evaporator_k: float = 8.0
    """Evaporation below the supply air."""
    approach_condenser_k: float = 12.0
    """Condensation above outdoors."""
    condenser_min_c: float = 25.0
    """Head pressure control keeps condensation above this in winter."""
    ups_fixed_w: Array
    ups_share: Array
    """Loss in proportion to the load."""
    ups_square: float = 0.0
    """Loss that grows with the square of the load, over `ups_rated_w` (our assumption: about 0.01)."""
    ups_rated_w: float = 1.0
    pdu_share: float = 0.0
    """Loss of the distribution behind the UPS, in proportion."""
    is_coil_wet: bool = False
    """Coils below the dew point dry the air, and that heat has to be paid for."""
    server_fan_floor: float = 0.50
    """Server fan speed below `server_fan_knee_c`."""
    server_fan_knee_c: float = 23.0
    server_fan_per_k: float = 0.030
    """Rise of the speed a kelvin above the knee (our assumption; makers' curves begin between 22 and 25 C)."""

    def server_speed(self, inlet_c: Array) -> Array:
        """Server fan speed, 0..1."""
        above = np.maximum(0.0, inlet_c - self.server_fan_knee_c)
        return np.minimum(1.0, self.server_fan_floor + self.server_fan_per_k * above)

    def compressor_w(self, heat_w: Array, supply_c: Array, outdoor_c: Array) -> Array:
        """Electricity by the lift from evaporation to condensation: a constant share of Carnot's COP."""
        cold = supply_c - self.approach_evaporator_k
        hot = np.maximum(self.condenser_min_c, outdoor_c + self.approach_condenser_k)
        cop = self.carnot_share * (cold + 273.15) / np.maximum(6.0, hot - cold)
        return heat_w / cop


class DataHall(Part):
    """Ordinary control: every CRAC runs, colder and faster than need be."""

    OWN: ClassVar = {
        "crac_supply_c": Own(17.0, 5.0, 35.0, "supply air of the CRACs, C"),
        "crac_fan_pct": Own(100.0, 30.0, 100.0, "their fans, %"),
    }

    def __init__(
        self,
        plan: HallPlan,
        load: Callable[[int], Array],
        own: dict[str, float] | None = None,
        *,
        chilled: Chilled | None = None,
    ) -> None:
        """`load`: day -> compute power without fans, W [1440, racks, worlds]. `chilled`: CRAHs, by its water."""
        self.plan, self._load, self.chilled = plan, load, chilled
        self.own = {name: entry.default for name, entry in self.OWN.items()} | (own or {})
        racks, worlds = plan.racks.leak.shape
        self.cracs = tuple(f"crac{1 + n}" for n in range(plan.cracs))
        self.inlets = tuple(f"room1.rack_inlet_temperature_{1 + n}" for n in range(racks))
        told = (f"{crac}.{role}" for crac in self.cracs for role in CRAC_ROLES)
        self.points = (*self.inlets, "room1.it_power", *told)
        self.writable, self.permits, self.equipment = _writable(self.cracs), _permits(self.cracs, self.inlets), {}
        self.equipment["room1"] = {"kind": "data_room"}
        for crac in self.cracs:
            self.equipment[crac] = {"kind": "crac", "serves": "room1", "inlet_max_c": 27.0, "it_meter": "meter2"}
            if chilled is not None:
                self.equipment[crac]["chilled_by"] = "chilled_water1"
        self.uses = ("crac_fan", "compressor", "it", "ups", "pdu")
        own_kind = "chiller-trip" if chilled is None else "stuck-valve"
        self.ailments = {"fouled-filter": self.cracs, own_kind: self.cracs}
        super().__init__(worlds)
        self.room_c = np.full(worlds, 25.0)
        self.supply_c = np.full((plan.cracs, worlds), 17.0)
        self.inlet_c = np.full((racks, worlds), 19.0)
        self.damp_kg_kg = np.full(worlds, 0.008)
        self.coil_w = np.zeros(worlds)
        """Heat that the coils take out of the air, all CRACs, latent too."""
        self.drained_kg_s = np.zeros(worlds)
        """Water that the coils take out of the air."""
        self._loss, self._is_up = np.zeros((plan.cracs, 1)), np.ones((plan.cracs, 1))
        self._valve = np.full((plan.cracs, 1), np.nan)
        self._share = 1.0 / plan.cracs

    def begin_day(self, day: int, sky: SkyDay) -> None:
        self._compute = self._load(day)

    def ail(self, kind: str, equipment: str, size: float | None) -> None:
        row = self.cracs.index(equipment)
        if kind == "fouled-filter":
            self._loss[row] = size or 0.0
        elif kind == "stuck-valve":
            self._valve[row] = np.nan if size is None else size
        else:
            self._is_up[row] = 1.0 if size is None else 0.0

    def advance(self, minute: int, sky: SkyDay, held: Array) -> None:
        n = self.plan.cracs
        setpoint = follow(held[:n], self.own["crac_supply_c"])
        percent = follow(held[n:], self.own["crac_fan_pct"])
        speed = percent / 100.0
        flow = self.plan.flow_max_kg_s * speed * (1.0 - self._loss)
        total = flow.sum(axis=0)
        plenum_c = self.supply_c[0] if n == 1 else (flow * self.supply_c).sum(axis=0) / total
        self._serve(self._compute[minute], total, plenum_c)
        fan_w = self.plan.fan_max_w * speed * speed * speed
        self._cool(flow, fan_w, sky.outdoor_c[minute], setpoint)
        self._damp(sky.humidity_kg_kg[minute])
        self._book(total, fan_w)
        self._show(setpoint, percent, fan_w)

    def _serve(self, compute_w: Array, crac_kg_s: Array, plenum_c: Array) -> None:
        """Servers draw what they want; what the tiles do not give comes round from the room."""
        plan, racks = self.plan, self.plan.racks
        speed = plan.server_speed(self.inlet_c)
        draw = racks.flow_ref_kg_s * speed
        fans = racks.fan_ref_w * speed * speed * speed
        short = np.maximum(0.0, 1.0 - crac_kg_s * racks.tile / draw)
        around = racks.leak + (1.0 - racks.leak) * short
        mixed = plenum_c + around * (self.room_c - plenum_c)
        self.inlet_c = self.inlet_c + (mixed - self.inlet_c) * (SUB_STEP_S / INLET_LAG_S)
        self.server_kg_s = draw.sum(axis=0)
        self.server_fan_w = fans.sum(axis=0)
        self.it_w = compute_w.sum(axis=0) + self.server_fan_w
        behind = self.it_w * (1.0 + plan.pdu_share)
        self.pdu_w = self.it_w * plan.pdu_share
        self.ups_w = plan.ups_fixed_w + plan.ups_share * behind
        if plan.ups_square:
            self.ups_w = self.ups_w + plan.ups_square * behind * behind / plan.ups_rated_w

    def _cool(self, flow: Array, fan_w: Array, outdoor_c: Array, setpoint_c: Array) -> None:
        """Coils and room node; a fan stands behind its coil and warms the supply."""
        plan, stream = self.plan, flow * CP_AIR_J_KG_K
        warmest = self.room_c + fan_w / stream
        wanted = np.minimum(warmest, self.supply_c + (setpoint_c - self.supply_c) * (SUB_STEP_S / COIL_LAG_S))
        if self.chilled is not None:
            coldest = np.minimum(warmest, self.chilled.water_c + WATER_APPROACH_K)
            wanted = np.maximum(wanted, coldest)
            wanted = follow(warmest - self._valve * (warmest - coldest), wanted)
        most = plan.cooling_max_w * self._is_up
        heat = np.minimum(most, stream * (warmest - wanted))
        self.supply_c = warmest - heat / stream
        into = self.it_w + self.ups_w + self.pdu_w + fan_w.sum(axis=0) - heat.sum(axis=0)
        into = into + plan.wall_w_k * (plan.surround_c - self.room_c)
        if plan.is_coil_wet:
            heat = heat + self._dry(heat, stream, most - heat)
        self.room_c = self.room_c + into * (SUB_STEP_S / plan.room_j_k)
        self.coil_w = heat.sum(axis=0)
        if self.chilled is None:
            self.compressor_w = plan.compressor_w(heat, self.supply_c, outdoor_c)
        else:
            self.compressor_w = np.zeros_like(heat)

    def _dry(self, heat: Array, stream: Array, most: Array) -> Array | float:
        """Latent heat, W: air that touches the coil leaves saturated at its surface, the rest passes by."""
        self.drained_kg_s = np.zeros(self.worlds)
        if self.damp_kg_kg.max() < DRY_KG_KG:
            return 0.0
        surface = self.supply_c - SURFACE_K
        if self.chilled is not None:
            surface = np.maximum(surface, self.chilled.water_c + 0.5 * WATER_APPROACH_K)
        touched = np.minimum(1.0, heat / (stream * np.maximum(self.room_c - surface, 0.1)))
        drained = stream / CP_AIR_J_KG_K * touched * np.maximum(0.0, self.damp_kg_kg - saturated(surface))
        latent = np.minimum(drained * LATENT_J_KG, most)
        self.drained_kg_s = latent.sum(axis=0) / LATENT_J_KG
        return latent

    def _damp(self, outdoor_kg_kg: Array) -> None:
        """Leaks bring moisture, wet coils drain it."""
        held_kg = self.plan.room_j_k / CP_AIR_J_KG_K
        gain = LEAK_KG_S * (outdoor_kg_kg - self.damp_kg_kg) - self.drained_kg_s
        self.damp_kg_kg = self.damp_kg_kg + gain * (SUB_STEP_S / held_kg)

    def _book(self, crac_kg_s: Array, fan_w: Array) -> None:
        power, books = self.power_w, self.books
        power[0], power[1] = fan_w.sum(axis=0), self.compressor_w.sum(axis=0)
        power[2], power[3], power[4] = self.it_w, self.ups_w, self.pdu_w
        books.add("server_fan_j", self.server_fan_w * SUB_STEP_S)
        hottest = self.inlet_c.max(axis=0)
        books.peak("worst_inlet_c", hottest)
        if hottest.max() > INLET_MAX_C:
            books.add("inlet_ks", np.maximum(0.0, self.inlet_c - INLET_MAX_C).sum(axis=0) * SUB_STEP_S)
        is_short = self.server_kg_s > SHORT_AIR * crac_kg_s
        if is_short.any():
            books.add("short_s", is_short * SUB_STEP_S)
        if self.damp_kg_kg.max() > DAMP_KG_KG:
            over_k = np.maximum(0.0, dew_point(self.damp_kg_kg) - DEW_POINT_MAX_C)
            books.add("humid_ks", over_k * SUB_STEP_S)
        needed = EXCESS_AIR * self.server_kg_s / crac_kg_s
        is_idle = needed < 1.0
        wasted_j = fan_w * ((1.0 - needed * needed * needed) * is_idle * SUB_STEP_S)
        running_s, idle_s = np.full(self.worlds, SUB_STEP_S), is_idle * SUB_STEP_S
        for n, crac in enumerate(self.cracs):
            books.idle(crac, running_s, idle_s, wasted_j[n])

    def _show(self, setpoint: Array, percent: Array, fan_w: Array) -> None:
        values, racks, r = self.values, len(self.inlets), len(CRAC_ROLES)
        first = racks + 1
        values[racks] = self.it_w / 1000.0
        values[first + 6 :: r] = fan_w / 1000.0
        values[first + 7 :: r] = self.compressor_w / 1000.0
        values[first + 8 :: r] = (fan_w + self.compressor_w) / 1000.0
        if not self.is_told:
            return
        values[:racks] = self.inlet_c
        for role, row in enumerate((1.0, self.supply_c, self.room_c, setpoint, percent, percent)):
            values[first + role :: r] = row


CRAC_ROLES = (
    "on_off_status",
    "supply_air_temperature",
    "return_air_temperature",
    "supply_air_temperature_setpoint",
    "fan_speed_setpoint",
    "fan_speed",
    "fan_power",
    "compressor_power",
    "electric_power",
    "electric_energy",
)


def _writable(cracs: tuple[str, ...]) -> dict[str, WritablePoint]:
    return {
        **{f"{crac}.supply_air_temperature_setpoint": WritablePoint(14.0, 27.0) for crac in cracs},
        **{f"{crac}.fan_speed_setpoint": WritablePoint(30.0, 100.0) for crac in cracs},
    }


def _permits(cracs: tuple[str, ...], inlets: tuple[str, ...]) -> dict[str, Permit]:
    return {
        **{f"{crac}.supply_air_temperature_setpoint": Permit(16.0, 26.0, 1.0, 600.0, inlets) for crac in cracs},
        **{f"{crac}.fan_speed_setpoint": Permit(45.0, 100.0, 5.0, 600.0, inlets) for crac in cracs},
    }
