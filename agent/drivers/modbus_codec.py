"""Registers to values, a block at a time: a few numpy calls for all points of a block, whatever their types.

Built once a block, used at each poll. Points stand in the columns by type, so that each type is one slice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.points import Quality
from agent.core.units import UNITS
from agent.drivers.wire import ModbusPoint

TYPES: dict[str, tuple[str, int]] = {
    "bool": ("u2", 1),
    "int16": ("i2", 1),
    "uint16": ("u2", 1),
    "int32": ("i4", 2),
    "uint32": ("u4", 2),
    "int64": ("i8", 4),
    "uint64": ("u8", 4),
    "float32": ("f4", 2),
    "float64": ("f8", 4),
    "bcd16": ("u2", 1),
    "bcd32": ("u4", 2),
}
"""Name -> numpy type without byte order, registers."""

Columns = tuple[npt.NDArray[np.int32], npt.NDArray[np.float64], npt.NDArray[np.uint8]]
Raw = npt.NDArray[np.float64]


def width(point: ModbusPoint) -> int:
    """Registers (or bits) that a point takes."""
    return 1 if is_bits(point.table) else TYPES[point.type][1]


def is_bits(table: str) -> bool:
    return table in ("coil", "discrete")


@dataclass(frozen=True, slots=True)
class _Part:
    """Points of one type and order within a block."""

    rows: slice
    """Their places in the block's columns."""
    dtype: np.dtype[np.generic]
    offset: int
    """Where they begin, in the answer's bytes or in the gathered ones."""
    is_gathered: bool
    """They do not stand side by side, or in an order that numpy does not know: their bytes are picked first."""
    shift: npt.NDArray[np.uint16] | None
    mask: npt.NDArray[np.uint16] | None
    """[k]: of bit fields."""
    is_bcd: bool

    def take(self, data: bytes | npt.NDArray[np.uint8]) -> npt.NDArray[np.generic]:
        told = np.frombuffer(data, self.dtype, self.rows.stop - self.rows.start, self.offset)
        if self.shift is not None:
            return np.right_shift(told, self.shift) & self.mask
        return _from_bcd(told) if self.is_bcd else told


