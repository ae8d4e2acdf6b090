"""Points in this process: for a plant in virtual time, and for a site that has no wire yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from agent.core.clock import Clock
from agent.core.command import Command, Outcome
from agent.core.errors import OperatingError
from agent.core.points import Quality
from agent.core.scan import Scan
from agent.core.units import UNITS


class Registers(Protocol):
    """What stands behind a memory device."""

    def read(self) -> Mapping[str, float]:
        """Point -> value, NaN for a dead sensor. Raises OperatingError when the device is silent."""

    def write(self, point: str, value: float | None) -> float | None:
        """None relinquishes. Returns what a read-back shows, None where it shows what was written.

        Raises OperatingError, KeyError for an unknown point, ValueError for a bad value.
        """


class MemoryDriver:
    """True to the protocol of the real ones: stamps at the response, reads back, never raises from `write`."""

    def __init__(
        self,
        name: str,
        handles: Mapping[str, int],
        registers: Registers,
        clock: Clock,
        units: Mapping[str, str] | None = None,
    ) -> None:
        """`units`: point -> unit; a value that its unit cannot have is UNCERTAIN, as on a wire."""
        self.name = name
        self._names = tuple(handles)
        self._handles = np.array(list(handles.values()), np.int32)
        ranges = [UNITS.get((units or {}).get(point, "")) for point in self._names]
        self._low = np.array([-math.inf if known is None else known.low for known in ranges])
        self._high = np.array([math.inf if known is None else known.high for known in ranges])
        self._registers = registers
        self._clock = clock

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def poll(self) -> list[Scan]:
        told = self._registers.read()
        values = np.array([told.get(name, math.nan) for name in self._names], np.float64)
        quality = np.full(len(values), Quality.GOOD, np.uint8)
        quality[(values < self._low) | (values > self._high)] = Quality.UNCERTAIN
        quality[~np.isfinite(values)] = Quality.BAD
        values[quality == Quality.BAD] = np.nan
        return [Scan(device=self.name, handles=self._handles, values=values, quality=quality, at=self._clock.read())]

    async def write(self, command: Command) -> Outcome:
        at, value = self._clock.read(), command.value
        try:
            shown = self._registers.write(command.point, value)
        except (OperatingError, KeyError, ValueError) as fault:
            detail = f"{self.name}: {fault}"
            return Outcome(command=command, kind="failed", read_back=None, detail=detail, at=at)
        if shown is None or value is None or math.isclose(shown, value, rel_tol=1e-6, abs_tol=1e-6):
            return Outcome(command=command, kind="confirmed", read_back=value, detail="", at=at)
        detail = f"the device shows {shown:g}"
        return Outcome(command=command, kind="unconfirmed", read_back=shown, detail=detail, at=at)
