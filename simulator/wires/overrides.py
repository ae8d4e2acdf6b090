"""What is held from afar and by hand: a value and a mode for each writable point, within the device's own range.

A person at the device and a command from afar write the same value, and the last one wins, as at room thermostats whose
keys and bus share a register: by a turn of the knob the mode falls back to the device's own, the device follows the
person, and a new remote write ends that. (A drive with a key for local and remote, which then ignores the bus until
somebody turns the key back, is not modeled.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

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
        self._by_hand: dict[str, float] = {}
        self.writes = 0
        """Writes that changed something."""
        self.refused = 0
        self.watchdog_releases = 0

    def is_remote(self, name: str) -> bool:
        return self._remote[name]

    def held(self) -> dict[str, float]:
        """The remote values in force, for `Plant.step`."""
        return {name: self.values[name] for name, is_remote in self._remote.items() if is_remote}

    def by_hand(self) -> dict[str, float]:
        """What persons at the devices have set; in force whether commands are taken or not."""
        return dict(self._by_hand)

    def check(self, name: str, value: float) -> None:
        """Raises OutOfRangeError, and counts it; KeyError for a point that is not writable."""
        low, high = self.writable[name]
        if not (math.isfinite(value) and low - SLACK <= value <= high + SLACK):
            self.refused += 1
            raise OutOfRangeError(f"{name}: {value} is not within {low}..{high}")

    def set(self, name: str, value: float, *, is_remote: bool) -> None:
        """Raises OutOfRangeError, then nothing has changed."""
        self.check(name, value)
        before = (self._remote[name], self.values[name])
        self.values[name] = self._within(name, value)
        self._remote[name] = is_remote
        if is_remote:
            self._by_hand.pop(name, None)
        self.writes += before != (is_remote, self.values[name])

    def release(self, name: str) -> None:
        self.set(name, self.values[name], is_remote=False)

    def release_all(self) -> None:
        """The watchdog's: back to the building's own control, counted once. A person's value stays."""
        self._remote = dict.fromkeys(self._remote, False)
        self.watchdog_releases += 1

    def forget(self, names: Iterable[str]) -> None:
        """A device begins anew: nothing is held, neither from afar nor by hand."""
        for name in names:
            self._remote[name] = False
            self._by_hand.pop(name, None)

    def turn(self, name: str, value: float) -> None:
        """A person sets this at the device; the knob ends where the device's range does."""
        self.values[name] = self._by_hand[name] = self._within(name, value)
        self._remote[name] = False

    def turn_back(self, name: str) -> None:
        """The person leaves it to the device again."""
        self._by_hand.pop(name, None)

    def _within(self, name: str, value: float) -> float:
        low, high = self.writable[name]
        return min(max(value, low), high)
