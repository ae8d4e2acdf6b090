"""Learns a data room: what its load does by itself, what cooling takes by set-points and weather, what servers add.

Each of these is a belief (`agent/learn/trials.py`) with priors from physics (`models/crac/priors.json`): own control
mostly stands still, and the way that saves differs from room to room. The same rows are added again by the planner,
cycle by cycle.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.equipment.systems import RoomSystem
from agent.features.grid import DAY_KINDS, SLOTS, Grid
from agent.learn.air import Air
from agent.learn.parameters import RoomParameters
from agent.learn.priors import priors_of
from agent.learn.room_history import RoomHistory, history_of
from agent.learn.trials import Belief, Steps

Array = npt.NDArray[np.float64]

KIND = "crac"
COOL_INLET_C, INLET_SCALE_K = 20.0, 5.0
KNOB_SCALE_K = 5.0
MILD_C, WARM_C = 12.0, 22.0
"""Condensers and economizers change their ways with the weather: the slope may change here (our choice)."""
LEAST_STEPS = 48
"""Half a day: with less nothing is learned."""

LEAST_NOISE, LEAST_SERVER_NOISE = 0.01, 0.003
"""Of a step, relative: no linear belief is better than that, however still a site stands while it is watched."""


def weather_columns(outdoor: Array, load: Array) -> Array:
    """[t, 5]; `load`: heat over its mean."""
    warm = (outdoor - MILD_C) / 10.0
    return np.stack(
        [
            np.ones(len(warm)),
            warm,
            np.maximum(0.0, warm),
            np.maximum(0.0, warm - (WARM_C - MILD_C) / 10.0),
            np.log(load),
        ],
        axis=1,
    )


def knob_columns(knobs: Array, center: Array) -> Array:
    """Each knob, its square, and each pair; [t, p] for knobs [t, d]."""
    z = (knobs - center) / KNOB_SCALE_K
    z[:, 1] = np.log(knobs[:, 1] / center[1])
    pairs = [z[:, i] * z[:, j] for i, j in itertools.combinations(range(z.shape[1]), 2)]
    return np.column_stack((z, z**2, *pairs))


def drift_of(outdoor: Array) -> Array:
    """By what the weather bends the answer to the knobs."""
    return np.asarray((outdoor - MILD_C) / 10.0)


def cooling_columns(past: RoomHistory, center: Array, heat_ref_kw: float) -> Array:
    """Weather, knobs, knobs by weather; [t, 5 + p + d]."""
    wish = knob_columns(past.knobs, center)
    bent = wish[:, : past.knobs.shape[1]] * drift_of(past.outdoor)[:, None]
    return np.column_stack((weather_columns(past.outdoor, past.heat_kw / heat_ref_kw), wish, bent))


def cooling_target(room: RoomParameters, past: RoomHistory) -> Array:
    """Electricity for a unit of heat that the air gave off; walls that warm or cool a while do not count."""
    return np.asarray(past.cool / past.taken_kw(room.stream_kw_k) / room.cool_share)


def cooling_prior(d: int) -> Belief:
    priors = priors_of(KIND)
    told = [
        *priors["cooling_by_weather"].rows,
        *priors["cooling_by_knob"].rows[:d],
        *priors["cooling_by_square"].rows * d,
        *priors["cooling_by_pair"].rows * (d * (d - 1) // 2),
        *priors["cooling_by_knob_and_weather"].rows * d,
    ]
    mean, spread = np.array(told).T
    return Belief.prior(mean, spread, noise=0.05)


def server_air() -> tuple[float, float]:
    """Where the servers' fans usually begin to speed up, C, and by what share a kelvin."""
    return priors_of(KIND)["server_knee"].value, priors_of(KIND)["server_draw"].value


