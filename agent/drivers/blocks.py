"""Which registers to ask for together: neighbours are joined, a point is never cut in two."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from agent.drivers.modbus_codec import BlockDecoder, width
from agent.drivers.wire import ModbusPoint, Table

Place = tuple[Table, int]
"""One register (or bit)."""


@dataclass(frozen=True, slots=True)
class Block:
    """One request."""

    table: Table
    start: int
    count: int
    points: tuple[ModbusPoint, ...]
    decoder: BlockDecoder

    def __str__(self) -> str:
        return f"{self.table} {self.start}..{self.start + self.count - 1}"

    @property
    def gaps(self) -> set[Place]:
        """What is read along though no point asked for it."""
        asked = {place for point in self.points for place in places(point)}
        return {(self.table, register) for register in range(self.start, self.start + self.count)} - asked

    def parts(self) -> list[Block]:
        """Smaller requests for the same points: cut at the gaps, else in halves; itself when there is but one point."""
        runs = join(self.points, self.count, max_gap=0)
        if len(runs) > 1 or len(self.points) == 1:
            return runs
        middle = len(self.points) // 2
        return [make_block(self.points[:middle]), make_block(self.points[middle:])]


def make_block(points: Sequence[ModbusPoint]) -> Block:
    """The request that covers these points of one table."""
    ordered = tuple(sorted(points, key=lambda point: point.register))
    start = ordered[0].register
    end = max(point.register + width(point) for point in ordered)
    return Block(ordered[0].table, start, end - start, ordered, BlockDecoder(start, ordered))


def places(point: ModbusPoint) -> list[Place]:
    """The registers (or bits) that a point takes."""
    return [(point.table, point.register + step) for step in range(width(point))]


def join(
    points: Iterable[ModbusPoint], max_registers: int, max_gap: int, holes: Container[Place] = frozenset()
) -> list[Block]:
    """As few requests as size and gap allow, none of them over a hole: a place that the device refuses."""
    blocks: list[list[ModbusPoint]] = []
    end = 0
    for point in sorted(points, key=lambda point: (point.table, point.register)):
        after = point.register + width(point)
        if blocks and _fits(blocks[-1][0], end, point, max_registers, max_gap, holes):
            blocks[-1].append(point)
            end = max(end, after)
        else:
            blocks.append([point])
            end = after
    return [make_block(block) for block in blocks]


def _fits(
    first: ModbusPoint, end: int, point: ModbusPoint, max_registers: int, max_gap: int, holes: Container[Place]
) -> bool:
    """Whether a block from `first` up to `end` (not included) may grow by `point`."""
    gap = range(end, point.register)
    return (
        first.table == point.table
        and len(gap) <= max_gap
        and point.register + width(point) - first.register <= max_registers
        and not any((point.table, register) in holes for register in gap)
    )
