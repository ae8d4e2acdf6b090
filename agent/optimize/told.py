"""What a plan says of the coming day, as the store keeps it: for `hushwatt plan` and for who asks why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent.core.command import Proposal

HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One machine's plan by the hour."""

    machine: str
    reason: str
    expects: Mapping[str, float]
    limits: tuple[str, ...]
    series: Mapping[str, tuple[str, tuple[float, ...]]]
    """Output -> unit, and a value an hour: sums of energies, means of the others; of several machines' the highest."""

    def as_dict(self) -> dict[str, object]:
        return {
            "machine": self.machine,
            "reason": self.reason,
            "expects": dict(self.expects),
            "limits": list(self.limits),
            "series": {name: {"unit": unit, "values": list(values)} for name, (unit, values) in self.series.items()},
        }


def told_of(machine: str, promise: Mapping[str, Any], outputs: Mapping[str, Any], wishes: list[Proposal]) -> Told:
    units = {entry["name"]: str(entry["unit"]) for entry in promise["outputs"]}
    steps = len(np.atleast_1d(outputs["energy_kwh"])) if "energy_kwh" in outputs else 0
    series = {
        name: (units[name], _hourly(np.asarray(value, np.float64), units[name]))
        for name, value in outputs.items()
        if np.ndim(value) in (1, 2) and len(value) == steps and steps % HOURS == 0 and steps
    }
    return Told(
        machine=machine,
        reason=wishes[0].reason if wishes else "",
        expects=wishes[0].expects if wishes else {},
        limits=tuple(sorted({limit for wish in wishes for limit in wish.limits})),
        series=series,
    )


def first_hour_kwh(outputs: Mapping[str, Any]) -> float:
    """Energy that the plan foretells for the coming hour; NaN where it tells none."""
    if "energy_kwh" not in outputs:
        return float("nan")
    energy = np.asarray(outputs["energy_kwh"], np.float64)
    a_hour = len(energy) // HOURS
    return float(energy[:a_hour].sum()) if a_hour else float("nan")


def _hourly(values: np.ndarray[Any, np.dtype[np.float64]], unit: str) -> tuple[float, ...]:
    rows = values if values.ndim == 1 else values.max(axis=1)
    hours = rows.reshape(HOURS, -1)
    return tuple(round(float(x), 3) for x in (hours.sum(axis=1) if unit == "kWh" else hours.mean(axis=1)))
