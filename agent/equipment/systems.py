"""What a strategy needs to know of a site's machines: who serves whom, and what must hold. Filled from the config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.equipment.energy import ALONE, FLAT, Aim, Tariff, Together


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Hours in which the site is in use, local time; the baseline follows it, the planner learns its own."""

    start_h: float = 7.0
    stop_h: float = 19.0
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    """0 is Monday."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AhuSystem:
    """One air handler and the zones behind it."""

    ahu: str
    zones: tuple[str, ...]
    comfort_low_c: float = 20.5
    comfort_high_c: float = 25.5
    schedule: Schedule = Schedule()


@dataclass(frozen=True, slots=True, kw_only=True)
class CracSystem:
    """One CRAC and the room it cools."""

    crac: str
    room: str
    inlet_max_c: float = 27.0
    """Recommended for class A1: ASHRAE TC 9.9, Thermal Guidelines for Data Processing Environments."""
    racks: int = 4
    """Inlet sensors of the room."""
    it_meter: str | None = None
    """A meter of the servers with their UPS; without it the loss is assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSystem:
    """A data room with all the CRACs that serve it; they are moved together, so that none is the one that matters."""

    room: str
    cracs: tuple[str, ...]
    inlet_max_c: float = 27.0
    racks: int = 4
    it_meter: str | None = None
    plant: str | None = None
    """A chilled-water plant that serves nobody else."""
    water: tuple[str, ...] = ()
    """Its set-points that may be moved: of chilled water, and of condenser water too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftSystem:
    """One lift group."""

    lifts: str
    cars: int = 4
    zones: tuple[str, ...] = ()
    """Zones whose people tell that the building is in use."""
    schedule: Schedule = Schedule(start_h=6.0, stop_h=20.0)
    wait_longer_pct: float = 0.5
    """So much longer people may wait in the mean than with all cars awake: fewer than one trip in a hundred is met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """All machines of a site that a strategy may wish something for."""

    site: str = "site"
    utc_offset_h: float = 0.0
    ahus: tuple[AhuSystem, ...] = ()
    cracs: tuple[CracSystem, ...] = ()
    rooms: tuple[RoomSystem, ...] = ()
    """The same CRACs by room."""
    lifts: tuple[LiftSystem, ...] = ()
    aim: Aim = "energy"
    tariff: Tariff = FLAT
    together: Together = ALONE
    models: Mapping[str, Path] = field(default_factory=dict)
    """A site's own model folder by kind of graph, in the place of ours."""
