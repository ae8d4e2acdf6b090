"""What EnergyPlus buildings show of themselves: a plant's points from output variables, actuators from what is held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.energyplus.run import Watch
from simulator.parts import Books
from simulator.plant import Permit, WritablePoint

Array = NDArray[np.float64]
Place = tuple[str, str]
"""Output variable and key."""


@dataclass(slots=True, kw_only=True)
class Look:
    """What one wire step came to."""

    values: dict[str, float]
    """By point; meters and counters are the plant's."""
    power_w: dict[str, float]
    """Electricity by end use."""
    gas_w: float = 0.0
    more: dict[str, Array] = field(default_factory=dict)
    """For the books."""


class Face(Protocol):
    """One building's points; `means` and `states` are asked of EnergyPlus."""

    points: tuple[str, ...]
    writable: Mapping[str, WritablePoint]
    permits: Mapping[str, Permit]
    equipment: Mapping[str, Mapping[str, Any]]
    meters: Mapping[str, tuple[str, ...]]
    """Meter -> end uses behind it; none: all."""
    room_uses: tuple[str, ...]
    means: tuple[Place, ...]
    states: tuple[Place, ...]
    actuators: tuple[tuple[str, str, str], ...]

    def orders(self, held: Mapping[str, float], hour: float) -> Array:
        """Actuators for a step that begins at this hour of the day, NaN where the building controls itself."""

    def look(self, seen: Seen) -> Look: ...

    def book(self, books: Books, look: Look, seconds: float) -> None: ...


class Seen:
    """Values of a step by variable and key."""

    def __init__(self, face: Face) -> None:
        self._places = {place: n for n, place in enumerate((*face.means, *face.states))}
        self.values = np.zeros(len(self._places))

    def __call__(self, variable: str, key: str) -> float:
        return float(self.values[self._places[variable, key]])


def watch_of(face: Face) -> Watch:
    return Watch(means=face.means, states=face.states, actuators=face.actuators)


def scalar(value: float) -> Array:
    """As the books of one world keep it."""
    return np.array([value])
