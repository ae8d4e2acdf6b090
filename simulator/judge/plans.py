"""Day plans as vectors of 0..1: what a search may choose, and how it becomes orders within an agent's own envelope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.equipment.kinds import role_of
from simulator.parts import Array
from simulator.world import Worlds

BLOCKS_H = (0.0, 6.0, 8.0, 11.0, 14.0, 17.0, 19.0, 22.0)
"""A set-point has one value from each of these hours to the next (our choice: an office's day)."""
EARLIEST_H, LATEST_H = -2.0, 26.0
"""Of switching times, so that "from midnight" and "until midnight" are not rare among random plans."""
OFFSET_SHARE = 0.1
"""Machines of one role share their blocks; each may lie off by so much of the band, to either side."""
NEAR_EDGE_K = 1.0
SAME = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A writable point with the agent's own limits on it."""

    point: str
    role: str
    low: float
    high: float
    step: float
    hold_s: float
    is_switch: bool
    is_whole: bool
    """On or off, cars, stages."""
    likely: tuple[float, float] = (0.0, 1.0)
    """Where in the band its value by day is looked for first."""


def knobs_of(worlds: Worlds) -> list[list[Knob]]:
    """By part."""
    return [
        [_knob(point, worlds) for point in part.writable if point in worlds.permits and _is_free(point, worlds)]
        for part in worlds.parts
    ]


def _is_free(point: str, worlds: Worlds) -> bool:
    device, permit = worlds.writable[point], worlds.permits[point]
    return bool(max(device.low, permit.low) < min(device.high, permit.high))


def _knob(point: str, worlds: Worlds) -> Knob:
    equipment, _, role = point.partition(".")
    permit, device = worlds.permits[point], worlds.writable[point]
    entry = worlds.equipment[equipment]
    known = role_of(str(entry["kind"]), role)
    unit = known.unit if known else ""
    low, high = max(permit.low, device.low), min(permit.high, device.high)
    return Knob(
        point=point,
        role=role,
        low=low,
        high=high,
        step=permit.step,
        hold_s=permit.hold_s,
        is_switch=unit == "onoff",
        is_whole=unit in ("onoff", "count"),
        likely=_likely(role, entry, low, high),
    )


def _likely(role: str, entry: Mapping[str, Any], low: float, high: float) -> tuple[float, float]:
    """A zone's set-points lie at the edges of its comfort band, as every caretaker knows; else anywhere."""
    if "cooling" in role and "comfort_high_c" in entry:
        edge = (entry["comfort_high_c"] - NEAR_EDGE_K, entry["comfort_high_c"])
    elif "heating" in role and "comfort_low_c" in entry:
        edge = (entry["comfort_low_c"], entry["comfort_low_c"] + NEAR_EDGE_K)
    else:
        return 0.0, 1.0
    first, last = ((value - low) / (high - low) for value in edge)
    return min(1.0, max(0.0, first)), min(1.0, max(0.0, last))


class Shape:
    """How the vector of some knobs is laid out: two hours a switch, blocks a role, an offset a machine."""

    def __init__(self, knobs: Sequence[Knob]) -> None:
        self.knobs = tuple(knobs)
        self.switches = [n for n, knob in enumerate(self.knobs) if knob.is_switch]
        roles = dict[str, list[int]]()
        for n, knob in enumerate(self.knobs):
            if not knob.is_switch:
                roles.setdefault(knob.role, []).append(n)
        self.roles = roles
        self.size = 2 * len(self.switches) + sum(
            len(BLOCKS_H) + (len(members) if len(members) > 1 else 0) for members in roles.values()
        )

    def wanted(self, vectors: Array, hours: Array) -> Array:
        """Vectors [size, worlds] as values [knobs, hours, worlds], not yet within step and hold."""
        out = np.empty((len(self.knobs), len(hours), vectors.shape[1]))
        at = 0
        of_day = hours % 24.0
        for n in self.switches:
            start, stop = EARLIEST_H + (LATEST_H - EARLIEST_H) * vectors[at : at + 2, None, :]
            at += 2
            out[n] = (start <= of_day[:, None]) & (of_day[:, None] < stop)
        block = np.searchsorted(np.array(BLOCKS_H), of_day, side="right") - 1
        for members in self.roles.values():
            level = vectors[at : at + len(BLOCKS_H)][block]
            at += len(BLOCKS_H)
            for n in members:
                knob, mine = self.knobs[n], level
                if len(members) > 1:
                    mine = level + 2.0 * OFFSET_SHARE * (vectors[at] - 0.5)
                    at += 1
                out[n] = knob.low + (knob.high - knob.low) * np.minimum(1.0, np.maximum(0.0, mine))
        return out

    def two_level(self, count: int, dice: np.random.Generator) -> Array:
        """Plans like a good caretaker's: one level by day and one by night, on in working hours, on always, or off."""
        vectors = np.empty((self.size, count))
        at = 0
        for _ in self.switches:
            start, stop = _share(dice.uniform(4.0, 10.0, count)), _share(dice.uniform(16.0, 23.0, count))
            kind = dice.integers(0, 6, count)
            vectors[at] = np.where(kind == 0, 1.0, np.where(kind == 1, 0.0, start))
            vectors[at + 1] = np.where(kind == 0, 0.0, np.where(kind == 1, 1.0, stop))
            at += 2
        by_day = np.array([6.0 <= hour < 19.0 for hour in BLOCKS_H])[:, None]
        for members in self.roles.values():
            end = at + len(BLOCKS_H)
            likely = self.knobs[members[0]].likely
            vectors[at:end] = np.where(by_day, dice.uniform(*likely, count), dice.uniform(0.0, 1.0, count))
            at = end
            if len(members) > 1:
                vectors[at : at + len(members)] = 0.5
                at += len(members)
        return vectors


def _share(hour: Array) -> Array:
    return (hour - EARLIEST_H) / (LATEST_H - EARLIEST_H)


@dataclass(slots=True)
class Grip:
    """What the devices follow now, and when we last moved them; [knobs, worlds]."""

    present: Array
    moved_s: Array

    @classmethod
    def fresh(cls, present: Array) -> Grip:
        return cls(present, np.full(present.shape, -np.inf))


def within(knobs: Sequence[Knob], wanted: Array, grip: Grip, start_s: float, step_s: float) -> Array:
    """The orders that a gate would let pass, [knobs, steps, worlds]; `grip` is left as they leave the devices.

    The rules of agent/safety/guard.py: at most `step` from the present value, the band has the last word, no move
    within `hold_s` of the last.
    """
    low, high, step, hold_s = (
        np.array([[getattr(knob, name)] for knob in knobs]) for name in ("low", "high", "step", "hold_s")
    )
    whole = np.array([[knob.is_whole] for knob in knobs])
    wanted = np.where(whole[:, None, :], np.round(wanted), wanted)
    orders = np.empty_like(wanted)
    present, moved_s = grip.present, grip.moved_s
    for k in range(wanted.shape[1]):
        now_s = start_s + k * step_s
        near = np.minimum(present + step, np.maximum(present - step, wanted[:, k]))
        value = np.minimum(high, np.maximum(low, near))
        moves = (np.abs(value - present) > SAME) & (now_s - moved_s >= hold_s)
        present = np.where(moves, value, present)
        moved_s = np.where(moves, now_s, moved_s)
        orders[:, k] = present
    grip.present, grip.moved_s = present, moved_s
    return orders


def rows_of(worlds: Worlds, knobs: Sequence[Knob]) -> NDArray[np.int64]:
    """Where each knob's present value stands in `read()`."""
    places = {name: row for row, name in enumerate(worlds.names)}
    return np.array([places[knob.point] for knob in knobs], np.int64)


def as_held(knobs: Sequence[Knob], orders: Array, k: int) -> Mapping[str, Any]:
    """Orders of one step, as `Worlds.hold` takes them; NaN leaves the device to its own control."""
    return {knob.point: orders[n, k] for n, knob in enumerate(knobs)}
