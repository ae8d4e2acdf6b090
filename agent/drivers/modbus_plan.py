"""What to ask a unit for: learned from its refusals, so that one bad register does not silence the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agent.core.points import Quality
from agent.drivers.blocks import BITS_A_REGISTER, Block, Place, join, make_block, places, reach
from agent.drivers.modbus_codec import Columns, is_bits
from agent.drivers.wire import ModbusDevice


class ModbusPlan:
    """The blocks of a poll, and the points that the device does not give."""

    def __init__(self, device: ModbusDevice) -> None:
        self._points = {point.point: point for point in device.points}
        self._max_registers, self._max_gap = reach(device)
        self._holes: set[Place] = set()
        self._refused: dict[str, str] = {}
        """Point -> what the device said to it, the longest refused first."""
        self._is_old = False
        self.blocks = join(device.points, self._max_registers, self._max_gap)

    @property
    def refused(self) -> Sequence[str]:
        return tuple(self._refused)

    def refuse(self, point: str, why: str) -> bool:
        """False when that was known."""
        is_new = self._refused.pop(point, None) is None
        self._refused[point] = why
        self._holes.update(places(self._points[point]))
        self._is_old |= is_new
        return is_new

    def admit(self, point: str) -> None:
        """The device answers for it after all."""
        del self._refused[point]
        self._holes.difference_update(places(self._points[point]))
        self._is_old = True

    def avoid(self, gaps: set[Place]) -> None:
        """Do not read these along any more."""
        self._is_old |= not gaps <= self._holes
        self._holes |= gaps

    def shrink(self, parts: Sequence[Block]) -> int | None:
        """The device gives these, but not all of them at once: the most registers to ask for from now on.

        None when that was known.
        """
        counts = [-(-part.count // BITS_A_REGISTER) if is_bits(part.table) else part.count for part in parts]
        most = max(counts)
        if most >= self._max_registers:
            return None
        self._max_registers, self._is_old = most, True
        return most

    def renew(self) -> None:
        """After a poll: join again what may be joined."""
        if self._is_old:
            asked = [point for name, point in self._points.items() if name not in self._refused]
            self.blocks = join(asked, self._max_registers, self._max_gap, self._holes)
            self._is_old = False

    def alone(self, point: str) -> Block:
        """The request for this point and nothing else."""
        return make_block([self._points[point]])

    def bad(self) -> Columns:
        """The columns of what the device refuses; remembered until it changes."""
        handles = np.array([self._points[name].handle for name in self._refused], np.int32)
        return handles, np.full(len(handles), np.nan), np.full(len(handles), Quality.BAD, np.uint8)

    def __str__(self) -> str:
        return "; ".join(f"{block}: {len(block.points)} points" for block in self.blocks)
