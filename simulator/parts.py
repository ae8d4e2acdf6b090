"""What a site is composed of: parts that live in sub-steps, each in many parallel worlds at once.

The last axis of every array is the world, so that numpy runs along it: a state of four zones is float64 [4, worlds].
A part reads the sky and what is held from afar, moves its own state by a sub-step, and leaves three things to be read:
`values` of its points, `power_w` by end use, and its `books`. It never looks at a clock, a file or another world.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.physics.weather import SkyDay
from simulator.plant import Permit, WritablePoint

Array = NDArray[np.float64]

SUB_STEP_S = 60.0
MINUTES = 1440


class Own(NamedTuple):
    """One number of a part's ordinary controller, as a scenario may set it."""

    default: float
    low: float
    high: float
    about: str
    """What it does and in which unit, for the person who writes the scenario."""


class Dice:
    """Nominal values in, these buildings' values out: uniform within +- `spread`, dice of its own for each world."""

    def __init__(self, seeds: Sequence[int], spread: float) -> None:
        self._dice = {seed: np.random.default_rng(seed) for seed in seeds}
        self._seeds = list(seeds)
        self._spread = spread

    def __call__(self, nominal: float) -> Array:
        """[worlds]; worlds of the same seed are the same building."""
        drawn = {seed: float(dice.uniform(-1.0, 1.0)) for seed, dice in self._dice.items()}
        return np.array([nominal * (1.0 + self._spread * drawn[seed]) for seed in self._seeds])


@dataclass(slots=True)
class Books:
    """Sums and peaks since the account began, each [worlds]; the names are the judge's, see `simulator/books.py`."""

    sums: dict[str, Array] = field(default_factory=dict)
    peaks: dict[str, Array] = field(default_factory=dict)

    def add(self, name: str, amount: Array) -> None:
        if name in self.sums:
            self.sums[name] += amount
        else:
            self.sums[name] = np.array(amount, np.float64)

    def peak(self, name: str, value: Array) -> None:
        if name in self.peaks:
            np.maximum(self.peaks[name], value, out=self.peaks[name])
        else:
            self.peaks[name] = np.array(value, np.float64)

    def idle(self, machine: str, running_s: Array, idle_s: Array, idle_j: Array) -> None:
        """How long a machine ran, how much of it for nobody, and what that took."""
        self.add(f"running_s/{machine}", running_s)
        self.add(f"idle_s/{machine}", idle_s)
        self.add(f"idle_j/{machine}", idle_j)

    def clear(self) -> None:
        self.sums.clear()
        self.peaks.clear()


class Part:
    """A piece of a site. Subclasses fill the class's and instance's fields, and implement `advance`."""

    OWN: Mapping[str, Own] = {}
    """Keys of `own_control` that this part understands."""
    points: tuple[str, ...] = ()
    """Readable points, in the order of `values`; `agent/equipment/kinds.py` says in which unit."""
    writable: Mapping[str, WritablePoint]
    """In the order of `held`; each is one of `points` too, and shows what the device follows now."""
    permits: Mapping[str, Permit]
    equipment: Mapping[str, Mapping[str, Any]]
    """Equipment id -> `kind` and relations, as a site config tells them: {"zone1": {"kind": "zone", ...}}."""
    uses: tuple[str, ...] = ()
    """End uses of electricity, in the order of `power_w`: `fan`, `cooling`, `heating`, `crac_fan`, `compressor`, ..."""
    burns_gas: bool = False
    ailments: Mapping[str, tuple[str, ...]]
    """Machine-fault kind -> the equipment it can strike."""

    def __init__(self, worlds: int) -> None:
        self.worlds = worlds
        self.values: Array = np.zeros((len(self.points), worlds))
        self.power_w: Array = np.zeros((len(self.uses), worlds))
        self.gas_w: Array = np.zeros(worlds)
        """Fuel burnt, higher heating value."""
        self.books = Books()
        self.is_told = True
        """Somebody reads after this sub-step: only then `values` other than powers and flows need be true."""
        self._row = {name: row for row, name in enumerate(self.points)}

    def begin_day(self, day: int, sky: SkyDay) -> None:
        """Midnight: draw what this day brings (people, load, traffic). Day 0 is the first of the run."""

    def advance(self, minute: int, sky: SkyDay, held: Array) -> None:
        """One sub-step of `SUB_STEP_S` from `minute` of the day; `held` [len(writable), worlds], NaN: own control.

        Counters (`*.electric_energy`) are the world's; leave their rows alone.
        """
        raise NotImplementedError

    def ail(self, kind: str, equipment: str, size: float | None) -> None:
        """A machine fault begins with this size, or ends (None). Only what `ailments` names is asked."""
        raise NotImplementedError

    def open_books(self) -> None:
        """The books begin anew, empty; for entries that must be there even when nothing happens."""

    def restart_counters(self) -> None:
        """The first learning day begins: counters of this part's own, such as trips, begin at 0."""

    def show(self, name: str, value: Any) -> None:
        """The row of a point: a number or [worlds]."""
        self.values[self._row[name]] = value


def follow(held: Array, own: Array | float) -> Array:
    """What is held from afar, else the part's own wish; shapes broadcast."""
    return np.where(np.isnan(held), own, held)
