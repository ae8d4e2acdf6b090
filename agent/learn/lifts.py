"""Fits one lift group: traffic by time of week, energy a trip, power by state of the cars, what waiting costs.

Under its own control a group mostly shows one state (all cars awake), so what was never tried keeps a prior with its
uncertainty; each state that is tried is then measured directly, in quarters of an hour in which nobody rode.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.equipment.systems import LiftSystem
from agent.features.grid import DAY_KINDS, SLOTS, STEP_S, Grid, day_kind_of, slot_of
from agent.learn.parameters import LiftParameters
from agent.learn.priors import priors_of

Array = npt.NDArray[np.float64]

KIND = "lift_group"
DEPTHS = 3
"""0 awake, 1 light and fan off, 2 drive off too: ISO 25745-2 names idle and standby modes after 5 and 30 minutes."""
WAKE_PRIOR_TRIPS = 30.0
"""The assumption weighs as much as so many measured trips."""
AFTER_H = (0.0, 5.0 / 60.0, 0.5)
"""Timers of ISO 25745-2's standby modes."""
LEAST_DAYS = 3.0
TELLING_TRIPS = 8.0
"""So many trips make a quarter of an hour sharper than the hour around it; fewer are chance."""
QUIET_STEPS = 2
"""Steps without a trip before a power counts as that of standing."""


def trips_of(grid: Grid, lifts: str) -> Array:
    """Trips in each step, float64 [steps]; NaN where the counter cannot be seen or was set back."""
    count = grid.end(f"{lifts}.trips_count")
    step = np.diff(count, prepend=np.nan)
    return np.where(step >= 0.0, step, np.nan)


def learn_lifts(grid: Grid, system: LiftSystem, utc_offset_h: float) -> LiftParameters | None:
    """None without counted trips and measured power over some days."""
    lifts, trips = system.lifts, trips_of(grid, system.lifts)
    power = _power(grid, lifts)
    cars = grid.mean(f"{lifts}.cars_in_service")
    cars = np.where(np.isfinite(cars), cars, grid.mean(f"{lifts}.cars_in_service_setpoint"))
    depth = np.nan_to_num(np.rint(grid.end(f"{lifts}.standby_depth_setpoint")))
    known = np.isfinite(trips + power + cars)
    if known.sum() < LEAST_DAYS * SLOTS:
        return None
    quiet = known & _quiet(trips)
    standing, sleeping, saves, seen = _states(system.cars, power, cars, depth, quiet)
    trip_kwh, error = _trip_kwh(system.cars, trips, power, cars, depth, known, (standing, sleeping, saves))
    wait_s, wake_s = _waits(grid, lifts, trips, depth, cars >= system.cars - 0.01, system.cars)
    start = grid.end_unix_s - STEP_S + 1.0
    mean, days = traffic(trips, slot_of(start, utc_offset_h), day_kind_of(start, utc_offset_h))
    return LiftParameters(
        lifts=lifts,
        days=tuple(float(x) for x in days),
        trips=tuple(tuple(float(x) for x in row) for row in mean),
        standing_kw=standing,
        sleeping_kw=sleeping,
        depth_saves=tuple(float(x) for x in saves),
        depth_steps=tuple(float(x) for x in seen),
        depth_wake_s=tuple(float(x) for x in wake_s),
        trip_kwh=trip_kwh,
        wait_s=wait_s,
        power_error=error,
    )


def _power(grid: Grid, lifts: str) -> Array:
    """Mean kW of each step: from the energy counter where there is one, else from what was seen of the power."""
    shown = grid.mean(f"{lifts}.electric_power")
    counted = np.diff(grid.end(f"{lifts}.electric_energy"), prepend=np.nan) * 3600.0 / STEP_S
    return np.where(np.isfinite(counted) & (counted >= 0.0), counted, shown)


def _quiet(trips: Array) -> npt.NDArray[np.bool_]:
    """Nobody rode in this step nor in those before, so that timers have run down."""
    still = np.asarray(trips == 0.0)
    quiet = still.copy()
    for k in range(1, QUIET_STEPS + 1):
        quiet[k:] &= still[:-k]
        quiet[:k] = False
    return quiet


def _states(
    cars_all: int, power: Array, cars: Array, depth: Array, quiet: npt.NDArray[np.bool_]
) -> tuple[float, float, Array, Array]:
    """kW of a standing car and of one out of service, the shares by depth, and steps seen by depth."""
    prior, sleeping_share = priors_of(KIND)["standby_saves"], priors_of(KIND)["sleeping_share"].value
    settled = quiet & (np.abs(np.diff(cars, prepend=cars[0])) < 0.01) & (np.diff(depth, prepend=depth[0]) == 0.0)
    awake = settled & (cars >= cars_all - 0.01) & (depth == 0)
    if awake.any():
        standing = float(np.median(power[awake])) / cars_all
    elif settled.any():  # Never seen awake: what it took in other states, by the shares assumed for these.
        saved = prior.mean[np.clip(depth, 0, DEPTHS - 1).astype(int)] * (1.0 - sleeping_share)
        share = cars * (1.0 - saved) + sleeping_share * (cars_all - cars)
        standing = float(np.median(power[settled] / share[settled]))
    else:  # Never quiet: it still has its least power.
        standing = float(np.quantile(power[np.isfinite(power)], 0.05)) / cars_all
    sleeping = sleeping_share * standing
    few = settled & (cars < cars_all - 0.5) & (depth == 0)
    if few.sum() >= 4:
        told = (power[few] - cars[few] * standing) / (cars_all - cars[few])
        sleeping = float(np.clip(np.median(told), 0.0, 0.9 * standing))
    saves, seen = prior.mean.copy(), np.zeros(DEPTHS)
    for d in range(1, DEPTHS):
        rows = settled & (depth == d) & (cars > 0.5)
        seen[d] = float(rows.sum())
        if seen[d] >= 2:
            a_car = (power[rows] - (cars_all - cars[rows]) * sleeping) / cars[rows]
            share = (standing - a_car) / max(standing - sleeping, 1e-6)
            hoped = seen[d] * prior.spread[d] ** 2
            trust = hoped / (hoped + float(np.var(share)) + 1e-4)
            saves[d] += trust * (float(np.clip(np.median(share), 0.0, 1.0)) - saves[d])
    return standing, sleeping, saves, seen


