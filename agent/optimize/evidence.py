"""Whether the planner is right: what it foretold of each machine against what the meters then showed.

Each hour a plan foretells the machine's energy of the next hour; an hour on, the window tells what it was. Over a day
of such hours a machine whose plans miss loses the planner's authority: its rules run, it is learned anew from what came
since, and the planner gets it back; each time it is wrong again it stays away twice as long.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from agent.core.features import Features
from agent.learn.parameters import Distrust

HOUR_S, DAY_S = 3600.0, 86_400.0
QUARTERS = 4
HOURS_KEPT = 24
LEAST_HOURS = 18
"""Comparisons before anything is judged."""
WRONG = {"data_room": 0.12, "ahu": 0.4, "lift_group": 0.4}
WRONG_ELSE = 0.4
"""Foretold over measured energy of the kept hours, less one, beyond which plans are worth nothing (our choice): of a
data room most of the energy is the servers', so little must be missed there. Sound plans of an office tower missed
0.01 (crac), 0.09 (ahu) and 0.15 (lifts), found by trying on two days."""
LEAST_KWH = 5.0
"""Of the kept hours together: a machine that stands still cannot be judged in ratios."""
AWAY_S, AWAY_MOST_S = 1.0 * DAY_S, 14.0 * DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a plan promised, and what came of it."""

    machine: str
    at_unix_s: float
    """When the hour ended."""
    foretold_kwh: float
    measured_kwh: float


@dataclass(slots=True)
class _Record:
    promise: tuple[float, float] | None = None
    """When it was made, and kWh of the hour from then."""
    hours: deque[Effect] = field(default_factory=lambda: deque(maxlen=HOURS_KEPT))

    @property
    def error(self) -> float:
        """Foretold over measured energy, less one: chance evens out over a day. 0 while too little was compared."""
        measured = sum(effect.measured_kwh for effect in self.hours)
        if len(self.hours) < LEAST_HOURS or measured < LEAST_KWH:
            return 0.0
        return sum(effect.foretold_kwh for effect in self.hours) / measured - 1.0


class Evidence:
    """Compares and judges; a function of the features it is shown, so that a replay judges the same."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}
        self._distrusts: dict[str, Distrust] = {}

    def restore(self, distrusts: tuple[Distrust, ...]) -> None:
        """What was learned anew starts with a clean sheet, but how often a machine was lost is remembered."""
        self._distrusts = {told.machine: told for told in distrusts}
        self._records = {}

    @property
    def distrusts(self) -> tuple[Distrust, ...]:
        return tuple(self._distrusts[name] for name in sorted(self._distrusts))

    def is_trusted(self, machine: str, now_unix_s: float) -> bool:
        told = self._distrusts.get(machine)
        return told is None or now_unix_s >= told.until_unix_s

    def error(self, machine: str) -> float:
        return self._records[machine].error if machine in self._records else 0.0

    def look(self, machine: str, meters: tuple[str, ...], features: Features) -> Effect | None:
        """Compare the promise whose hour is over; None while there is none, or a meter could not be seen."""
        record = self._records.setdefault(machine, _Record())
        if record.promise is None or features.at.unix_s < record.promise[0] + HOUR_S - 1.0:
            return None
        (made_s, foretold), record.promise = record.promise, None
        if features.at.unix_s > made_s + HOUR_S + 2.0 * features.grid_s:
            return None  # Nobody looked when it was due.
        measured = measured_kwh(features, meters)
        if not np.isfinite(measured):
            return None
        effect = Effect(
            machine=machine, at_unix_s=features.at.unix_s, foretold_kwh=foretold, measured_kwh=float(measured)
        )
        record.hours.append(effect)
        return effect

    def promise(self, machine: str, kwh: float, now_unix_s: float) -> None:
        """Of the hour from now; one under way is not replaced."""
        record = self._records.setdefault(machine, _Record())
        if record.promise is None:
            record.promise = (now_unix_s, kwh)

    def drop(self, machine: str) -> None:
        """The machine does not follow us now: what was promised does not count."""
        if machine in self._records:
            self._records[machine].promise = None

    def judge(self, machine: str, kind: str, now_unix_s: float) -> Distrust | None:
        """A new distrust when the machine's plans have missed for long; None else."""
        error = self.error(machine)
        if abs(error) <= WRONG.get(kind, WRONG_ELSE):
            return None
        before = self._distrusts.get(machine)
        times = 1 if before is None else before.times + 1
        away_s = min(AWAY_S * 2.0 ** (times - 1), AWAY_MOST_S)
        found = Distrust(
            machine=machine, since_unix_s=now_unix_s, until_unix_s=now_unix_s + away_s, times=times, error=error
        )
        self._distrusts[machine] = found
        self._records.pop(machine)
        return found


def measured_kwh(features: Features, meters: tuple[str, ...]) -> float:
    """Energy of the last hour by these power meters together, NaN where one was not seen in a quarter of it."""
    a_quarter = max(1, round(HOUR_S / QUARTERS / features.grid_s))
    total = 0.0
    for meter in meters:
        seen = features.column(meter)[-QUARTERS * a_quarter :].reshape(-1, a_quarter)
        known = np.isfinite(seen)
        if len(seen) < QUARTERS or not known.any(axis=1).all():
            return float("nan")
        total += float(np.mean(np.where(known, seen, 0.0).sum(axis=1) / known.sum(axis=1)))
    return total
