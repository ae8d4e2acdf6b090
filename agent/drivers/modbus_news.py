"""What a person should hear of a unit's answers: troubles, and values that cannot be; each when it starts and ends."""

from __future__ import annotations

import numpy as np

from agent.core.clock import Clock
from agent.core.journal import Entry
from agent.core.points import Quality
from agent.core.protocols import Journal
from agent.drivers.blocks import Block
from agent.drivers.modbus_codec import Columns
from agent.drivers.modbus_unit import ModbusUnit

AGAIN_S = 3600.0
"""A point whose value comes and goes beyond its bounds is told of at most so often (our choice)."""


class ModbusNews:
    """One device's entries in the journal."""

    def __init__(self, device: str, journal: Journal, clock: Clock) -> None:
        self._device = device
        self._journal = journal
        self._clock = clock
        self._troubled: set[str] = set()
        """Blocks in trouble that was told."""
        self._odd: dict[str, list[str]] = {}
        """Block -> points in it whose values cannot be."""
        self._told_mono_s: dict[str, float] = {}
        """Odd point -> when that was last told."""

    def tell(self, text: str, *, about: str | None = None, **data: object) -> None:
        at = self._clock.read()
        self._journal.write(Entry(at=at, kind="device", subject=about or self._device, text=text, data=data))

    def trouble(self, block: str, why: str) -> None:
        if block not in self._troubled:
            self._troubled.add(block)
            self.tell(f"{why}; its points are bad until it answers")

    def look(self, block: Block, data: bytes, columns: Columns, unit: ModbusUnit) -> None:
        """After an answer: is a trouble over, is a value beyond what its unit can have?"""
        quality = columns[2]
        if not self._troubled and not self._odd and quality is block.decoder.all_good:
            return
        name = str(block)
        if name in self._troubled:
            self._troubled.remove(name)
            self.tell(f"{unit.what(name)} answers again")
        rows = np.flatnonzero(quality == Quality.UNCERTAIN).tolist()
        points = [block.decoder.points[row] for row in rows]
        before = self._odd.pop(name, [])
        if points:
            self._odd[name] = [point.point for point in points]
        for row, point in zip(rows, points, strict=True):
            if point.point not in before:
                self._tell_odd(row, block, data, float(columns[1][row]), unit)

    def _tell_odd(self, row: int, block: Block, data: bytes, value: float, unit: ModbusUnit) -> None:
        """With the words as they came: they show a wrong order or type at a glance."""
        point, now_s = block.decoder.points[row], self._clock.read().mono_s
        if now_s - self._told_mono_s.get(point.point, -AGAIN_S) < AGAIN_S:
            return
        self._told_mono_s[point.point] = now_s
        words = " ".join(f"{word:04X}" for word in block.decoder.words(row, data))
        where = unit.what(f"{point.table} {point.register}")
        text = f"{point.point} shows {value:g} {point.unit}, which cannot be ({where}, raw words {words}): uncertain"
        self.tell(text, about=point.point, value=value, raw=words)
