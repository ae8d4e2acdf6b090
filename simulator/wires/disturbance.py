"""What sensors show instead of the truth: noise, and the sensor faults of `simulator/faults.py`.

Noise depends on the seed, the fault and the instant, not on how often somebody looks, nor on other faults. A sensor
that is stuck repeats what it showed when its fault began.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.config.lines import nearest
from agent.core.errors import ConfigError, Problem
from simulator.faults import Fault, of_layer

Array = NDArray[np.float64]

NOISE = 0
"""The tag of the site's own noise; a fault's tag is a checksum."""


class Disturbance:
    """Turns true values into shown ones; what is no sensor fault is left to others."""

    def __init__(
        self, names: Sequence[str], *, noise_k: float = 0.0, faults: Sequence[Fault] = (), seed: int = 0
    ) -> None:
        """Raises ConfigError for a point that is none of `names`, and for a swap of other than two."""
        self._is_temperature = np.array(["temperature" in name and "setpoint" not in name for name in names])
        self._noise_k = noise_k
        self._seed = seed
        places = {name: place for place, name in enumerate(names)}
        self._faults = [_Strike(fault, places) for fault in of_layer(faults, "sensor")]
        self._last: Array | None = None

    def show(self, true: Array, unix_s: float) -> Array:
        """What the sensors say at this instant, [len(names)]; NaN where one is dead."""
        shown = true.copy()
        if self._noise_k:
            shown += self._dice(NOISE, unix_s).normal(0.0, self._noise_k, len(true)) * self._is_temperature
        for strike in self._faults:
            if strike.fault.is_on(unix_s):
                self._change(shown, strike, unix_s)
            else:
                strike.frozen = None
        self._last = shown.copy()
        return shown

    def _change(self, shown: Array, strike: _Strike, unix_s: float) -> None:
        fault, hit = strike.fault, strike.places
        match fault.kind:
            case "stuck":
                if strike.frozen is None:
                    strike.frozen = (shown if self._last is None else self._last)[hit]
                shown[hit] = strike.frozen
            case "drift":
                shown[hit] += fault.size * (unix_s - fault.from_unix_s) / 3600.0
            case "noisy":
                shown[hit] += self._dice(strike.tag, unix_s).normal(0.0, fault.size, len(hit))
            case "swapped":
                shown[hit] = shown[hit[::-1]]
            case "wrong-sign":
                shown[hit] = -shown[hit]
            case "absent":
                shown[hit] = np.nan
            case "bias":
                shown[hit] += fault.size

    def _dice(self, tag: int, unix_s: float) -> np.random.Generator:
        return np.random.default_rng([self._seed, tag, int(unix_s)])


class _Strike:
    """A fault, where its points are, and what they showed when they stuck."""

    __slots__ = ("fault", "frozen", "places", "tag")

    def __init__(self, fault: Fault, places: dict[str, int]) -> None:
        for name in fault.where:
            if name not in places:
                raise _wrong(fault, f"the unknown point `{name}`", "points of this site", nearest(name, places))
        if fault.kind == "swapped" and len(fault.where) != 2:
            raise _wrong(fault, f"{len(fault.where)} points", "two points that are swapped")
        self.fault = fault
        self.places = np.array([places[name] for name in fault.where], np.intp)
        self.tag = zlib.crc32(repr((fault.kind, fault.where, fault.from_unix_s)).encode())
        self.frozen: Array | None = None


def _wrong(fault: Fault, found: str, wanted: str, like: str | None = None) -> ConfigError:
    key = f"faults.{fault.kind}"
    return ConfigError([Problem(file="scenario", line=0, key=key, found=found, wanted=wanted, nearest=like)])
