"""The steps of a data room in which all that the planner needs was known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.equipment.systems import RoomSystem
from agent.features.grid import STEP_S, Grid, day_kind_of, fill, slot_of
from agent.learn.air import Breath

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

UPS_SHARE = 0.05
"""Loss of a UPS that no meter sees (our assumption)."""
STILL = (0.06, 0.6, 0.06, 0.06)
"""A set-point that moved by no more than this within a step stood still; K, %, K, K."""
CALM_SHARE = 0.02
EVEN_SPEED = 0.06
"""The largest move of fans after which a step still tells how the racks breathe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomHistory:
    """Steps in time's order, [t], [t, racks] or [t, knobs]."""

    step: npt.NDArray[np.int64]
    """Number of the step; neighbours differ by one."""
    end_unix_s: Array
    slot: npt.NDArray[np.int64]
    day_kind: npt.NDArray[np.int64]
    inlet: Array
    supply: Array
    """Air as it comes, all CRACs mixed."""
    back: Array
    speed: Array
    """0..1, mean of all CRACs; one that rests counts as 0."""
    fan: Array
    cool: Array
    """Electricity of compressors, or of the plant that serves the room."""
    room_kw: Array
    """Servers and their UPS."""
    outdoor: Array
    knobs: Array
    """Set-points in force: supply C, speed 0..1, and with a plant chilled and condenser water C, those that move."""
    water: Array
    """Chilled water as it comes; NaN without a plant."""
    is_settled: Flags
    """No set-point moved in this step nor just before it."""
    is_even: Flags
    """None but the fans', and that by no more than a trial: what their air does shows at once."""

    def __len__(self) -> int:
        return len(self.step)

    def where(self, rows: Flags) -> RoomHistory:
        return RoomHistory(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})

    @property
    def heat_kw(self) -> Array:
        return self.room_kw + self.fan

    def taken_kw(self, stream_kw_k: float) -> Array:
        """Heat that the coils took from the air, by its warmth."""
        return np.asarray(stream_kw_k * self.speed * self.rise)

    @property
    def rise(self) -> Array:
        return self.back - self.supply

    @property
    def share(self) -> Array:
        """Of return air in each inlet, [t, r]."""
        return np.asarray((self.inlet - self.supply[:, None]) / self.rise[:, None])

    @property
    def breath(self) -> Breath:
        return Breath(speed=self.speed, load_kw=self.room_kw, inlet_c=self.inlet, share=self.share)

    @property
    def calm(self) -> RoomHistory:
        """Where what the air takes did not jump: else the return says nothing about the inlets."""
        taken = self.rise * self.speed
        calm = self.is_even & (np.abs(np.diff(taken, prepend=taken[:1])) <= CALM_SHARE * taken)
        return self.where(calm if calm.any() else self.is_even)

    @property
    def stream_kw_k(self) -> float:
        """Heat carried a kelvin at full fan speed."""
        return float(np.median(self.room_kw / np.maximum(self.rise * self.speed, 0.05)))


def history_of(grid: Grid, system: RoomSystem, site: str, utc_offset_h: float) -> RoomHistory:
    """Its steps; none where a column is missing."""
    supply, back, speed, fan, compressor, supply_set, speed_set = _of_cracs(grid, system)
    it = grid.mean(f"{system.room}.it_power")
    room_kw = grid.mean(f"{system.it_meter}.electric_power") if system.it_meter else it * (1.0 + UPS_SHARE)
    plant_kw = grid.mean(f"{system.plant}.electric_power") if system.plant else np.zeros(len(grid))
    inlet = np.stack([grid.mean(f"{system.room}.rack_inlet_temperature_{n + 1}") for n in range(system.racks)], axis=1)
    outdoor = fill(grid.mean(f"{site}.outdoor_air_temperature"))
    knobs = np.stack([supply_set, speed_set, *(grid.end(f"{system.plant}.{role}") for role in system.water)], axis=1)
    must = np.column_stack((inlet, supply, back, speed, fan, compressor + plant_kw, room_kw, outdoor, knobs))
    known = np.isfinite(must).all(axis=1) & (back - supply > 1.0) & (speed > 0.05) & (room_kw > 0.0)
    start = grid.end_unix_s - STEP_S + 1.0
    water = grid.mean(f"{system.plant}.leaving_chilled_water_temperature") if system.plant else np.full_like(it, np.nan)
    return RoomHistory(
        step=np.round(grid.end_unix_s / STEP_S).astype(np.int64),
        end_unix_s=grid.end_unix_s,
        slot=slot_of(start, utc_offset_h),
        day_kind=day_kind_of(start, utc_offset_h),
        inlet=inlet,
        supply=supply,
        back=back,
        speed=speed,
        fan=fan,
        cool=compressor + plant_kw,
        room_kw=room_kw,
        outdoor=outdoor,
        knobs=knobs,
        water=water,
        is_settled=_unmoved(knobs, still_of(knobs.shape[1])),
        is_even=_unmoved(knobs, np.array([STILL[0], EVEN_SPEED, *STILL[2:]])[: knobs.shape[1]]),
    ).where(known)


def _of_cracs(grid: Grid, system: RoomSystem) -> tuple[Array, ...]:
    """Mixed supply and return air, mean speed, fans, compressors, set-points; each [t]."""

    def of(role: str) -> Array:
        return np.stack([grid.mean(f"{crac}.{role}") for crac in system.cracs], axis=1)

    def end(role: str) -> Array:
        return np.stack([grid.end(f"{crac}.{role}") for crac in system.cracs], axis=1)

    told, wished = of("fan_speed") / 100.0, end("fan_speed_setpoint") / 100.0
    wished = _first_known(wished, told, np.ones_like(told))  # A fan that nobody speaks of runs at one speed.
    speed = _first_known(told, wished)
    off = of("on_off_status") < 0.5  # Unknown counts as running.
    speed = np.where(off, 0.0, speed)
    weight = speed / np.maximum(speed.sum(axis=1, keepdims=True), 1e-6)

    def mixed(values: Array) -> Array:
        return np.asarray(np.where(weight > 0.0, weight * values, 0.0).sum(axis=1))

    fan, whole, compressor = of("fan_power"), of("electric_power"), of("compressor_power")
    fan = np.where(np.isfinite(fan), fan, whole - compressor)
    compressor = np.where(np.isfinite(compressor), compressor, np.maximum(0.0, whole - fan))
    if system.plant:
        compressor = np.nan_to_num(compressor)
    return (
        mixed(of("supply_air_temperature")),
        mixed(of("return_air_temperature")),
        speed.mean(axis=1),
        fan.sum(axis=1),
        compressor.sum(axis=1),
        mixed(_first_known(end("supply_air_temperature_setpoint"), of("supply_air_temperature"))),
        wished.mean(axis=1),
    )


def _first_known(*columns: Array) -> Array:
    """Of these columns, machine by machine, the first that was ever seen."""
    out = columns[-1]
    for column in columns[-2::-1]:
        out = np.where(np.isfinite(column).any(axis=0), column, out)
    return np.asarray(out)


def _unmoved(knobs: Array, by: Array) -> Flags:
    """Against the step before: air and water take some minutes to follow."""
    same = np.zeros(len(knobs), bool)
    same[1:] = (np.abs(np.diff(knobs, axis=0)) <= by).all(axis=1)
    return same


def still_of(knobs: int) -> Array:
    """A knob that moved by no more than this stood still; [knobs]."""
    return np.array((STILL[0], STILL[1] / 100.0, *STILL[2:]))[:knobs]
