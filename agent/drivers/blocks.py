"""Which registers to ask for together: neighbours are joined, a device's refusals are learned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.drivers.modbus_codec import BlockDecoder, width
from agent.drivers.wire import ModbusPoint, Table


@dataclass(frozen=True, slots=True)
class Block:
    """One request."""

    table: Table
    start: int
    count: int
    points: tuple[ModbusPoint, ...]
    decoder: BlockDecoder

    def halves(self) -> tuple[Block, Block]:
        """Two smaller requests with the same points; needs at least two of them."""
        middle = len(self.points) // 2
        return make_block(self.points[:middle]), make_block(self.points[middle:])


def make_block(points: Sequence[ModbusPoint]) -> Block:
    """The request that covers these points of one table."""
    ordered = tuple(sorted(points, key=lambda point: point.register))
    start = ordered[0].register
    end = max(point.register + width(point) for point in ordered)
    return Block(ordered[0].table, start, end - start, ordered, BlockDecoder(start, ordered))


def join(points: Iterable[ModbusPoint], max_registers: int, max_gap: int) -> list[Block]:
    """As few requests as the gap and the size allow; a point is never cut in two."""
    blocks: list[list[ModbusPoint]] = []
    for point in sorted(points, key=lambda point: (point.table, point.register)):
        if blocks and _fits(blocks[-1], point, max_registers, max_gap):
            blocks[-1].append(point)
        else:
            blocks.append([point])
    return [make_block(block) for block in blocks]


def _fits(block: list[ModbusPoint], point: ModbusPoint, max_registers: int, max_gap: int) -> bool:
    end = max(other.register + width(other) for other in block)
    return (
        block[0].table == point.table
        and point.register - end <= max_gap
        and point.register + width(point) - block[0].register <= max_registers
    )
