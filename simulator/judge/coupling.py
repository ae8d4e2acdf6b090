"""Which parts of a site touch one another: found by trying, so that the others can be searched side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.judge.plans import Grip, Knob, Shape, as_held, knobs_of, rows_of, within
from simulator.judge.toll import ROUNDING, lifts_of, read_books
from simulator.world import Worlds

TRIED_H = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Knobs that are searched together, and the rows of `spent_j` (parts, and gas) that they move."""

    shape: Shape
    rows: tuple[int, ...]
    lifts: tuple[int, ...]
    """Of the lift parts, those among them."""


def clusters_of(worlds: Worlds, dice: np.random.Generator) -> list[Cluster]:
    """Each part's knobs are turned at random in some worlds; whose books then differ from the first world's, in which
    nobody turns anything, is touched by them. `worlds` stands afterwards as before.
    """
    knobs = knobs_of(worlds)
    owners = [row for row, mine in enumerate(knobs) if mine]
    touched = {owner: {owner} | _touched(worlds, knobs[owner], dice) for owner in owners}
    groups: list[tuple[set[int], set[int]]] = []
    for owner in owners:
        mine, rows = {owner}, set(touched[owner])
        for group in [group for group in groups if group[1] & rows]:
            groups.remove(group)
            mine, rows = mine | group[0], rows | group[1]
        groups.append((mine, rows))
    return [
        Cluster(
            shape=Shape([knob for owner in sorted(mine) for knob in knobs[owner]]),
            rows=tuple(sorted(rows)),
            lifts=tuple(place for place, row in enumerate(lifts_of(worlds.parts)) if row in rows),
        )
        for mine, rows in groups
    ]


def _touched(worlds: Worlds, knobs: list[Knob], dice: np.random.Generator) -> set[int]:
    """Rows that differ from own control in any world."""
    shape, trial = Shape(knobs), worlds.copy()
    steps = round(TRIED_H * 3600.0 / trial.step_s)
    hours = np.arange(steps) * trial.step_s / 3600.0
    wanted = shape.wanted(shape.two_level(trial.worlds, dice), hours)
    orders = within(knobs, wanted, Grip.fresh(trial.read()[rows_of(trial, knobs)]), 0.0, trial.step_s)
    orders[:, :, 0] = np.nan
    before = read_books(trial)
    for k in range(steps):
        trial.hold(as_held(knobs, orders, k))
        trial.step()
    seen = read_books(trial).since(before).signature
    own = seen[:, :, :1]
    differs = np.abs(seen - own) > ROUNDING * np.maximum(1.0, np.abs(own))
    return {int(row) for row in np.flatnonzero(differs.any(axis=(1, 2)))}
