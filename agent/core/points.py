"""Points: the readable and writable quantities of a site, and the table that numbers them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Quality(IntEnum):
    """How far a sample can be believed (the severities of OPC UA Part 8, A.4.3)."""

    GOOD = 0
    UNCERTAIN = 64
    BAD = 128


class Kind(StrEnum):
    """Brick's families of points."""

    SENSOR = "sensor"
    SETPOINT = "setpoint"
    COMMAND = "command"
    STATUS = "status"
    PARAMETER = "parameter"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpec:
    """What is known of a point before it is read."""

    id: str
    """`<equipment>.<role>`, such as `crac1.supply_air_temperature_setpoint`."""
    unit: str
    """One of `agent.core.units.UNITS`."""
    kind: Kind
    poll_s: float
    """Least time between two samples, seconds."""
    fresh_s: float
    """A sample older than this is stale, seconds."""
    writable: bool = False
    share: bool = False
    """May leave the site by the uplink."""
    words: tuple[tuple[str, float], ...] = ()
    """What the device calls its numbers."""
    deadband: float | None = None
    """Samples closer to the last one stored are not stored, but one each `report_s`; None: all are."""
    report_s: float = 900.0

    @property
    def holds_s(self) -> float:
        """How long a stored sample stands for the point: with a dead band, no news is no change."""
        return self.fresh_s if self.deadband is None else max(self.fresh_s, self.report_s + 2.0 * self.poll_s)

    @property
    def equipment(self) -> str:
        return self.id.partition(".")[0]

    @property
    def role(self) -> str:
        return self.id.partition(".")[2]


class PointTable:
    """Every point of the site in a fixed order; a point's place in it is its handle (int32)."""

    def __init__(self, specs: Sequence[PointSpec]) -> None:
        self._specs = tuple(specs)
        self._handles = {spec.id: handle for handle, spec in enumerate(self._specs)}
        if len(self._handles) != len(self._specs):
            raise ValueError("two points share an id")

    def handle(self, point: str) -> int:
        """Raises KeyError for an unknown point."""
        return self._handles[point]

    def get(self, point: str) -> PointSpec | None:
        handle = self._handles.get(point)
        return None if handle is None else self._specs[handle]

    def __contains__(self, point: str) -> bool:
        return point in self._handles

    def __getitem__(self, handle: int) -> PointSpec:
        return self._specs[handle]

    def __len__(self) -> int:
        return len(self._specs)

    def __iter__(self) -> Iterator[PointSpec]:
        return iter(self._specs)
