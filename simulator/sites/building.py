"""Draws buildings: nominal parameters, each moved by the seed of its world, so that no two are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.parts import Array, Dice, Part
from simulator.physics.airside import AirHandler
from simulator.physics.chillers import ChillerPlan
from simulator.physics.dataroom import HallPlan, Racks
from simulator.physics.electrical import Battery, BatteryPlan, Pv
from simulator.physics.floor import FloorPlan
from simulator.physics.hotwater import HotWaterPlan
from simulator.physics.inhabited import Gains
from simulator.physics.lifts import LiftPlan
from simulator.physics.packaged import PackagedPlan
from simulator.physics.psychrometrics import CP_AIR_J_KG_K
from simulator.physics.zones import ZoneNetwork

FACING = ("north", "east", "south", "west")
"""zone1 .. zone4, and again from there."""

ZONE_M2 = 200.0
ZONE = {
    "window_w_k": 45.0,
    "wall_w_k": 20.0,
    "infiltration_kg_s": 0.035,
    "neighbor_w_k": 35.0,
    "air_j_k": 3.6e6,
    "mass_j_k": 4.5e7,
    "air_mass_w_k": 1300.0,
    "aperture_m2": 8.0,
    "flow_max_kg_s": 1.15,
    "reheat_max_w": 6500.0,
}
"""A zone of 200 m2, 600 m3: 32 m2 of glass at 1.3 W/(m2 K); capacity of heavy floors, as EN ISO 13790 orders them."""
FLOW_MIN_KG_S = 0.28
VOLUME_M3 = 600.0
LIGHT_W = 1600.0
"""8 W/m2 on 200 m2 (our assumption)."""
PLUG_BASE_W = 400.0

FAN_DESIGN_W, FAN_DESIGN_KG_S = 7200.0, 4.4
"""2 kW a m3/s at design flow, for four zones."""
OUTDOOR_AIR_KG_S = 0.70
"""12 l/s a person, for four zones of twelve."""
COOLING_MAX_W, HEATING_MAX_W = 58_000.0, 25_000.0
RTU_KG_S, RTU_COOLING_W, RTU_HEATING_W = 0.95, 17_500.0, 20_000.0
"""Of a roof-top unit on 200 m2: 5 tons of refrigeration, and 0.95 kg/s or 1,680 cfm (our assumption)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """How a building differs from the nominal one; every number is a factor."""

    insulation: float = 1.0
    """On losses through glass and walls: below 1 is tighter."""
    mass: float = 1.0
    glass: float = 1.0
    gains: float = 1.0


def zones(dice: Dice, count: int, area_m2: float = ZONE_M2, fabric: Fabric | None = None) -> dict[str, Array]:
    """Parameters by name, [count, worlds]."""
    size, fabric = area_m2 / ZONE_M2, fabric or Fabric()
    factor = {
        "window_w_k": fabric.insulation,
        "wall_w_k": fabric.insulation,
        "infiltration_kg_s": fabric.insulation,
        "mass_j_k": fabric.mass,
        "aperture_m2": fabric.glass,
    }
    nominal = {name: value * size * factor.get(name, 1.0) for name, value in ZONE.items()}
    rows = [{name: dice(value) for name, value in nominal.items()} for _ in range(count)]
    return {name: np.stack([row[name] for row in rows]) for name in ZONE}


def network(drawn: Mapping[str, Array], area_m2: float = ZONE_M2) -> ZoneNetwork:
    parts = {name: drawn[name] for name in ZONE if name not in ("flow_max_kg_s", "reheat_max_w")}
    return ZoneNetwork(**parts, volume_m3=np.full_like(drawn["air_j_k"], VOLUME_M3 * area_m2 / ZONE_M2))


def air_handler(dice: Dice, zone_count: int = 4, area_m2: float = ZONE_M2, **kinds: Any) -> AirHandler:
    """Sized for so many zones; `kinds` as `AirHandler` names them (cooling, heating, economizer, is_coil_wet)."""
    size = zone_count * area_m2 / (4.0 * ZONE_M2)
    fan_w, cooling_cop, heating_cop = dice(FAN_DESIGN_W * size), dice(3.1), dice(3.2)
    same = np.ones_like(fan_w)
    return AirHandler(
        fan_design_w=fan_w,
        fan_design_kg_s=FAN_DESIGN_KG_S * size * same,
        fan_floor=0.12,
        outdoor_air_kg_s=OUTDOOR_AIR_KG_S * size * same,
        cooling_max_w=COOLING_MAX_W * size * same,
        heating_max_w=HEATING_MAX_W * size * same,
        cooling_cop=cooling_cop,
        heating_cop=heating_cop,
        **kinds,
    )


def floor_plan(
    drawn: Mapping[str, Array],
    handler: AirHandler,
    gains: Gains,
    *,
    ahu: str = "ahu1",
    first_zone: int = 1,
    area_m2: float = ZONE_M2,
    heating_from: str = "heat-pump",
) -> FloorPlan:
    """One air handler over all zones of `drawn`."""
    count = len(drawn["air_j_k"])
    return FloorPlan(
        ahu=ahu,
        zones=tuple(f"zone{first_zone + n}" for n in range(count)),
        facing=tuple(FACING[n % 4] for n in range(count)),
        network=network(drawn, area_m2),
        handler=handler,
        flow_min_kg_s=np.full_like(drawn["air_j_k"], FLOW_MIN_KG_S * area_m2 / ZONE_M2),
        flow_max_kg_s=drawn["flow_max_kg_s"],
        reheat_max_w=drawn["reheat_max_w"],
        gains=gains,
        heating_from=heating_from,
    )


