"""What can go wrong between the true value and the wire: noise, stuck, dead and biased sensors, a cut connection."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.core.errors import ConfigError, Problem

KINDS = ("stuck", "nan", "bias", "modbus")
BIAS = 3.0
WANTED = f"KIND:REGEX:FROM_H:TO_H with KIND one of {', '.join(KINDS)}, such as stuck:zone1.*temperature:24:30"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, from `from_h` (included) to `to_h` (not), hours since the start."""

    kind: str
    points: re.Pattern[str]
    from_h: float
    to_h: float

    def is_on(self, hours: float) -> bool:
        return self.from_h <= hours < self.to_h


def parse(text: str) -> Fault:
    """A fault as typed on the command line. Raises ConfigError."""
    kind, _, rest = text.partition(":")
    try:
        pattern, from_h, to_h = rest.rsplit(":", 2)
        fault = Fault(kind=kind, points=re.compile(pattern), from_h=float(from_h), to_h=float(to_h))
    except (ValueError, re.error):
        fault = None
    if fault is None or kind not in KINDS or not fault.from_h < fault.to_h:
        raise ConfigError([Problem(file="command line", line=0, key="--fault", found=repr(text), wanted=WANTED)])
    return fault


class Disturbance:
    """Turns true values into shown ones. Same seed and calls, same noise."""

    def __init__(
        self, names: Sequence[str], *, noise_k: float = 0.0, faults: Sequence[Fault] = (), seed: int = 0
    ) -> None:
        self._is_temperature = np.array(["temperature" in name and "setpoint" not in name for name in names])
        self._noise_k = noise_k
        self._dice = np.random.default_rng(seed)
        self._faults = [(fault, np.array([bool(fault.points.search(name)) for name in names])) for fault in faults]
        self._last: NDArray[np.float64] | None = None

    def show(self, true: NDArray[np.float64], hours: float) -> NDArray[np.float64]:
        """What the sensors say, [len(names)]; NaN where one is dead."""
        shown = true + self._dice.normal(0.0, 1.0, len(true)) * self._noise_k * self._is_temperature
        for fault, is_hit in self._faults:
            if not fault.is_on(hours):
                continue
            if fault.kind == "stuck" and self._last is not None:
                shown[is_hit] = self._last[is_hit]
            elif fault.kind == "nan":
                shown[is_hit] = np.nan
            elif fault.kind == "bias":
                shown[is_hit] += BIAS
        self._last = shown.copy()
        return shown

    def drops_modbus(self, hours: float) -> bool:
        return any(fault.kind == "modbus" and fault.is_on(hours) for fault, _ in self._faults)
