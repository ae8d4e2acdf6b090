"""Draws one building: nominal parameters of the office tower, each moved by the seed, so that no two are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.physics.dataroom import Rack, Room
from simulator.physics.lifts import LiftGroup
from simulator.physics.office import AirHandler, Zone

FACING = ("north", "east", "south", "west")
"""zone1 .. zone4."""
PEOPLE_PER_ZONE = 12
LIFT_FLOORS_LIKE_OURS = 10.0
"""The lifts serve ten floors as full as the one we control (our assumption)."""
LIGHT_W = 1600.0
"""8 W/m2 on 200 m2, on while anybody is in the zone (our assumption)."""
PLUG_BASE_W = 400.0
PLUG_W_PERSON = 110.0
HEAT_W_PERSON = 75.0
"""Sensible heat of a seated office worker, ASHRAE Fundamentals, chapter on nonresidential loads."""
RACK_W = (12_500.0, 16_500.0, 18_000.0, 13_000.0)
"""Compute power of each rack at nominal load."""
CRAC_KG_S = 8.4
SERVER_K = 11.0
"""Rise of the air through the servers at the floor of their fan speed (our assumption)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """Everything that stands still while the days go by."""

    zones: tuple[Zone, ...]
    ahu: AirHandler
    room: Room
    lifts: LiftGroup
    rack_w: tuple[float, ...]
    light_w: float
    plug_base_w: float


class _Dice:
    """Nominal values in, this building's values out: uniform within +- `spread`."""

    def __init__(self, seed: int, spread: float) -> None:
        self._rng = np.random.default_rng(seed)
        self._spread = spread

    def __call__(self, nominal: float) -> float:
        return nominal * (1.0 + self._spread * float(self._rng.uniform(-1.0, 1.0)))


def draw(seed: int, spread: float) -> Building:
    """The building of this seed; `spread` 0 is the nominal one."""
    dice = _Dice(seed, spread)
    return Building(
        zones=tuple(_zone(dice) for _ in FACING),
        ahu=_air_handler(dice),
        room=_room(dice),
        lifts=LiftGroup(cars=4, run_wh=dice(20.0), standing_w=dice(420.0), sleeping_w=dice(40.0)),
        rack_w=tuple(dice(w) for w in RACK_W),
        light_w=dice(LIGHT_W),
        plug_base_w=dice(PLUG_BASE_W),
    )


def _zone(dice: _Dice) -> Zone:
    """200 m2, 600 m3; 32 m2 of glass at 1.3 W/(m2 K); capacity of heavy floors, as EN ISO 13790 orders them."""
    return Zone(
        window_w_k=dice(45.0),
        wall_w_k=dice(20.0),
        infiltration_kg_s=dice(0.035),
        neighbor_w_k=dice(35.0),
        air_j_k=dice(3.6e6),
        mass_j_k=dice(4.5e7),
        air_mass_w_k=dice(1300.0),
        aperture_m2=dice(8.0),
        volume_m3=600.0,
        flow_min_kg_s=0.28,
        flow_max_kg_s=dice(1.15),
        reheat_max_w=dice(6500.0),
    )


def _air_handler(dice: _Dice) -> AirHandler:
    """2 kW a m3/s at design flow; 12 l/s of outdoor air a person; COPs of ordinary machines."""
    return AirHandler(
        fan_design_w=dice(7200.0),
        fan_design_kg_s=4.4,
        fan_floor=0.12,
        outdoor_air_kg_s=0.70,
        cooling_max_w=58_000.0,
        heating_max_w=25_000.0,
        cooling_cop=dice(3.1),
        heating_cop=dice(3.2),
    )


def _room(dice: _Dice) -> Room:
    tiles = [dice(1.0) * w for w in RACK_W]
    return Room(
        racks=tuple(_rack(dice, w, tile / sum(tiles)) for w, tile in zip(RACK_W, tiles, strict=True)),
        room_j_k=dice(2.4e6),
        wall_w_k=dice(120.0),
        flow_max_kg_s=dice(CRAC_KG_S),
        fan_max_w=dice(5600.0),
        cooling_max_w=110_000.0,
        carnot_share=dice(0.40),
        ups_fixed_w=dice(1200.0),
        ups_share=dice(0.035),
    )


def _rack(dice: _Dice, compute_w: float, tile: float) -> Rack:
    """Air for the nominal power at the floor speed of 0.5; fans of 3 % of the power there."""
    return Rack(
        flow_ref_kg_s=dice(compute_w / (1006.0 * SERVER_K) / 0.5),
        fan_ref_w=dice(compute_w * 0.03 / 0.5**3),
        leak=dice(0.07),
        tile=tile,
    )
