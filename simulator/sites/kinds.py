"""What a kind of site promises: which sizes it takes, what its ordinary control can be told, how it is composed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from simulator.parts import Dice, Own, Part
from simulator.physics.occupancy import People
from simulator.scenario_file import ScenarioFile
from simulator.sites.building import Fabric
from simulator.world import Site


class Size(NamedTuple):
    """One number that a scenario may set under `sizes`."""

    default: float
    low: float
    high: float
    about: str


class Seeds(NamedTuple):
    """Dice of each world that share nothing with one another."""

    building: list[int]
    sky: list[int]
    people: list[int]
    load: list[int]
    traffic: list[int]

    @classmethod
    def of(cls, seeds: Sequence[int]) -> Seeds:
        drawn = [[int(s) for s in np.random.SeedSequence(seed).generate_state(5)] for seed in seeds]
        return cls(*([row[n] for row in drawn] for n in range(5)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be built."""

    told: ScenarioFile
    sizes: Mapping[str, float]
    """All that the kind takes, defaults filled in."""
    seeds: Seeds
    first_days: tuple[date, ...]
    """Of each world: its warm-up day."""
    origin: date
    """The day from which dice count, so that worlds that begin on different days of one year share it."""

    def count(self, name: str) -> int:
        return round(self.sizes[name])

    def dice(self) -> Dice:
        return Dice(self.seeds.building, self.told.spread)

    @property
    def fabric(self) -> Fabric:
        return Fabric(**self.told.fabric.model_dump())

    def own(self, part: type[Part]) -> dict[str, float]:
        """What the scenario tells this part's ordinary controller."""
        return {key: float(value) for key, value in self.told.own_control.items() if key in part.OWN}

    def people(self, zones: int, per_zone: int, habits: str | None = None) -> People:
        return People(
            zones,
            per_zone,
            self.seeds.people,
            self.first_days,
            origin=self.origin,
            holidays=self.told.holidays,
            events=self.told.events,
            habits=habits or self.told.habits,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteKind:
    """One way to compose parts."""

    about: str
    sizes: Mapping[str, Size]
    parts: tuple[type[Part], ...]
    """Whose `own_control` keys are understood."""
    compose: Callable[[Order], Site]

    @property
    def own(self) -> dict[str, Own]:
        return {key: entry for part in self.parts for key, entry in part.OWN.items()}