def server_columns(inlet: Array) -> Array:
    """What inlets [t, r] do to the servers: warmth, and fans that speed up; [t, 2]."""
    knee_c, per_k = server_air()
    draw = 1.0 + per_k * np.maximum(0.0, inlet - knee_c)
    warm = (np.mean(inlet, axis=1) - COOL_INLET_C) / INLET_SCALE_K
    return np.stack([warm, np.mean(draw**3 - 1.0, axis=1)], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beliefs:
    """What is believed of a room at one moment."""

    cooling: Belief
    servers: Belief
    fan: Belief


def believed(room: RoomParameters, past: RoomHistory) -> Beliefs:
    """What was learned, and these later steps."""
    still = past.where(past.is_settled)
    if not len(still):
        return Beliefs(cooling=room.cooling, servers=room.servers, fan=room.fan)
    columns = cooling_columns(still, np.array(room.center), room.heat_ref_kw)
    odd = np.log(still.room_kw / profile_of(room, still))
    return Beliefs(
        cooling=room.cooling.learned(columns, cooling_target(room, still), still.step),
        servers=room.servers.learned(server_columns(still.inlet) - np.array(room.inlet_ref), odd, still.step),
        fan=room.fan.learned(_fan_columns(still.speed), np.log(np.maximum(still.fan, 1e-3)), still.step),
    )


def profile_of(room: RoomParameters, past: RoomHistory) -> Array:
    """Load of servers and UPS at the inlets of the history, as the kind of day and the hour have it."""
    return np.asarray(np.array(room.base_kw)[past.day_kind, past.slot])


def learn_room(grid: Grid, system: RoomSystem, site: str, utc_offset_h: float) -> RoomParameters | None:
    """None when a column that is needed has too little history."""
    past = history_of(grid, system, site, utc_offset_h)
    past = past.where(past.is_settled)
    if len(past) < LEAST_STEPS:
        return None
    servers, inlet_ref, base_kw = _servers(past)
    center, heat_ref = np.median(past.knobs, axis=0), float(np.mean(past.heat_kw))
    stream = past.stream_kw_k
    taken = past.taken_kw(stream)
    cool_share = max(float(np.sum(past.cool) / np.sum(taken)), 1e-3)
    columns, target = cooling_columns(past, center, heat_ref), past.cool / taken / cool_share
    cooling = _twice(cooling_prior(past.knobs.shape[1]), columns, target, past.step, LEAST_NOISE)
    [(cube, stray)] = priors_of(KIND)["fan_exponent"].rows
    fan = _twice(
        Belief.prior(np.array([0.0, cube]), np.array([10.0, stray]), noise=0.05),
        _fan_columns(past.speed),
        np.log(np.maximum(past.fan, 1e-3)),
        past.step,
        LEAST_NOISE,
    )
    miss = (cooling.value(columns) - target) * taken * cool_share
    return RoomParameters(
        room=system.room,
        learned_unix_s=float(grid.end_unix_s[-1]),
        center=tuple(float(x) for x in center),
        stream_kw_k=stream,
        heat_ref_kw=heat_ref,
        cool_share=cool_share,
        cooling=cooling,
        servers=servers,
        fan=fan,
        inlet_ref=tuple(float(x) for x in inlet_ref),
        base_kw=tuple(tuple(float(x) for x in row) for row in base_kw),
        inlet_error_k=_inlet_error_k(past),
        power_error=float(np.sqrt(np.mean(miss[-SLOTS:] ** 2)) / np.mean(past.cool + 0.1 * past.room_kw)),
    )


def _twice(prior: Belief, columns: Array, target: Array, steps: Steps, least_noise: float) -> Belief:
    """Once to see how far and how slowly the rest strays, and once more knowing it."""
    rough = prior.learned(columns, target, steps)
    seen = rough.told_apart(columns, target, steps, least_noise=least_noise)
    known = Belief(mean=prior.mean, precision=prior.precision, noise=seen.noise, steadiness=seen.steadiness)
    return known.learned(columns, target, steps)


def _fan_columns(speed: Array) -> Array:
    return np.stack([np.ones(len(speed)), np.log(speed)], axis=1)


def _servers(past: RoomHistory) -> tuple[Belief, Array, Array]:
    """What inlets add, the inlets' columns on the mean, and load by kind of day and slot at these [3, 96]."""
    group, columns, load = past.day_kind * SLOTS + past.slot, server_columns(past.inlet), np.log(past.room_kw)
    inlet_ref = np.mean(columns, axis=0)
    prior = priors_of(KIND)["servers"]
    # Only what differs within one hour of one kind of day can be the inlets' doing.
    belief = Belief.prior(prior.mean, prior.spread, noise=0.05)
    columns_within, load_within = _within(columns, group), _within(load, group)
    belief = _twice(belief, columns_within, load_within, past.step, LEAST_SERVER_NOISE)
    plain = load - belief.value(columns - inlet_ref)
    base = _by_group(plain, group).reshape(DAY_KINDS, SLOTS)
    # A kind of day that was not seen is like the others; an hour that was never seen, like all hours.
    known = np.isfinite(base)
    hour = np.where(known, base, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    hour = np.where(known.any(axis=0), hour, np.mean(plain))
    return belief, inlet_ref, np.exp(np.where(known, base, hour))


def _by_group(values: Array, group: npt.NDArray[np.int64]) -> Array:
    """Means, [DAY_KINDS * SLOTS]; NaN where nothing was seen."""
    count = np.bincount(group, minlength=DAY_KINDS * SLOTS)
    total = np.bincount(group, weights=values, minlength=DAY_KINDS * SLOTS)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _within(values: Array, group: npt.NDArray[np.int64]) -> Array:
    """Less the mean of the group."""
    if values.ndim == 1:
        return np.asarray(values - _by_group(values, group)[group])
    return np.stack([_within(column, group) for column in values.T], axis=1)


def _inlet_error_k(past: RoomHistory) -> float:
    """Of the last day."""
    air, last = Air.seen(past.calm.breath), past.where(np.arange(len(past)) >= len(past) - SLOTS)
    told = last.supply[:, None] + air.shares(last.breath) * last.rise[:, None]
    return float(np.sqrt(np.mean((told - last.inlet) ** 2)))
