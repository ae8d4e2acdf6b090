"""The set-points of a data room as a few knobs: all CRACs of a room are turned together, and so is their plant."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.equipment.systems import RoomSystem
from agent.features.grid import latest
from agent.optimize.shape import Shaper

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SUPPLY, SPEED = "supply_air_temperature_setpoint", "fan_speed_setpoint"
UNITS = (1.0, 100.0, 1.0, 1.0)
"""Of the point for one of the knob: speeds are ratios here and percent there."""
GRID = (0.5, 0.02, 1.0, 1.0)
STEP = (1.0, 0.05, 1.0, 1.0)
"""Largest move at a time; the envelope may ask for less."""
TOLL_PER = (0.01, 0.1, 0.01, 0.01)
"""kWh that a move of one is said to cost, against restlessness."""
MOVES_AN_HOUR = 2.0
"""A move, and a look at what it did."""
BASELINE = (19.0, 0.9)
NAMES = ("{:.1f} C supply", "{:.0%} fan", "{:.1f} C chilled water", "{:.1f} C condenser water")


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """Where each stands now, and how far it may go; [d] each, NaN where unknown."""

    points: tuple[tuple[str, ...], ...]
    """By knob."""
    each: tuple[Array, ...]
    """By knob, what stands at its points, in the knob's unit."""
    now: Array
    low: Array
    high: Array
    step: Array

    @classmethod
    def of(cls, system: RoomSystem, features: Features, shaper: Shaper) -> Self:
        points = [tuple(f"{crac}.{role}" for crac in system.cracs) for role in (SUPPLY, SPEED)]
        points += [(f"{system.plant}.{role}",) for role in system.water]
        each = [np.array([_stands(features, point) for point in mine]) / UNITS[i] for i, mine in enumerate(points)]
        now = np.array([np.mean(values) for values in each])
        low, high, step = np.empty(len(points)), np.empty(len(points)), np.empty(len(points))
        for i, mine in enumerate(points):
            # A point without a limit stays where it is.
            low[i] = max(shaper.low(point, now[i] * UNITS[i]) for point in mine) / UNITS[i]
            high[i] = min(shaper.high(point, now[i] * UNITS[i]) for point in mine) / UNITS[i]
            step[i] = min(shaper.step(point, STEP[i] * UNITS[i]) for point in mine) / UNITS[i]
        return cls(points=tuple(points), each=tuple(each), now=now, low=low, high=high, step=step)

    @property
    def equipment(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(point.partition(".")[0] for mine in self.points for point in mine))

    @property
    def start(self) -> Array:
        """The nearest place within the band."""
        return np.asarray(np.minimum(self.high, np.maximum(self.low, self.now)))

    def toll(self, rows: Array) -> Array:
        return np.asarray(np.abs(rows - self.now) @ np.array(TOLL_PER[: len(self.now)]))

    def far(self, rows: Array, steps: int, *, is_settled: bool) -> Array:
        """1 where a row cannot be reached in a step, [n, k]; before the last move is judged, only more air."""
        moves = 1.0 + MOVES_AN_HOUR * np.arange(steps)
        away = np.abs(rows - self.start) / self.step
        out = np.asarray(away.max(axis=1) > moves[:, None] + 1e-6, np.float64)
        if not is_settled:
            others = np.delete(away, 1, axis=1).max(axis=1) > 1e-6
            out[0] = np.maximum(out[0], others | (rows[:, 1] < self.start[1] - 1e-6))
        return out

    def told(self, goal: Array) -> str:
        return ", ".join(name.format(value) for name, value in zip(NAMES, goal, strict=False))

    def proposals(
        self,
        goal: Array,
        shaper: Shaper,
        now: Instant,
        reason: str,
        expects: Mapping[str, float],
        *,
        is_urgent: bool = False,
    ) -> list[Proposal]:
        wishes = []
        for i, mine in enumerate(self.points):
            for point, present in zip(mine, self.each[i], strict=True):
                step = np.inf if is_urgent else self.step[i]
                wish = float(present + np.clip(goal[i] - present, -step, step))
                told = (point, wish * UNITS[i], float(present) * UNITS[i], now)
                wishes.append(shaper.propose(*told, source="planner", reason=reason, expects=expects))
        return [wish for wish in wishes if wish is not None]


def _stands(features: Features, point: str) -> float:
    """What is in force; where a set-point cannot be read, what came of it. A fan that nobody speaks of: 100 %."""
    value = latest(features, point)
    if np.isfinite(value) or point in features.names:
        return value
    equipment, _, role = point.partition(".")
    told = f"{equipment}.{role.removesuffix('_setpoint')}"
    return 100.0 if role == SPEED and told not in features.names else latest(features, told)


def candidates(knobs: Knobs, speeds: Array) -> Array:
    """Sets of set-points [k, d]: the grid of air at the water of now, that of water at the air of now, one step each
    way along all of them; last hold and baseline. `speeds`: some that should be among them."""
    start = knobs.start
    axes = [_axis(knobs, i) for i in range(len(start))]
    axes[1] = np.unique(np.round(np.clip(np.concatenate((axes[1], speeds)), knobs.low[1], knobs.high[1]), 4))
    rows = [(*air, *start[2:]) for air in itertools.product(*axes[:2])]
    if len(start) > 2:
        rows += [(*start[:2], *water) for water in itertools.product(*axes[2:])]
        near = [
            np.unique(np.clip(start[i] + knobs.step[i] * np.array([-1.0, 0.0, 1.0]), knobs.low[i], knobs.high[i]))
            for i in range(len(start))
        ]
        rows += list(itertools.product(*near))
    baseline = (*BASELINE, *start[2:])
    return np.array([*rows, tuple(knobs.now), baseline])


def _axis(knobs: Knobs, i: int) -> Array:
    """An even grid, with the present place and a small trial to either side."""
    near = knobs.start[i] + 0.5 * GRID[i] * np.array([-1.0, 0.0, 1.0])
    even = np.arange(knobs.low[i], knobs.high[i] + 1e-6, GRID[i])
    return np.unique(np.round(np.clip(np.append(even, near), knobs.low[i], knobs.high[i]), 4))
