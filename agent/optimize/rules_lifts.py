"""The baseline's rules for lift groups: standby timers, and half of the cars rest while nobody calls."""

from __future__ import annotations

import math

import numpy as np

from agent.core.clock import Instant
from agent.core.features import Features
from agent.equipment.systems import LiftSystem
from agent.optimize.rules_air import empty_s, in_use

QUIET_S = 1800.0
"""Without a trip for so long the group counts as quiet."""
DARK = 1.0
"""Light and fan off after five minutes (ISO 25745-2's first standby): a car starts from it at once."""


def quiet_s(system: LiftSystem, features: Features) -> float:
    """Seconds since the last trip; inf for none in the window or no counter, NaN while it cannot be seen."""
    name = f"{system.lifts}.trips_count"
    if name not in features.names:
        return math.inf
    count = features.column(name)
    if not np.isfinite(count[-3:]).any():
        return math.nan
    known = count[np.isfinite(count)]
    moved = np.flatnonzero(np.diff(known) != 0.0)
    return math.inf if len(moved) == 0 else float(len(known) - 2 - moved[-1]) * features.grid_s


def cars(system: LiftSystem, features: Features, now: Instant, utc_offset_h: float) -> tuple[float, str] | None:
    """Cars in service, and why; None while people or trips cannot be seen."""
    nobody_s = empty_s(features, system.zones)
    still_s = quiet_s(system, features)
    if math.isnan(nobody_s + still_s):
        return None
    if in_use(system.schedule, now, utc_offset_h):
        return float(system.cars), "the building is in use"
    if nobody_s < QUIET_S:
        return float(system.cars), "people are still in"
    if still_s < QUIET_S:
        return float(system.cars), "somebody rode within the half hour"
    return float(max(1, (system.cars + 1) // 2)), "night or a free day, and nobody calls: half of the cars rest"
