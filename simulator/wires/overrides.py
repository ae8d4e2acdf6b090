"""What is held from afar: a value and a mode for each writable point, within the device's own range."""

from __future__ import annotations

import math
from collections.abc import Mapping

from simulator.plant import WritablePoint

SLACK = 1e-9
"""A bound that came as int16 x 0.01 must not be refused for its last binary digit."""


class OutOfRangeError(ValueError):
    """Not a value this device takes."""


class Overrides:
    """The remote side of every writable point, with the counts of the account's `gateway`."""

    def __init__(self, writable: Mapping[str, WritablePoint], values: Mapping[str, float]) -> None:
        """`values` are shown until somebody writes; all start released."""
        self.writable = writable
        self.values = {name: min(max(values[name], low), high) for name, (low, high) in writable.items()}
        self._remote = dict.fromkeys(writable, False)
        self.writes = 0
        """Writes that changed something."""
        self.refused = 0
        self.watchdog_releases = 0

    def is_remote(self, name: str) -> bool:
        return self._remote[name]

    def held(self) -> dict[str, float]:
        """The values in force, for `Plant.step`."""
        return {name: self.values[name] for name, is_remote in self._remote.items() if is_remote}

    def check(self, name: str, value: float) -> None:
        """Raises OutOfRangeError, and counts it; KeyError for a point that is not writable."""
        low, high = self.writable[name]
        if not (math.isfinite(value) and low - SLACK <= value <= high + SLACK):
            self.refused += 1
            raise OutOfRangeError(f"{name}: {value} is not within {low}..{high}")

    def set(self, name: str, value: float, *, is_remote: bool) -> None:
        """Raises OutOfRangeError, then nothing has changed."""
        self.check(name, value)
        low, high = self.writable[name]
        before = (self._remote[name], self.values[name])
        self.values[name] = min(max(value, low), high)
        self._remote[name] = is_remote
        self.writes += before != (is_remote, self.values[name])

    def release(self, name: str) -> None:
        self.set(name, self.values[name], is_remote=False)

    def release_all(self) -> None:
        """The watchdog's: back to the building's own control, counted once."""
        self._remote = dict.fromkeys(self._remote, False)
        self.watchdog_releases += 1
