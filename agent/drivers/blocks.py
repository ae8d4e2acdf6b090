"""Which registers to ask for together: neighbours are joined, a point is never cut in two."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from agent.drivers.modbus_codec import BlockDecoder, is_bits, width
from agent.drivers.modbus_frames import MOST_BITS, MOST_REGISTERS, Request, read_request
from agent.drivers.wire import ModbusDevice, ModbusPoint, Table

BITS_A_REGISTER = 16
"""What may be read at once, or along, of registers, may be read sixteen times of bits."""

Place = tuple[Table, int]
"""One register (or bit)."""


@dataclass(frozen=True, slots=True)
class Block:
    """One request."""

    table: Table
    start: int
    count: int
    points: tuple[ModbusPoint, ...]
    """In the order of their registers."""
    request: Request
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
        runs = join(self.points, MOST_REGISTERS, max_gap=0)
        if len(runs) > 1 or len(self.points) == 1:
            return runs
        middle = len(self.points) // 2
        return [make_block(self.points[:middle]), make_block(self.points[middle:])]


def make_block(points: Sequence[ModbusPoint]) -> Block:
    """The request that covers these points of one table."""
    ordered = tuple(sorted(points, key=lambda point: point.register))
    start = ordered[0].register
    end = max(point.register + width(point) for point in ordered)
    table, count = ordered[0].table, end - start
    return Block(table, start, count, ordered, read_request(table, start, count), BlockDecoder(start, ordered))


def plan_of(device: ModbusDevice) -> list[Block]:
    """The requests of a poll, before anything was learned of what the device refuses."""
    return join(device.points, *reach(device))


def reach(device: ModbusDevice) -> tuple[int, int]:
    """The most registers of a request, and of a gap within it; (0, -1) for a request a point."""
    return (0, -1) if device.one_by_one else (device.max_registers, device.max_gap)


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
    if is_bits(point.table):
        max_registers = min(BITS_A_REGISTER * max_registers, MOST_BITS)
        max_gap *= BITS_A_REGISTER
    return (
        first.table == point.table
        and len(gap) <= max_gap
        and max(end, point.register + width(point)) - first.register <= max_registers
        and not any((point.table, register) in holes for register in gap)
    )