def _trip_kwh(
    cars_all: int,
    trips: Array,
    power: Array,
    cars: Array,
    depth: Array,
    known: npt.NDArray[np.bool_],
    states: tuple[float, float, Array],
) -> tuple[float, float]:
    """Energy of a trip above standing, and how far the day's mean power is missed, relative."""
    standing, sleeping, saves = states
    saved = saves[np.clip(depth, 0, DEPTHS - 1).astype(int)] * _rested(trips, cars, depth)
    still = cars * (standing - (standing - sleeping) * saved) + (cars_all - cars) * sleeping
    kwh = (power - still)[known] * STEP_S / 3600.0
    ridden = trips[known]
    trip = max(0.0, float(np.sum(kwh * ridden) / max(float(np.sum(ridden**2)), 1.0)))
    told = still[known] + trip * ridden * 3600.0 / STEP_S
    return trip, float(abs(np.mean(told - power[known])) / max(float(np.mean(power[known])), 1e-6))


def _rested(trips: Array, cars: Array, depth: Array) -> Array:
    """Share of a step in which a standing car rests so deep (calls come by chance)."""
    after = np.array(AFTER_H)[np.clip(depth, 0, DEPTHS - 1).astype(int)]
    return np.asarray(np.exp(-np.nan_to_num(trips) * 3600.0 / STEP_S / np.maximum(cars, 1.0) * after))


def _waits(
    grid: Grid, lifts: str, trips: Array, depth: Array, all_serve: npt.NDArray[np.bool_], cars_all: int
) -> tuple[float, Array]:
    """Mean wait in light traffic with all cars awake, and seconds to wake by depth; from trips with a told wait."""
    wait = grid.mean(f"{lifts}.waiting_time_mean")
    ridden = np.isfinite(wait) & (np.nan_to_num(trips) > 0.0) & all_serve
    wake = priors_of(KIND)["standby_wake"].mean.copy()
    awake = ridden & (depth == 0)
    if not awake.any():
        return (float(np.median(wait[ridden])) if ridden.any() else 0.0), wake
    most = float(np.quantile(trips[awake], 0.5))
    base = float(np.median(wait[awake & (trips <= most)]))
    for d in range(1, DEPTHS):
        rows = ridden & (depth == d) & (trips <= most)
        chance = _rested(trips, np.full(len(trips), float(cars_all)), depth)[rows]
        weight = float(np.sum(chance * trips[rows]))
        if weight > 0.0:
            longer = float(np.sum((wait[rows] - base) * trips[rows])) / weight
            wake[d] += weight / (weight + WAKE_PRIOR_TRIPS) * (max(0.0, longer) - wake[d])
    return base, wake


def traffic(trips: Array, slot: npt.NDArray[np.int64], kind: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """Trips to expect by kind of day and slot, [kinds, SLOTS], and days seen of each kind.

    The mean and one standard error more: what was seen seldom may come more often than it came. An hour is smoothed
    over its neighbours, which keep like hours.
    """
    total, count = np.zeros((DAY_KINDS, SLOTS)), np.zeros((DAY_KINDS, SLOTS))
    known = np.isfinite(trips)
    np.add.at(total, (kind[known], slot[known]), trips[known])
    np.add.at(count, (kind[known], slot[known]), 1.0)
    kernel = np.array([0.2, 0.2, 0.2, 0.2, 0.2])
    wide = np.stack([np.convolve(np.pad(row, 2, mode="wrap"), kernel, mode="valid") for row in total])
    seen = np.stack([np.convolve(np.pad(row, 2, mode="wrap"), kernel, mode="valid") for row in count])
    # A rush is sharper than its hour: never below what the slot itself had.
    own = np.where(total >= TELLING_TRIPS, total / np.maximum(count, 1.0), 0.0)
    mean = np.maximum(wide / np.maximum(seen, 0.2), own)
    error = np.sqrt(5.0 * wide + 0.5) / np.maximum(5.0 * seen, 1.0)
    return np.asarray(mean + error), np.asarray(count.max(axis=1))


def trip_busy_s() -> float:
    """How long one trip keeps a car, before anybody measured it."""
    return priors_of(KIND)["trip_busy"].value