class BlockDecoder:
    """Decodes the answer to one request."""

    def __init__(self, start: int, points: Sequence[ModbusPoint]) -> None:
        ordered = tuple(sorted(points, key=lambda point: (_key(point), point.register)))
        self.points = ordered
        """In the order of the columns."""
        self.handles = np.array([point.handle for point in ordered], np.int32)
        self._start = start
        self._is_bits = is_bits(ordered[0].table) if ordered else False
        self._parts, self._index = _parts(start, ordered)
        self._scale = _unless([point.scale for point in ordered], 1.0)
        self._offset = _unless([point.offset for point in ordered], 0.0)
        self._low = np.array([UNITS[point.unit].low for point in ordered])
        self._high = np.array([UNITS[point.unit].high for point in ordered])
        self._absent = _absent(ordered)
        self._plausible_marks = [marks for marks in self._absent if self._is_any_plausible(marks)]
        """Those that the range of the unit alone does not tell."""
        self.all_good = np.full(len(ordered), Quality.GOOD, np.uint8)
        for column in (self.handles, self.all_good):
            column.setflags(write=False)  # Every scan of this block shares them.
        # A signalling NaN in a float register is a NaN, and a float beyond all bounds infinite: BAD, not a warning.
        self._has_floats = any(TYPES[point.type][0][0] == "f" for point in ordered)

    def decode(self, data: bytes) -> Columns:
        """Handles, values float64 [n] and qualities uint8 [n]; BAD and NaN for what the device does not have.

        `data`: the registers or packed bits as they came, without the byte count.
        """
        with np.errstate(invalid="ignore", over="ignore") if self._has_floats else nullcontext():
            raw = self._raw(data)
            values = self._scaled(raw)
        is_fine = values >= self._low
        is_fine &= values <= self._high
        for marks in self._plausible_marks:
            is_fine &= raw != marks
        if np.count_nonzero(is_fine) == len(is_fine):
            return self.handles, values, self.all_good
        return self._judged(raw, values, is_fine)

    def _scaled(self, raw: Raw) -> Raw:
        values = raw if self._scale is None else raw * self._scale
        return values if self._offset is None else values + self._offset

    def _is_any_plausible(self, marks: Raw) -> bool:
        values = self._scaled(marks)
        return bool(((values >= self._low) & (values <= self._high)).any())

    def _raw(self, data: bytes) -> Raw:
        if self._is_bits:
            return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[self._index].astype(np.float64)
        if len(self._parts) == 1 and not self._parts[0].is_gathered:
            return self._parts[0].take(data).astype(np.float64)
        raw = np.empty(len(self.handles))
        gathered = np.frombuffer(data, np.uint8)[self._index] if len(self._index) else None
        for part in self._parts:
            raw[part.rows] = part.take(gathered if part.is_gathered and gathered is not None else data)
        return raw

    def _judged(self, raw: Raw, values: Raw, is_fine: npt.NDArray[np.bool_]) -> Columns:
        # A value that its unit cannot have is kept, but not believed.
        quality = np.where(is_fine, np.uint8(Quality.GOOD), np.uint8(Quality.UNCERTAIN))
        bad = ~np.isfinite(values)
        for marks in self._absent:
            bad |= raw == marks
        quality[bad] = Quality.BAD
        return self.handles, np.where(bad, np.nan, values), quality

    def bad(self) -> Columns:
        """The columns of a block that the device refused."""
        count = len(self.handles)
        return self.handles, np.full(count, np.nan), np.full(count, Quality.BAD, np.uint8)

    def words(self, row: int, data: bytes) -> list[int]:
        """The registers behind a column's row, as they came."""
        point = self.points[row]
        place = point.register - self._start
        if self._is_bits:
            return [data[place // 8] >> place % 8 & 1]
        return [int.from_bytes(data[at : at + 2], "big") for at in range(2 * place, 2 * (place + width(point)), 2)]


def _unless(told: list[float], usual: float) -> Raw | None:
    """None where all are as usual: then there is nothing to compute."""
    return None if all(value == usual for value in told) else np.array(told)


def _key(point: ModbusPoint) -> tuple[bool, str, str, str]:
    return point.bit is not None, point.type, point.word_order, point.byte_order


def _parts(start: int, ordered: Sequence[ModbusPoint]) -> tuple[list[_Part], npt.NDArray[np.intp]]:
    """The types of a block, and which bytes (or bits) of the answer are picked for those that need it."""
    if ordered and is_bits(ordered[0].table):
        return [], np.array([point.register - start for point in ordered], np.intp)
    parts: list[_Part] = []
    index: list[int] = []
    keys = [_key(point) for point in ordered]
    for key in dict.fromkeys(keys):
        first = keys.index(key)
        points = ordered[first : first + keys.count(key)]
        order = _whole_order(points)
        parts.append(
            _Part(
                rows=slice(first, first + len(points)),
                dtype=np.dtype((order or "<") + TYPES[points[0].type][0]),
                offset=2 * (points[0].register - start) if order else len(index),
                is_gathered=order is None,
                shift=np.array([point.bit for point in points], np.uint16) if key[0] else None,
                mask=np.array([2**point.bits - 1 for point in points], np.uint16) if key[0] else None,
                is_bcd=not key[0] and points[0].type.startswith("bcd"),
            )
        )
        if order is None:
            index += [place for point in points for place in _places(start, point)]
    return parts, np.array(index, np.intp)


def _whole_order(points: Sequence[ModbusPoint]) -> str | None:
    """numpy's sign for points that stand side by side with all bytes one way round; None for others."""
    size = width(points[0])
    if any(point.register != points[0].register + step * size for step, point in enumerate(points)):
        return None
    if size > 1 and points[0].word_order != points[0].byte_order:
        return None
    return ">" if points[0].byte_order == "big" else "<"


def _places(start: int, point: ModbusPoint) -> list[int]:
    """Which bytes of the answer, the least significant first."""
    size = width(point)
    registers = range(size) if point.word_order == "little" else range(size - 1, -1, -1)
    pair = (0, 1) if point.byte_order == "little" else (1, 0)
    return [2 * (point.register - start + register) + byte for register in registers for byte in pair]


def _absent(points: Sequence[ModbusPoint]) -> list[Raw]:
    """Marks of absence, as many columns as the point with the most of them has; NaN equals nothing."""
    marks = [[_mark(point, told) for told in point.absent] for point in points]
    most = max((len(told) for told in marks), default=0)
    return [np.array([told[n] if n < len(told) else math.nan for told in marks]) for n in range(most)]


def _mark(point: ModbusPoint, told: float) -> float:
    """As the type has it: lists tell 0x8000 also of a signed register, and 3.4028235e38 of a float32."""
    kind = TYPES[point.type][0]
    if kind[0] == "f":
        with np.errstate(over="ignore"):
            return float(np.dtype(kind).type(told))
    ends = np.iinfo(kind)
    return told - 2.0**ends.bits if kind[0] == "i" and ends.max < told < 2.0**ends.bits else told


def _from_bcd(told: npt.NDArray[np.generic]) -> Raw:
    """Four bits a digit; NaN where one of them is none."""
    digits = 2 * told.dtype.itemsize
    each = (told.astype(np.uint64)[:, None] >> np.arange(0, 4 * digits, 4, dtype=np.uint64)) & np.uint64(15)
    values = each @ (10.0 ** np.arange(digits))
    values[(each > 9).any(axis=1)] = np.nan
    return np.asarray(values, np.float64)
