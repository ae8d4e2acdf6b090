"""When people are in: shares of days by kind of day and quarter of an hour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.equipment.systems import AhuSystem
from agent.features.grid import DAY_KINDS, SLOTS, STEP_S, Grid, day_kind_of, slot_of
from agent.learn.parameters import OccupancyParameters
from agent.learn.presence import habits_of, people_steps

Array = npt.NDArray[np.float64]


def learn_occupancy(grid: Grid, system: AhuSystem, utc_offset_h: float) -> OccupancyParameters:
    """Counts the days of the history; a slot that was never seen counts as empty."""
    zones = system.zones
    start = grid.end_unix_s - STEP_S + 1.0
    slot, kind = slot_of(start, utc_offset_h), day_kind_of(start, utc_offset_h)
    habits = habits_of(grid.features, system, utc_offset_h)
    people = np.stack([people_steps(grid, zone, system, habits, utc_offset_h) for zone in zones], axis=1)
    known = np.asarray(np.isfinite(people).all(axis=1))
    people = np.where(known[:, None], people, 0.0)
    seen = _sum_by(kind, slot, known[:, None].astype(np.float64))
    often = np.maximum(seen, 1.0)
    anybody = np.asarray((people > 0.0).any(axis=1, keepdims=True), np.float64)
    any_share = np.asarray(_sum_by(kind, slot, anybody) / often)[:, :, 0]
    return OccupancyParameters(
        ahu=system.ahu,
        zones=zones,
        days=tuple(float(x) for x in seen[:, :, 0].max(axis=1)),
        count=_nested(np.asarray(_sum_by(kind, slot, people) / often)),
        share=_nested(_sum_by(kind, slot, (people > 0.0).astype(np.float64)) / often),
        any_share=tuple(tuple(float(x) for x in row) for row in any_share),
        run_share=tuple(tuple(float(x) for x in row) for row in habits),
    )


def _sum_by(kind: npt.NDArray[np.int64], slot: npt.NDArray[np.int64], values: Array) -> Array:
    """[DAY_KINDS, SLOTS, columns]."""
    out = np.zeros((DAY_KINDS, SLOTS, values.shape[1]))
    np.add.at(out, (kind, slot), values)
    return out


def _nested(values: Array) -> tuple[tuple[tuple[float, ...], ...], ...]:
    return tuple(tuple(tuple(float(x) for x in row) for row in day) for day in values)
