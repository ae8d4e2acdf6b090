"""Fits one air handler: zone responses and electricity, from history on the planner's grid.

The mass of a zone is not seen: for each of a few time constants it is a memory of what warmed it, so that the rest is a
least-squares problem with signs. The constant with the least one-step error wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.equipment.systems import AhuSystem
from agent.features.grid import DAY_S, SLOTS, STEP_S, Grid, fill, slot_of
from agent.learn.least_squares import fit_signed, trace
from agent.learn.parameters import AhuParameters, ZoneParameters
from agent.learn.presence import habits_of, people_steps, running
from agent.learn.priors import priors_of

Array = npt.NDArray[np.float64]

CP_KJ_KG_K = 1.006
MASS_HOURS = (4.0, 8.0, 14.0, 24.0, 48.0)
"""Time constants tried for the mass."""
KIND = "zone_ahu"
CLEARLY, CLEARLY_GAS = 0.85, 0.95
"""So much less misfit than the ordinary guess (found on EnergyPlus's office with heaters and gas, in five climates, and
the tower's heat pumps: 0.96 and more against 0.78 and less; 0.81 to 0.99 against 0.95 and more)."""
FRESH_PULL = 0.02
"""How strongly a fit is drawn to the prior of least outdoor air (our assumption)."""
USUAL_MASS_H = 14.0
LEAST_COIL_KW = 1.0
COLD_C = 8.0
"""Whoever heats by electricity would do so below this."""
FLOW_SPAN = 3.5
"""Most over least air of a terminal that was never seen wide open (our assumption: least air is often near 30 %)."""
AHEAD = 24
"""Steps of the prediction that the fit is judged by: six hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One air handler's past, [t] or [t, zones]; unknowns stay NaN and are skipped."""

    air: Array
    people: Array
    flow: Array
    drives: Array
    """[t, 5]: outdoor C, sun morning, noon, evening W/m2, one."""
    outdoor: Array
    supply: Array
    back: Array
    stream: Array
    fan_kw: Array
    cool_kw: Array
    heat_kw: Array
    heating_setpoint: Array
    is_on: npt.NDArray[np.bool_]


def sun_hats(slot: npt.NDArray[np.int64]) -> Array:
    """How much of the sun counts as morning, noon and evening sun, [t, 3]; facades see the sun at different hours."""
    hour = slot / 4.0
    noon = np.clip(1.0 - np.abs(hour - 12.5) / 4.0, 0.0, 1.0)
    return np.stack([np.where(hour < 12.5, 1.0 - noon, 0.0), noon, np.where(hour >= 12.5, 1.0 - noon, 0.0)], axis=1)


def history_of(grid: Grid, system: AhuSystem, site: str, utc_offset_h: float) -> History:
    """Gathers the columns."""
    ahu = system.ahu

    def by_zone(role: str, end: bool = False) -> Array:
        take = grid.end if end else grid.mean
        return np.stack([take(f"{zone}.{role}") for zone in system.zones], axis=1)

    outdoor = fill(grid.mean(f"{site}.outdoor_air_temperature"))
    sun = np.nan_to_num(fill(grid.mean(f"{site}.solar_irradiance")))
    slot = slot_of(grid.end_unix_s - STEP_S + 1.0, utc_offset_h)
    drives = np.concatenate([outdoor[:, None], sun[:, None] * sun_hats(slot), np.ones((len(grid), 1))], axis=1)
    habits = habits_of(grid.features, system, utc_offset_h)
    people = np.stack([people_steps(grid, zone, system, habits, utc_offset_h) for zone in system.zones], axis=1)
    runs = np.nan_to_num(grid.steps(running(grid.features, system))).min(axis=1)
    return History(
        air=by_zone("zone_air_temperature", end=True),
        people=np.where(np.isfinite(people), people, 0.0),
        flow=by_zone("supply_air_flow"),
        drives=drives,
        outdoor=outdoor,
        supply=grid.mean(f"{ahu}.supply_air_temperature"),
        back=grid.mean(f"{ahu}.return_air_temperature"),
        stream=grid.mean(f"{ahu}.supply_air_flow"),
        fan_kw=grid.mean(f"{ahu}.fan_power"),
        cool_kw=grid.mean(f"{ahu}.cooling_power"),
        heat_kw=grid.mean(f"{ahu}.heating_power"),
        heating_setpoint=by_zone("zone_air_heating_temperature_setpoint"),
        is_on=np.asarray(runs > 0.99),
    )


def learn_ahu(grid: Grid, system: AhuSystem, site: str, utc_offset_h: float) -> AhuParameters | None:
    """None when a column that is needed has no history."""
    past = history_of(grid, system, site, utc_offset_h)
    on = past.is_on & np.isfinite(past.stream + past.supply + past.back + past.outdoor + past.cool_kw)
    if on.sum() < SLOTS or not np.isfinite(past.air).any(axis=0).all():
        return None
    floor, cubic = _fan(past, on)
    cooling = _cooling(past, on)
    ratio, fresh, error = cooling.ratio, cooling.fresh_kg_s, cooling.error
    heat_ratio, is_coil_gas, reheat = _heaters(past, on, cooling)
    is_reheat_gas = _burns_reheat(past, on)
    zones = tuple(_zone(past, z, name, reheat) for z, name in enumerate(system.zones))
    return AhuParameters(
        ahu=system.ahu,
        zones=zones,
        fan_floor_kw=floor,
        fan_cubic=cubic,
        outdoor_air_kg_s=fresh,
        has_economizer=cooling.has_economizer,
        cool_ratio=ratio,
        cool_per_outdoor_k=cooling.per_outdoor_k,
        cool_per_supply_k=cooling.per_supply_k,
        supply_ref_c=float(np.median(past.supply[on])),
        heat_ratio=heat_ratio,
        heat_per_outdoor_k=_slope(heat_ratio),
        is_coil_gas=is_coil_gas,
        is_reheat_gas=is_reheat_gas,
        cool_max_kw=max(20.0, 1.5 * float(np.max(past.cool_kw[on])) / ratio),
        heat_max_kw=max(10.0, 1.5 * float(np.nanmax(past.heat_kw[on], initial=0.0)) / heat_ratio),
        power_error=error,
    )


def _fan(past: History, on: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Floor and cubic coefficient; the floor alone when the flow never moved."""
    cube = past.stream[on] ** 3
    columns = np.stack([np.ones(len(cube)), cube], axis=1)
    floor, cubic = fit_signed(columns, np.nan_to_num(past.fan_kw[on]), np.zeros(2), ridge=np.array([1e-4, 1e-4]))
    return float(floor), float(cubic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooling:
    """What the coil and the dampers do; without `error` nothing was seen, and it is the prior."""

    ratio: float
    per_outdoor_k: float
    per_supply_k: float
    fresh_kg_s: float
    has_economizer: bool
    error: float | None
    """Over the mean power."""


def _cooling(past: History, on: npt.NDArray[np.bool_]) -> Cooling:
    """For each guess of least outdoor air, with an economizer and without, a least-squares fit; the best is taken."""
    rows = on & (past.cool_kw > 0.3)
    usual = float(np.median(past.stream[on]))
    slopes = priors_of(KIND)["cooling_ratio"].mean
    usual_share = priors_of(KIND)["fresh_air_share"].value
    prior = dict(zip(("ratio", "per_outdoor_k", "per_supply_k"), slopes.tolist(), strict=True))
    if rows.sum() < SLOTS / 4:
        return Cooling(**prior, fresh_kg_s=usual_share * usual, has_economizer=True, error=None)
    supply_ref = float(np.median(past.supply[on]))
    power, mean = past.cool_kw[rows], float(np.mean(past.cool_kw[rows]))
    warm, chill = past.outdoor[rows] - 25.0, past.supply[rows] - supply_ref
    best, found = np.inf, None
    for has_economizer in (False, True):
        for share in np.linspace(0.02, 1.0, 50):
            heat = _coil(past, float(share) * usual, has_economizer)[rows]
            columns = np.stack([heat, heat * warm, heat * chill], axis=1)
            x = fit_signed(
                columns,
                power,
                np.array([0.05, 0.0, -np.inf]),
                prior=slopes,
                ridge=np.array([1e-4, 3e-3, 1e-1]),
            )
            error = float(np.sqrt(np.mean((columns @ x - power) ** 2))) / mean
            rank = error + FRESH_PULL * (float(share) - usual_share) ** 2
            if rank < best:
                best, found = rank, (x, float(share) * usual, has_economizer, error)
    assert found is not None
    x, fresh, has_economizer, error = found
    return Cooling(
        ratio=float(x[0]),
        per_outdoor_k=float(x[1]),
        per_supply_k=min(0.0, float(x[2])),
        fresh_kg_s=fresh,
        has_economizer=has_economizer,
        error=error,
    )


def _coil(past: History, fresh: float, has_economizer: bool) -> Array:
    """Heat taken out by the coil, kW [t]; below 0 it heats."""
    stream = np.maximum(past.stream, 1e-3)
    share = np.minimum(1.0, fresh / stream)
    if has_economizer:  # More outdoor air where it brings the mix nearer to the supply.
        gap = past.back - past.outdoor
        aim = past.supply - past.fan_kw / (stream * CP_KJ_KG_K)
        wish = np.clip((past.back - aim) / np.maximum(gap, 0.5), share, 1.0)
        share = np.where(gap > 0.5, wish, share)
    mixed = past.back + share * (past.outdoor - past.back)
    return np.asarray(stream * CP_KJ_KG_K * (mixed - past.supply) + past.fan_kw)


def heat_ratio_of(ratio: float, slope: float, outdoor: Array) -> Array:
    """1 / COP of the heat pump against outdoor air."""
    return np.clip(ratio + slope * (outdoor - 7.0), 0.15, 1.0)


def _slope(heat_ratio: float) -> float:
    """A heat pump gives more when it is warmer; a heater does not care."""
    return 0.0 if heat_ratio >= 1.0 else -heat_ratio * float(priors_of(KIND)["heat_pump"].mean[1])


def _burns_reheat(past: History, on: npt.NDArray[np.bool_]) -> bool:
    """It was cold for a day, and no electricity went into heating: the reheaters have hot water, or gas."""
    electric = np.nan_to_num(past.heat_kw)
    cold = on & np.isfinite(past.outdoor) & (past.outdoor < COLD_C)
    return bool(cold.sum() >= SLOTS and np.max(electric[cold], initial=0.0) < LEAST_COIL_KW / 2.0)


def _heaters(past: History, on: npt.NDArray[np.bool_], cooling: Cooling) -> tuple[float, bool, Array]:
    """Electricity a heat, whether the coil's heat is none of it, and the reheat of each zone with that, kW [t, zones].

    Ordinary heaters are believed until a heat pump, or a coil that burns gas, explains the zones clearly better.
    """
    if np.max(np.nan_to_num(past.heat_kw[on]), initial=0.0) < LEAST_COIL_KW:
        return 1.0, True, np.zeros_like(past.air)
    pump_cop = priors_of(KIND)["heat_pump"].value
    cops = (1.0, pump_cop)  # Heaters, or a heat pump: whichever explains the zones better is taken.
    found = {(cop, burns): _reheat(past, on, cooling, 1.0 / cop, burns) for cop in cops for burns in (False, True)}
    misfit = {key: sum(_misfit(past, z, reheat) for z in range(past.air.shape[1])) for key, reheat in found.items()}
    heater, pump = (min(misfit[cop, burns] for burns in (False, True)) for cop in cops)
    cop = pump_cop if pump < CLEARLY * heater else 1.0
    burns = misfit[cop, True] < CLEARLY_GAS * misfit[cop, False]
    return 1.0 / cop, burns, found[cop, burns]


def _reheat(past: History, on: npt.NDArray[np.bool_], cooling: Cooling, heat_ratio: float, is_coil_gas: bool) -> Array:
    """Heat that the zones' reheaters give, kW [t, zones]: what the coil does not explain, by need of each zone."""
    ratio = heat_ratio_of(heat_ratio, _slope(heat_ratio), past.outdoor)
    heat = np.where(on, np.nan_to_num(past.heat_kw) / ratio, 0.0)
    coil = np.where(
        on & (not is_coil_gas),
        np.maximum(0.0, -np.nan_to_num(_coil(past, cooling.fresh_kg_s, cooling.has_economizer))),
        0.0,
    )
    total = np.maximum(0.0, heat - coil)
    cold = np.maximum(0.05, 1.0 + past.heating_setpoint - past.air)  # Without better knowledge: the colder, the more.
    cold = np.where(np.isfinite(cold), cold, 0.5)
    cold = cold * np.nanmean(np.where(past.flow > 0.0, past.flow, np.nan), axis=0)  # A larger zone has more of it.
    return np.asarray(total[:, None] * cold / cold.sum(axis=1, keepdims=True))


def _acting(past: History, z: int, reheat: Array) -> tuple[Array, Array, Array, Array]:
    """Of one zone: air temperature, heat by machine, other drives, and supply air flow."""
    flow = np.where(past.is_on, np.nan_to_num(past.flow[:, z]), 0.0)
    supplied = np.where(
        flow > 0.0, flow * CP_KJ_KG_K * (np.nan_to_num(past.supply) - np.nan_to_num(past.air[:, z])), 0.0
    )
    drives = np.concatenate([past.drives[:, :4], past.people[:, z : z + 1], past.drives[:, 4:]], axis=1)
    return fill(past.air[:, z]), supplied + reheat[:, z], drives, flow


def _misfit(past: History, z: int, reheat: Array) -> float:
    """One-step error with a mass of usual inertia."""
    air, heat, drives, _ = _acting(past, z, reheat)
    return _fit(air, heat, drives, float(np.exp(-STEP_S / (3600.0 * USUAL_MASS_H))))[0]


def _zone(past: History, z: int, name: str, reheat: Array) -> ZoneParameters:
    air, heat, drives, flow = _acting(past, z, reheat)
    fits = [_fit(air, heat, drives, np.exp(-STEP_S / (3600.0 * hours))) for hours in MASS_HOURS]
    _, a, gain, into_air, into_mass = min(fits, key=lambda fit: fit[0])
    running = flow[past.is_on & (flow > 0.0)]
    return ZoneParameters(
        zone=name,
        a=((float(a[0, 0]), float(a[0, 1])), (float(a[1, 0]), float(a[1, 1]))),
        gain=gain,
        air=tuple(float(x) for x in into_air),
        mass=tuple(float(x) for x in into_mass),
        flow_min_kg_s=float(np.quantile(running, 0.02)) if len(running) else 0.1,
        flow_max_kg_s=float(max(FLOW_SPAN * np.quantile(running, 0.02), np.max(running))) if len(running) else 0.5,
        reheat_max_kw=max(2.0, float(np.max(reheat[:, z], initial=0.0))),
        error_k=ahead_error(air, heat, drives, a, gain, into_air, into_mass),
    )


def _fit(air: Array, heat: Array, drives: Array, decay: float) -> tuple[float, Array, float, Array, Array]:
    """(one-step error, a, gain, drives into air, drives into mass) for a mass of this decay a step."""
    start = air[np.isfinite(air)][0] if np.isfinite(air).any() else 20.0
    clean = np.where(np.isfinite(air), air, start)
    outdoor = np.nan_to_num(drives[:, 0], nan=float(np.nanmean(drives[:, 0])))
    memory = np.stack(
        [trace(clean, decay, start), trace(outdoor, decay, float(np.mean(outdoor[:SLOTS])))]
        + [trace(drives[:, j], decay, float(np.mean(drives[:SLOTS, j]))) for j in (1, 2, 3, 4)],
        axis=1,
    )
    now, then = slice(0, -1), slice(1, None)
    t0 = clean[now]
    columns = np.stack(
        [
            memory[now, 0] - t0,
            memory[now, 1] - t0,
            outdoor[then] - t0,
            heat[then],
            *(drives[then, j] for j in (1, 2, 3, 4)),
            *(memory[now, j] for j in (2, 3, 4, 5)),
            np.ones(len(t0)),
        ],
        axis=1,
    )
    target = clean[then] - t0
    usable = np.isfinite(air[then]) & np.isfinite(air[now]) & np.isfinite(columns).all(axis=1)
    usable[: min(SLOTS, len(usable) // 4)] = False  # The mass has to be forgotten first.
    x = fit_signed(columns[usable], target[usable], np.zeros(columns.shape[1]), ridge=np.full(columns.shape[1], 1e-5))
    error = float(np.sqrt(np.mean((columns[usable] @ x - target[usable]) ** 2)))
    return error, *_nodes(x, decay)


def _nodes(x: Array, decay: float) -> tuple[Array, float, Array, Array]:
    """The two-node form of the fitted columns; see `_fit` for their order."""
    by_air, by_outdoor = max(float(x[0]), 1e-4), float(x[1])
    couple = min(by_air + by_outdoor, 0.8)
    leak = min(float(x[2]), 0.15)
    a = np.array([[1.0 - couple - leak, couple], [(1.0 - decay) * by_air / (by_air + by_outdoor), decay]])
    share = (1.0 - decay) / (by_air + by_outdoor)
    into_air = np.array([leak, *x[4:8], x[12]])
    into_mass = share * np.array([by_outdoor, *x[8:12], 0.0])
    return a, max(float(x[3]), 0.01), into_air, into_mass


def simulate(
    air0: float, mass0: float, heat: Array, drives: Array, a: Array, gain: float, air: Array, mass: Array
) -> Array:
    """Air temperature at the end of each step, float64 [t]."""
    push_air, push_mass = drives @ air + gain * heat, drives @ mass
    out = np.empty(len(heat))
    t, m = air0, mass0
    for k in range(len(heat)):
        t, m = a[0, 0] * t + a[0, 1] * m + push_air[k], a[1, 0] * t + a[1, 1] * m + push_mass[k]
        out[k] = t
    return out


def masses(air: Array, drives: Array, a: Array, mass: Array) -> Array:
    """The mass node at the end of each step, as the measured air drove it, float64 [t]."""
    out = np.empty(len(air))
    m = air[0]
    push = drives @ mass
    for k in range(len(air)):
        out[k] = m
        if k + 1 < len(air):
            m = a[1, 0] * air[k] + a[1, 1] * m + push[k + 1]
    return out


def ahead_error(
    air: Array, heat: Array, drives: Array, a: Array, gain: float, into_air: Array, into_mass: Array
) -> float:
    """Root mean square of the prediction AHEAD steps ahead on the last day, K."""
    usable = int(min(DAY_S / STEP_S, len(air) // 3))
    clean = np.where(np.isfinite(air), air, np.nanmean(air))
    drives = np.where(np.isfinite(drives), drives, 0.0)
    mass = masses(clean, drives, a, into_mass)
    misses = []
    for k in range(len(air) - usable - AHEAD, len(air) - AHEAD, 4):
        path = simulate(
            clean[k], mass[k], heat[k + 1 : k + 1 + AHEAD], drives[k + 1 : k + 1 + AHEAD], a, gain, into_air, into_mass
        )
        misses.append(path[-1] - clean[k + AHEAD])
    return float(np.sqrt(np.mean(np.square(misses)))) if misses else float("nan")
