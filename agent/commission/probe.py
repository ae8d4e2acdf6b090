"""Reads registers as they are and says what they could mean, beside what the config says they mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from agent.commission.readings import Reading, is_usual, readings
from agent.core.points import Quality
from agent.drivers.blocks import make_block
from agent.drivers.modbus_codec import is_bits
from agent.drivers.modbus_frames import read_request
from agent.drivers.modbus_unit import ModbusUnit, RefusedError, TroubledError, words_of
from agent.drivers.wire import ModbusPoint, Table

WIDEST = 4
"""Registers of the longest number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """One point, or one register of a range."""

    what: str
    """The point's id, or table and register."""
    place: str
    """Table and registers."""
    words: tuple[int, ...] = ()
    """As they came; empty when they did not."""
    trouble: str = ""
    """What the device said instead."""
    unit: str | None = None
    told: str = ""
    """How the config reads it; empty for a register of a range."""
    value: float | None = None
    """By the config."""
    quality: Quality | None = None
    is_usual: bool = False
    """Whether a working machine could show the value."""
    readings: tuple[Reading, ...] = ()
    """Other meanings, plausible ones first."""

    @property
    def hex(self) -> str:
        return " ".join(f"{word:04x}" for word in self.words)


async def probe_points(unit: ModbusUnit, points: Sequence[ModbusPoint]) -> AsyncIterator[Probed]:
    """Each point on its own, in the order of the registers. Raises DeviceError for a silent unit."""
    for point in sorted(points, key=lambda point: (point.table, point.register)):
        block = make_block([point])
        place = str(block)
        try:
            data = await unit.read(block.request)
        except (RefusedError, TroubledError) as fault:
            yield Probed(what=point.point, place=place, trouble=str(fault), unit=point.unit, told=_told(point))
            continue
        _, values, quality = block.decoder.decode(data)
        value = float(values[0])
        raw = tuple(_words(block.table, data, block.count))
        is_bit = is_bits(point.table)
        yield Probed(
            what=point.point,
            place=place,
            words=raw,
            unit=point.unit,
            told=_told(point),
            value=value,
            quality=Quality(int(quality[0])),
            is_usual=is_usual(point.unit, value, point.point.partition(".")[2]),
            readings=() if is_bit else tuple(_whole_first(readings(raw, point.unit))),
        )


def _whole_first(told: list[Reading]) -> list[Reading]:
    """What takes all of the point's registers is the likelier meaning, and so is a value that needs no scale."""
    return sorted(told, key=lambda reading: (not reading.is_plausible, -reading.width, reading.scale != 1.0))


def _words(table: Table, data: bytes, count: int) -> list[int]:
    """Registers, or bits."""
    return [data[at // 8] >> at % 8 & 1 for at in range(count)] if is_bits(table) else words_of(data)


def _told(point: ModbusPoint) -> str:
    if is_bits(point.table):
        return "bit"
    if point.bit is not None:
        return f"bit {point.bit}" if point.bits == 1 else f"bits {point.bit} to {point.bit + point.bits - 1}"
    orders = {
        ("big", "big"): "ABCD",
        ("big", "little"): "CDAB",
        ("little", "big"): "BADC",
        ("little", "little"): "DCBA",
    }
    scale = "" if point.scale == 1.0 else f" x {point.scale:g}"
    offset = f" + {point.offset:g}" if point.offset else ""
    return f"{point.type} {orders[point.byte_order, point.word_order]}{scale}{offset}"


async def probe_range(
    unit: ModbusUnit, table: Table, first: int, last: int, *, most: int, as_unit: str | None
) -> AsyncIterator[Probed]:
    """Every register of a range with all that could begin there. Raises DeviceError for a silent unit.

    What the device refuses is asked for in halves, until only the registers that it lacks are left.
    """
    words: dict[int, int] = {}
    troubles: dict[int, str] = {}
    waiting = [(start, min(start + most, last + 1)) for start in range(first, last + 1, most)]
    while waiting:
        start, end = waiting.pop(0)
        try:
            data = await unit.read(read_request(table, start, end - start))
        except (RefusedError, TroubledError) as fault:
            if end - start == 1:
                troubles[start] = str(fault)
            else:
                middle = (start + end) // 2
                waiting[:0] = [(start, middle), (middle, end)]
            continue
        words.update(zip(range(start, end), _words(table, data, end - start), strict=True))
    for register in range(first, last + 1):
        yield _register(table, register, words, troubles, as_unit)


def _register(
    table: Table, register: int, words: dict[int, int], troubles: dict[int, str], as_unit: str | None
) -> Probed:
    what = f"{table} {register}"
    if register not in words:
        return Probed(what=what, place=what, trouble=troubles[register], unit=as_unit)
    run: list[int] = []
    while len(run) < WIDEST and register + len(run) in words:
        run.append(words[register + len(run)])
    is_bit = is_bits(table)
    return Probed(
        what=what,
        place=what,
        words=tuple(run[:1]) if is_bit else tuple(run),
        unit=as_unit,
        readings=() if is_bit else tuple(readings(run, as_unit)),
    )
