"""How the zones of an air handler follow their set-points: how fast, and how near. Needs air temperatures only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.equipment.systems import AhuSystem
from agent.features.grid import DAY_S, STEP_S, WORKDAY, Grid, day_kind_of, fill
from agent.learn.parameters import ThermostatParameters
from agent.learn.presence import habits_of, people_steps, running
from agent.learn.priors import priors_of

Array = npt.NDArray[np.float64]

KIND = "zone_ahu"
SLOW_SHARE = 0.3
"""Start-ups are reckoned with this quantile of the seen rates: few are slower."""
PRIOR_STEPS = 6.0
"""The prior weighs as much as so many seen steps."""
SLOWEST_K_H, FASTEST_K_H = 0.4, 6.0
AWAY_K = 0.4
"""A zone so far from its set-point is on its way to it, not held by it."""
START_STEPS = 12
"""Steps after a start, or after a move of the set-point, that count as its warm-up: three hours. Later a machine that
is too small stands at its limit, which tells nothing of starts."""
JUMP_K = 1.0
LEAD_SHARE, LEAD_LEAST_H, LEAD_MOST_H = 0.8, 2.0, 4.0
"""Outdoor air comes in with each start: hours of it before anybody is there cost more than they warm (our assumption;
in EnergyPlus's office in Chicago's January, four hours cost 4 % more than own control's two)."""
COLD_SHARE, USUAL_COLD_C = 0.02, 18.0
CROSS_STEPS, TOUCH_K = 2, 0.02
"""A zone that is held crosses its set-point within half an hour; one that cannot be held does not."""
SWING_SHARE = 0.97
SWING_MAX_K = 0.8


def learn_thermostats(grid: Grid, system: AhuSystem, utc_offset_h: float) -> ThermostatParameters:
    """Priors where nothing was seen."""
    rates: dict[str, list[float]] = {"heat": [], "cool": []}
    over: list[float] = []
    under: list[float] = []
    is_on = _runs(grid, system)
    for zone in system.zones:
        air = fill(grid.end(f"{zone}.zone_air_temperature"))
        for side, role, sign in (("heat", "heating", 1.0), ("cool", "cooling", -1.0)):
            aim = fill(grid.mean(f"{zone}.zone_air_{role}_temperature_setpoint"))
            rates[side] += _rates(air, aim, is_on, sign)
            (under if sign > 0 else over).append(_swing(air, aim, is_on, sign))
    return ThermostatParameters(
        ahu=system.ahu,
        heat_k_h=_rate(rates["heat"]),
        cool_k_h=_rate(rates["cool"]),
        lead_h=_lead_h(grid, system, is_on, utc_offset_h),
        setback_c=_setback_c(grid, system),
        coldest_c=_coldest_c(grid, system),
        over_k=tuple(over),
        under_k=tuple(under),
    )


def _runs(grid: Grid, system: AhuSystem) -> npt.NDArray[np.bool_]:
    """Steps through which the machine ran; all where nobody tells."""
    rows = running(grid.features, system)
    if not np.isfinite(rows).any():
        return np.ones(len(grid), bool)
    return np.asarray(np.nan_to_num(grid.steps(rows)).min(axis=1) > 0.99)


def _lead_h(grid: Grid, system: AhuSystem, is_on: npt.NDArray[np.bool_], utc_offset_h: float) -> float:
    """As long as the machine ever ran before the first who came on a workday: own control's experience, in a span."""
    habits = habits_of(grid.features, system, utc_offset_h)
    people = np.stack([people_steps(grid, zone, system, habits, utc_offset_h) for zone in system.zones], axis=1)
    anybody = np.nan_to_num(people).any(axis=1)
    start = grid.end_unix_s - STEP_S + 1.0
    day = np.floor((start + utc_offset_h * 3600.0) / DAY_S)
    workday = day_kind_of(start, utc_offset_h) == WORKDAY
    leads = []
    for each in np.unique(day[workday & anybody]):
        come = int(np.argmax((day == each) & anybody))
        idle = np.flatnonzero(~is_on[:come])
        if len(idle):
            leads.append((come - 1 - idle[-1]) * STEP_S / 3600.0)
    return float(np.clip(np.quantile(leads, LEAD_SHARE) if leads else LEAD_MOST_H, LEAD_LEAST_H, LEAD_MOST_H))


def _setback_c(grid: Grid, system: AhuSystem) -> float:
    told = np.stack([grid.mean(f"{zone}.zone_air_heating_temperature_setpoint") for zone in system.zones])
    return float(np.nanquantile(told, COLD_SHARE)) if np.isfinite(told).any() else USUAL_COLD_C


def _coldest_c(grid: Grid, system: AhuSystem) -> float:
    """Short dips, and sensors that tremble, do not count."""
    air = np.stack([grid.end(f"{zone}.zone_air_temperature") for zone in system.zones], axis=1)
    seen = air[np.isfinite(air).all(axis=1)]
    return float(np.quantile(seen.min(axis=1), COLD_SHARE)) if len(seen) else USUAL_COLD_C


def _rates(air: Array, aim: Array, is_on: npt.NDArray[np.bool_], sign: float) -> list[float]:
    """K/h toward the set-point, of steps that began and ended away from it with the machine on."""
    started = np.concatenate([[False], is_on[1:] & ~is_on[:-1]])
    jumped = np.concatenate([[False], sign * np.diff(np.nan_to_num(aim)) > JUMP_K])
    is_start = np.convolve(started | jumped, np.ones(START_STEPS), mode="full")[: len(air)] > 0.0
    gap = sign * (aim - air)
    moves = sign * np.diff(air) * 3600.0 / STEP_S
    away = (gap[:-1] > AWAY_K) & is_start[:-1] & is_on[1:] & is_on[:-1] & (np.abs(np.diff(aim)) < 0.1)
    return [float(x) for x in moves[away & np.isfinite(moves)]]


def _rate(seen: list[float]) -> float:
    usual = priors_of(KIND)["warm_up"].value
    told = float(np.quantile(seen, SLOW_SHARE)) if seen else usual
    mixed = (len(seen) * told + PRIOR_STEPS * usual) / (len(seen) + PRIOR_STEPS)
    return float(np.clip(mixed, SLOWEST_K_H, FASTEST_K_H))


def _swing(air: Array, aim: Array, is_on: npt.NDArray[np.bool_], sign: float) -> float:
    """How far beyond its set-point a zone goes that is held by it, K."""
    beyond = sign * (aim - air)
    steady = is_on & (np.abs(beyond) < 1.0) & np.isfinite(beyond)
    steady[1:] &= np.abs(np.diff(aim)) < 0.1
    steady &= _crosses(np.where(steady, beyond, np.nan))
    held = beyond[steady]
    if len(held) < 16:
        return priors_of(KIND)["thermostat_swing"].value
    return float(np.clip(np.quantile(held, SWING_SHARE), 0.0, SWING_MAX_K))


def _crosses(beyond: Array) -> npt.NDArray[np.bool_]:
    """On both sides of the set-point within half an hour before or after; NaN is on neither."""
    sides = [
        np.convolve(side * beyond >= -TOUCH_K, np.ones(2 * CROSS_STEPS + 1), mode="same") > 0.0 for side in (1.0, -1.0)
    ]
    return np.asarray(sides[0] & sides[1])
