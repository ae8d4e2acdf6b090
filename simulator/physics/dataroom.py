"""A small data room: racks whose servers breathe, a CRAC that feeds them, and the UPS in between."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulator.physics.office import CP_AIR_J_KG_K

Array = NDArray[np.float64]

MINUTES = 1440
INLET_LAG_S = 120.0
"""Air and metal in front of a rack follow the mix with this lag (our assumption)."""
COIL_LAG_S = 240.0
"""The supply air follows its set-point with this lag (our assumption)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rack:
    """One row of servers."""

    flow_ref_kg_s: float
    """Air drawn by the servers at full fan speed."""
    fan_ref_w: float
    """Server fans at full speed."""
    leak: float
    """Share of the inlet that comes round from behind, whatever the CRAC does."""
    tile: float
    """Share of the CRAC's air that is laid before this rack; sums to 1 over the racks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Parameters of the room, the CRAC and the UPS."""

    racks: tuple[Rack, ...]
    room_j_k: float
    """Air and light metal: minutes of inertia."""
    wall_w_k: float
    surround_c: float = 23.0
    """The rooms around (our assumption)."""
    flow_max_kg_s: float
    fan_max_w: float
    cooling_max_w: float
    carnot_share: float
    """Compressor COP over Carnot's (our assumption: about 0.4 for small scroll machines)."""
    approach_evaporator_k: float = 8.0
    """Evaporation below the supply air."""
    approach_condenser_k: float = 12.0
    """Condensation above outdoors."""
    condenser_min_c: float = 25.0
    """Head pressure control keeps condensation above this in winter."""
    ups_fixed_w: float
    ups_share: float
    """Loss in proportion to the load."""
    server_fan_floor: float = 0.50
    """Server fan speed below `server_fan_knee_c`."""
    server_fan_knee_c: float = 23.0
    server_fan_per_k: float = 0.030
    """Rise of the speed a kelvin above the knee (our assumption; makers' curves begin between 22 and 25 C)."""

    def server_speed(self, inlet_c: float) -> float:
        """Server fan speed, 0..1."""
        return min(1.0, self.server_fan_floor + self.server_fan_per_k * max(0.0, inlet_c - self.server_fan_knee_c))

    def compressor_w(self, heat_w: float, supply_c: float, outdoor_c: float) -> float:
        """Electricity by the lift from evaporation to condensation: a constant share of Carnot's COP."""
        cold = supply_c - self.approach_evaporator_k
        hot = max(self.condenser_min_c, outdoor_c + self.approach_condenser_k)
        cop = self.carnot_share * (cold + 273.15) / max(6.0, hot - cold)
        return heat_w / cop


@dataclass(slots=True)
class DataRoom:
    """State of the room."""

    room: Room
    room_c: float = 25.0
    supply_c: float = 17.0
    inlet_c: list[float] = field(default_factory=list)
    it_w: float = 0.0
    server_fan_w: float = 0.0
    server_kg_s: float = 0.0
    crac_kg_s: float = 0.0
    fan_w: float = 0.0
    compressor_w: float = 0.0
    ups_w: float = 0.0
    coil_w: float = 0.0
    """Heat the evaporator takes out of the air."""

    def __post_init__(self) -> None:
        self.inlet_c = [19.0] * len(self.room.racks)

    def advance(self, dt_s: float, compute_w: list[float], outdoor_c: float, setpoint_c: float, speed: float) -> None:
        """`compute_w` by rack without fans; `speed` of the CRAC's fan 0..1."""
        self._serve(dt_s, compute_w, self.room.flow_max_kg_s * speed)
        self.fan_w = self.room.fan_max_w * speed * speed * speed
        self._cool(dt_s, outdoor_c, setpoint_c)

    def _serve(self, dt_s: float, compute_w: list[float], crac_kg_s: float) -> None:
        """Servers draw what they want; what the tiles do not give comes round from the room."""
        room = self.room
        drawn = fans = 0.0
        for i, rack in enumerate(room.racks):
            speed = room.server_speed(self.inlet_c[i])
            draw = rack.flow_ref_kg_s * speed
            fans += rack.fan_ref_w * speed * speed * speed
            drawn += draw
            short = max(0.0, 1.0 - crac_kg_s * rack.tile / draw)
            around = rack.leak + (1.0 - rack.leak) * short
            mixed = self.supply_c + around * (self.room_c - self.supply_c)
            self.inlet_c[i] += (mixed - self.inlet_c[i]) * dt_s / INLET_LAG_S
        self.server_kg_s, self.crac_kg_s = drawn, crac_kg_s
        self.server_fan_w = fans
        self.it_w = sum(compute_w) + fans
        self.ups_w = room.ups_fixed_w + room.ups_share * self.it_w

    def _cool(self, dt_s: float, outdoor_c: float, setpoint_c: float) -> None:
        """Coil and room node; the fan stands behind the coil and warms the supply."""
        room, stream = self.room, self.crac_kg_s * CP_AIR_J_KG_K
        warmest = self.room_c + self.fan_w / stream
        wanted = min(warmest, self.supply_c + (setpoint_c - self.supply_c) * dt_s / COIL_LAG_S)
        heat = min(room.cooling_max_w, stream * (warmest - wanted))
        self.supply_c = warmest - heat / stream
        self.coil_w = heat
        self.compressor_w = room.compressor_w(heat, self.supply_c, outdoor_c)
        into = self.it_w + self.ups_w + self.fan_w - heat + room.wall_w_k * (room.surround_c - self.room_c)
        self.room_c += into * dt_s / room.room_j_k


def draw_load(days: int, nominal_w: Array, seed: int) -> Array:
    """Compute power by rack, W [minutes, racks]: a base, a working-day wave, and batch bursts in the night.

    Our assumption, after the usual shape of enterprise rooms: flat to within a fifth. Drawn day by day.
    """
    racks = len(nominal_w)
    share = np.empty((days * MINUTES, racks))
    hour = np.arange(MINUTES) / 60.0
    wave = 0.08 * np.exp(-(((hour - 14.0) / 3.5) ** 2))
    for day in range(days):
        rng = np.random.default_rng([seed, day])
        today = 0.84 + np.tile(wave[:, None], (1, racks)) + rng.normal(0.0, 0.01, size=racks)
        for _ in range(rng.poisson(3.0)):
            begin, length = int(rng.integers(0, MINUTES)), int(rng.integers(20, 120))
            today[begin : begin + length, int(rng.integers(0, racks))] += rng.uniform(0.05, 0.14)
        flutter = np.repeat(rng.normal(0.0, 0.008, size=(MINUTES // 5, racks)), 5, axis=0)
        share[day * MINUTES : (day + 1) * MINUTES] = today + flutter
    return np.clip(share, 0.5, 1.1) * nominal_w
