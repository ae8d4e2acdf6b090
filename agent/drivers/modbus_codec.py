"""Registers to values and back, a block at a time: one numpy call for all points of one type."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.points import Quality
from agent.core.units import UNITS
from agent.drivers.wire import ModbusPoint, ModbusWrite

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
}
"""Name -> numpy type without byte order, registers."""

Words = npt.NDArray[np.uint16]
Columns = tuple[npt.NDArray[np.int32], npt.NDArray[np.float64], npt.NDArray[np.uint8]]


def width(point: ModbusPoint) -> int:
    """Registers (or bits) that a point takes."""
    return 1 if point.table in ("coil", "discrete") else TYPES[point.type][1]


@dataclass(frozen=True, slots=True)
class _Group:
    """Points of one type and order within a block; k points of w registers."""

    dtype: str
    """numpy's, low byte first."""
    places: npt.NDArray[np.intp]
    """intp [k x w]: which words of the block, a point after the other, its least significant word first."""
    is_swapped: bool
    """The bytes within each word come low first."""
    rows: npt.NDArray[np.intp]
    """intp [k]: places in the block's columns."""


class BlockDecoder:
    """Decodes one block's words into columns; built once a block, used every poll."""

    def __init__(self, start: int, points: Sequence[ModbusPoint]) -> None:
        self.handles = np.array([point.handle for point in points], np.int32)
        self._scale = np.array([point.scale for point in points])
        self._offset = np.array([point.offset for point in points])
        self._low = np.array([UNITS[point.unit].low for point in points])
        self._high = np.array([UNITS[point.unit].high for point in points])
        most = max((len(point.absent) for point in points), default=0)
        absent = [[*point.absent, *[math.nan] * (most - len(point.absent))] for point in points]
        self._absent = [np.array(column) for column in zip(*absent, strict=True)]
        self._groups = [_group(start, points, key) for key in sorted({_key(point) for point in points})]

    def decode(self, words: Words) -> Columns:
        """Handles, values float64 [n] and qualities uint8 [n]; BAD and NaN for what the device does not have."""
        raw = np.empty(len(self.handles))
        # A signalling NaN in a float register is a NaN, and a float beyond all bounds infinite: BAD, not a warning.
        with np.errstate(invalid="ignore", over="ignore"):
            for group in self._groups:
                raw[group.rows] = _raw(words, group)
            values = raw * self._scale + self._offset
        quality = np.full(len(values), Quality.GOOD, np.uint8)
        # A value that its unit cannot have is kept, but not believed.
        quality[(values < self._low) | (values > self._high)] = Quality.UNCERTAIN
        bad = ~np.isfinite(values)
        for absent in self._absent:
            bad |= raw == absent
        quality[bad] = Quality.BAD
        values[bad] = np.nan
        return self.handles, values, quality

    def bad(self) -> Columns:
        """The columns of a block that the device refused."""
        count = len(self.handles)
        return self.handles, np.full(count, np.nan), np.full(count, Quality.BAD, np.uint8)


def _key(point: ModbusPoint) -> tuple[str, str, str]:
    return point.type, point.word_order, point.byte_order


def _group(start: int, points: Sequence[ModbusPoint], key: tuple[str, str, str]) -> _Group:
    kind, word_order, byte_order = key
    rows = np.array([row for row, point in enumerate(points) if _key(point) == key], np.intp)
    first = np.array([points[row].register - start for row in rows], np.intp)
    steps = np.arange(TYPES[kind][1])
    places = (first[:, None] + (steps[::-1] if word_order == "big" else steps)).ravel()
    return _Group(dtype="<" + TYPES[kind][0], places=places, is_swapped=byte_order == "little", rows=rows)


def _raw(words: Words, group: _Group) -> npt.NDArray[np.float64]:
    taken = words[group.places]
    if group.is_swapped:
        taken = taken.byteswap()
    return taken.astype("<u2", copy=False).view(group.dtype).astype(np.float64)


def encode(value: float, write: ModbusWrite, like: ModbusPoint) -> list[int]:
    """Words for a value, in the point's byte and word order. Raises ValueError for what the type cannot carry."""
    dtype, _ = TYPES[write.type]
    raw = (value - write.offset) / write.scale
    if not math.isfinite(raw):
        raise ValueError(f"{value:g} cannot be written")
    if dtype[0] in "iu":
        raw = round(raw)
    if not _least(dtype) <= raw <= _most(dtype):
        raise ValueError(f"{value:g} does not fit into {write.type} x {write.scale:g}")
    words = np.array([raw], ">" + dtype).view(">u2").astype(np.uint16)
    if like.byte_order == "little":
        words = words.byteswap()
    return [int(word) for word in (words if like.word_order == "big" else words[::-1])]


def decode_written(words: Sequence[int], write: ModbusWrite, like: ModbusPoint) -> float:
    """The value that `encode` would have made these words of."""
    taken = np.array(words, np.uint16)
    taken = taken if like.word_order == "big" else taken[::-1]
    taken = taken.byteswap() if like.byte_order == "little" else taken
    return float(taken.astype(">u2").view(">" + TYPES[write.type][0])[0]) * write.scale + write.offset


def _least(dtype: str) -> float:
    return int(np.iinfo(dtype).min) if dtype[0] in "iu" else -_most(dtype)


def _most(dtype: str) -> float:
    return int(np.iinfo(dtype).max) if dtype[0] in "iu" else float(np.finfo(dtype).max)
