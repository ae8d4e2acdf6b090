"""Fits one CRAC: how its air reaches the racks, what its compressor and fan take, what the servers' fans add.

Own control mostly stands still, so priors carry what was never tried, and the fit is repeated while acting: the shares
of return air in the inlets are measured directly, as (inlet - supply) / (return - supply).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from agent.equipment.systems import CracSystem
from agent.features.grid import SLOTS, STEP_S, Grid, fill, slot_of
from agent.learn.least_squares import fit_signed
from agent.learn.parameters import CracParameters

Array = npt.NDArray[np.float64]

EVAPORATOR_K = 8.0
"""Evaporation below the supply air (our assumption, usual for DX coils)."""
CONDENSER_K = 12.0
CONDENSER_MIN_C = 25.0
"""Condensation above outdoors, and its least (our assumptions)."""
UPS_SHARE = 0.05
SERVER_KNEE_C = 23.0
SERVER_DRAW_PER_K = 0.08
"""Rise of the air drawn a kelvin above the knee (our assumption: makers' curves begin between 22 and 25 C)."""
SERVER_FAN_SHARE = 0.03
SERVER_FAN_SPREAD = 0.015
"""Prior of the fans' share of IT power at base speed, and how sure we are (our assumptions)."""
LOAD_SPREAD = 0.02
"""How far a day's load strays from the profile, relative (our assumption; a bold one spoiled the share here)."""
SHORT_SHARE = 0.02
"""So much more return air in the inlet than at full fan means that air runs short."""


def condensing_c(outdoor: Array) -> Array:
    return np.maximum(CONDENSER_MIN_C, outdoor + CONDENSER_K)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomHistory:
    """Steps in which everything was known, [t] or [t, racks]."""

    inlet: Array
    supply: Array
    back: Array
    speed: Array
    """0..1."""
    fan: Array
    compressor: Array
    it: Array
    room_kw: Array
    """Servers and their UPS."""
    outdoor: Array
    slot: npt.NDArray[np.int64]

    @property
    def stream_kw_k(self) -> float:
        """Heat carried a kelvin at full fan speed, by the last day."""
        rise = np.maximum((self.back - self.supply) * self.speed, 0.1)
        return float(np.median((self.room_kw / rise)[-SLOTS:]))


def history_of(grid: Grid, system: CracSystem, site: str, utc_offset_h: float) -> RoomHistory | None:
    """None when there is less than half a day of it."""
    crac, room = system.crac, system.room
    names = [f"{room}.rack_inlet_temperature_{n + 1}" for n in range(system.racks)]
    it = grid.mean(f"{room}.it_power")
    room_kw = grid.mean(f"{system.it_meter}.electric_power") if system.it_meter else it * (1.0 + UPS_SHARE)
    columns = [grid.mean(name) for name in names] + [
        grid.mean(f"{crac}.supply_air_temperature"),
        grid.mean(f"{crac}.return_air_temperature"),
        grid.mean(f"{crac}.fan_speed") / 100.0,
        grid.mean(f"{crac}.fan_power"),
        grid.mean(f"{crac}.compressor_power"),
        it,
        room_kw,
        fill(grid.mean(f"{site}.outdoor_air_temperature")),
    ]
    table = np.column_stack(columns)
    n = system.racks
    known = np.isfinite(table).all(axis=1) & (table[:, n + 1] - table[:, n] > 1.0) & (table[:, n + 2] > 0.05)
    if known.sum() < SLOTS / 2:
        return None
    table = table[known]
    supply, back, speed, fan, compressor, it, room_kw, outdoor = table[:, n:].T
    return RoomHistory(
        inlet=table[:, :n],
        supply=supply,
        back=back,
        speed=speed,
        fan=fan,
        compressor=compressor,
        it=it,
        room_kw=room_kw,
        outdoor=outdoor,
        slot=slot_of(grid.end_unix_s[known] - STEP_S + 1.0, utc_offset_h),
    )


def learn_crac(grid: Grid, system: CracSystem, site: str, utc_offset_h: float) -> CracParameters | None:
    """None when a column that is needed has no history."""
    past = history_of(grid, system, site, utc_offset_h)
    if past is None:
        return None
    fixed, share = _ups(past.it, past.room_kw)
    leak, short = _recirculation(past)
    scale, offset, power_error = _compressor(past)
    fan_share, base = _servers(past.it, past.inlet, past.slot)
    drift = past.inlet - _predicted(past, leak, short)
    return CracParameters(
        crac=system.crac,
        stream_kw_k=past.stream_kw_k,
        fan_max_kw=float(np.median(past.fan / past.speed**3)),
        ups_fixed_kw=fixed,
        ups_share=share,
        leak=tuple(float(x) for x in leak),
        short_speed=tuple(float(x) for x in short),
        lift_scale=scale,
        lift_offset_k=offset,
        server_fan_share=fan_share,
        base_it_kw=tuple(float(x) for x in base),
        inlet_error_k=float(np.sqrt(np.mean(drift[-SLOTS:] ** 2))),
        power_error=power_error,
    )


def refresh(room: CracParameters, past: RoomHistory) -> CracParameters:
    """Leaks, short speeds and air stream as these steps show them; the rest as learned before."""
    leak, short = _recirculation(past)
    return replace(
        room,
        leak=tuple(float(x) for x in leak),
        short_speed=tuple(float(x) for x in short),
        stream_kw_k=past.stream_kw_k,
    )


def _predicted(past: RoomHistory, leak: Array, short: Array) -> Array:
    rise = (past.back - past.supply)[:, None]
    return past.supply[:, None] + _around(leak, short, past.speed, past.inlet) * rise


def _ups(it: Array, room_kw: Array) -> tuple[float, float]:
    columns = np.stack([np.ones(len(it)), it], axis=1)
    loss = room_kw - it
    mean = float(np.mean(loss))
    x = fit_signed(
        columns, loss, np.zeros(2), prior=np.array([0.3 * mean, 0.7 * mean / np.mean(it)]), ridge=np.array([1e-6, 1e-6])
    )
    return float(x[0]), float(x[1])


def draw_of(inlet: Array) -> Array:
    """Air that servers draw, over that at their base speed."""
    return np.asarray(1.0 + SERVER_DRAW_PER_K * np.maximum(0.0, inlet - SERVER_KNEE_C))


def _around(leak: Array, short: Array, speed: Array, inlet: Array) -> Array:
    """Share of return air in each inlet, [t, r]."""
    return np.asarray(leak + (1.0 - leak) * np.maximum(0.0, 1.0 - speed[:, None] / (short * draw_of(inlet))))


def _recirculation(past: RoomHistory) -> tuple[Array, Array]:
    """Leak at plenty of air, and the speed below which air is short at the base draw, both [r].

    Never tried means never trusted: the short speed is at least the lowest speed (over draw) at which there was enough.
    """
    inlet, supply, back, speed = past.inlet, past.supply, past.back, past.speed
    share = (inlet - supply[:, None]) / (back - supply)[:, None]
    settled = np.abs(np.diff(supply, prepend=supply[0])) + 10.0 * np.abs(np.diff(speed, prepend=speed[0])) < 0.3
    share, speed, inlet = share[settled], speed[settled], inlet[settled]
    leak = np.clip(np.quantile(share[speed >= np.quantile(speed, 0.6)], 0.2, axis=0), 0.0, 0.9)
    effective = speed[:, None] / draw_of(inlet)
    extra = (share - leak) / (1.0 - leak)
    short = np.empty(len(leak))
    for r in range(len(leak)):
        slow = effective[:, r] <= np.min(effective[:, r]) + 0.05  # Told by where air was scarcest; medians, for noise.
        lacking = float(np.median(extra[slow, r]))
        speed_there = float(np.median(effective[slow, r]))
        short[r] = speed_there / max(1.0 - lacking, 0.05) if lacking > SHORT_SHARE else speed_there
    return leak, np.clip(short, 0.1, 2.0)


def _compressor(past: RoomHistory) -> tuple[float, float, float]:
    """Scale and offset of `power = heat * scale * (lift + offset) / T`, and the relative error."""
    power, cold = past.compressor, past.supply - EVAPORATOR_K
    column = (past.room_kw + past.fan) / (cold + 273.15)
    columns = np.stack([column * (condensing_c(past.outdoor) - cold), column], axis=1)
    x = fit_signed(columns, power, np.array([0.3, -np.inf]), prior=np.array([2.5, 0.0]), ridge=np.array([1e-7, 1e-4]))
    error = float(np.sqrt(np.mean((columns @ x - power) ** 2)) / np.mean(power))
    return float(x[0]), float(x[1] / x[0]), error


def _servers(it: Array, inlet: Array, slot: npt.NDArray[np.int64]) -> tuple[float, Array]:
    """Share of the servers' fans at base speed, and IT power by slot without their speeding up, [96]."""
    cube = np.mean(draw_of(inlet) ** 3 - 1.0, axis=1)
    cool = cube < 0.02
    rows = cool if cool.sum() >= SLOTS else np.ones(len(it), bool)
    plain = it / (1.0 + SERVER_FAN_SHARE * cube)
    count = np.bincount(slot[rows], minlength=SLOTS)
    total = np.bincount(slot[rows], weights=plain[rows], minlength=SLOTS)
    base = np.where(count > 0, total / np.maximum(count, 1), np.mean(plain))
    share = SERVER_FAN_SHARE
    warm = ~cool
    if cool.sum() >= 2 * SLOTS and warm.sum() >= 4:
        odd = it[warm] / base[slot[warm]] - 1.0
        seen_days = max(1.0, warm.sum() / SLOTS)
        told = float(np.sum(odd * cube[warm]) / np.sum(cube[warm] ** 2))
        unsure = LOAD_SPREAD / np.sqrt(seen_days) / max(float(np.sqrt(np.mean(cube[warm] ** 2))), 1e-3)
        trust = SERVER_FAN_SPREAD**2 / (SERVER_FAN_SPREAD**2 + unsure**2)
        share = float(np.clip(share + trust * (told - share), 0.005, 0.10))
    return share, base