def gains(light_w: Array, base_w: Array, count: int) -> Gains:
    """The same lights and plugs in each zone; arrays [worlds]."""
    return Gains(light_w=np.tile(light_w, (count, 1)), base_w=np.tile(base_w, (count, 1)))


def packaged(
    dice: Dice,
    drawn: Mapping[str, Array],
    gains: Gains,
    *,
    area_m2: float = ZONE_M2,
    heating: str = "gas",
    **kinds: Any,
) -> PackagedPlan:
    """One roof-top unit a zone of `drawn`, sized for it."""
    count, size = len(drawn["air_j_k"]), area_m2 / ZONE_M2
    drawn_units = [(dice(1400.0 * size), dice(3.2), dice(3.2)) for _ in range(count)]
    fan_w, cooling_cop, heating_cop = (np.stack([row[n] for row in drawn_units]) for n in range(3))
    same = np.ones_like(fan_w)
    handler = AirHandler(
        fan_design_w=fan_w,
        fan_design_kg_s=RTU_KG_S * size * same,
        fan_floor=0.0,
        outdoor_air_kg_s=OUTDOOR_AIR_KG_S / 4.0 * size * same,
        cooling_max_w=RTU_COOLING_W * size * same,
        heating_max_w=RTU_HEATING_W * size * same,
        heating=heating,
        cooling_cop=cooling_cop,
        heating_cop=heating_cop,
        is_coil_wet=True,
        **kinds,
    )
    return PackagedPlan(
        units=tuple(f"ahu{1 + n}" for n in range(count)),
        zones=tuple(f"zone{1 + n}" for n in range(count)),
        facing=tuple(FACING[n % 4] for n in range(count)),
        network=network(drawn, area_m2),
        handler=handler,
        flow_kg_s=RTU_KG_S * size * same,
        gains=gains,
    )


RACK_W = (12_500.0, 16_500.0, 18_000.0, 13_000.0)
"""Compute power of each rack at nominal load, and again from there."""
CRAC_KG_S = 8.4
SERVER_K = 11.0
"""Rise of the air through the servers at the floor of their fan speed (our assumption)."""


def hall(dice: Dice, racks: int = 4, cracs: int = 1, **kinds: Any) -> HallPlan:
    """Racks, CRACs sized for all of them (one more than needed where there are several), UPS."""
    watts = [RACK_W[n % 4] for n in range(racks)]
    size = sum(watts) / sum(RACK_W)
    tiles = [dice(1.0) * w for w in watts]
    rows = [_rack(dice, w) for w in watts]
    whole = sum(tiles)
    each = size / max(1, cracs - 1)
    return HallPlan(
        racks=Racks(
            flow_ref_kg_s=np.stack([row[0] for row in rows]),
            fan_ref_w=np.stack([row[1] for row in rows]),
            leak=np.stack([row[2] for row in rows]),
            tile=np.stack([tile / whole for tile in tiles]),
        ),
        cracs=cracs,
        room_j_k=dice(2.4e6 * size),
        wall_w_k=dice(120.0 * size),
        flow_max_kg_s=dice(CRAC_KG_S * each),
        fan_max_w=dice(5600.0 * each),
        cooling_max_w=110_000.0 * each,
        carnot_share=dice(0.40),
        ups_fixed_w=dice(1200.0 * size),
        ups_share=dice(0.035),
        **kinds,
    )


def _rack(dice: Dice, compute_w: float) -> tuple[Array, Array, Array]:
    """Air for the nominal power at the floor speed of 0.5; fans of 3 % of the power there; leak."""
    flow = dice(compute_w / (CP_AIR_J_KG_K * SERVER_K) / 0.5)
    return flow, dice(compute_w * 0.03 / 0.5**3), dice(0.07)


def rack_w(dice: Dice, racks: int = 4) -> Array:
    """Nominal compute power, [racks, worlds]."""
    return np.stack([dice(RACK_W[n % 4]) for n in range(racks)])


def lifts(dice: Dice, cars: int = 4, **kinds: Any) -> LiftPlan:
    return LiftPlan(cars=cars, run_wh=dice(20.0), standing_w=dice(420.0), sleeping_w=dice(40.0), **kinds)


def chillers(dice: Dice, chillers: int, capacity_w: float, **kinds: Any) -> ChillerPlan:
    """`capacity_w` of one; by kW of cooling 25 W to pump, 12 W of tower fans, 6.5 l of water (our assumptions)."""
    one = dice(capacity_w)
    return ChillerPlan(
        chillers=chillers,
        capacity_w=one,
        cop=dice(5.0),
        primary_w=0.008 * one,
        secondary_w=0.012 * one * chillers,
        condenser_pump_w=0.015 * one,
        tower_fan_w=0.012 * one * chillers,
        loop_j_k=27.0 * one * chillers,
        **kinds,
    )


def boiler(dice: Dice, heat_max_w: float, **kinds: Any) -> HotWaterPlan:
    heat = dice(heat_max_w)
    return HotWaterPlan(heat_max_w=heat, water_j_k=80.0 * heat, loss_w_k=0.0003 * heat, pump_w=0.006 * heat, **kinds)


def sources(pv_kw: float, battery_kwh: float, parts: Sequence[Part], worlds: int, own: dict[str, float]) -> list[Part]:
    """Solar cells and a battery behind the same meter as `parts`, where there are any."""
    same = np.ones(worlds)
    found: list[Part] = [Pv(1000.0 * pv_kw * same)] if pv_kw else []
    if battery_kwh:
        plan = BatteryPlan(capacity_j=3.6e6 * battery_kwh * same, power_w=500.0 * battery_kwh * same)
        found.append(Battery(plan, [*parts, *found], own))
    return found
