"""Points in this process: for a plant in virtual time, and for a site that has no wire yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from agent.core.clock import Clock
from agent.core.command import Command, Outcome
from agent.core.errors import OperatingError
from agent.core.points import Quality
from agent.core.scan import Scan


class Registers(Protocol):
    """What stands behind a memory device."""

    def read(self) -> Mapping[str, float]:
        """Point -> value, NaN for a dead sensor. Raises OperatingError when the device is silent."""

    def write(self, point: str, value: float | None) -> None:
        """None relinquishes. Raises OperatingError, KeyError for an unknown point, ValueError for a bad value."""


class MemoryDriver:
    """True to the protocol of the real ones: stamps at the response, reads back, never raises from `write`."""

    def __init__(self, name: str, handles: Mapping[str, int], registers: Registers, clock: Clock) -> None:
        self.name = name
        self._names = tuple(handles)
        self._handles = np.array(list(handles.values()), np.int32)
        self._registers = registers
        self._clock = clock

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def poll(self) -> list[Scan]:
        told = self._registers.read()
        values = np.array([told.get(name, np.nan) for name in self._names], np.float64)
        quality = np.where(np.isfinite(values), Quality.GOOD, Quality.BAD).astype(np.uint8)
        values[quality == Quality.BAD] = np.nan
        return [Scan(device=self.name, handles=self._handles, values=values, quality=quality, at=self._clock.read())]

    async def write(self, command: Command) -> Outcome:
        try:
            self._registers.write(command.point, command.value)
        except (OperatingError, KeyError, ValueError) as fault:
            detail = f"{self.name}: {fault}"
            return Outcome(command=command, kind="failed", read_back=None, detail=detail, at=self._clock.read())
        return Outcome(command=command, kind="confirmed", read_back=command.value, detail="", at=self._clock.read())
