"""Values to registers and back for every register type of the agent's templates; all devices of a product at once.

The counterpart of the agent's decoder, written on its own: value = raw x scale + offset. What does not fit stays at the
type's end, but unsigned counters of 32 and 64 bits begin again at 0, as meters do. A value that is not a number is
told by the register's first mark of absence; a float without one says NaN, an integer without one 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Words = NDArray[np.uint16]

TYPES = {
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
ROLLS_OVER = ("uint32", "uint64")


class Field(NamedTuple):
    """One value in a table of registers; `type` is a key of `TYPES`."""

    register: int
    type: str = "int16"
    scale: float = 1.0
    offset: float = 0.0
    absent: tuple[float, ...] = ()
    byte_order: str = "big"
    word_order: str = "big"

    @property
    def width(self) -> int:
        return TYPES[self.type][1]


@dataclass(frozen=True, slots=True)
class _Group:
    """Fields of one type and order; k fields of w registers."""

    dtype: np.dtype[np.generic]
    columns: NDArray[np.intp]
    """[k]: places in the values."""
    places: NDArray[np.intp]
    """[k x w]: registers, each field's most significant word first."""
    low: NDArray[np.generic]
    high: NDArray[np.generic]
    """[k]: ends of what may be shown, without marks of absence there."""
    mark: NDArray[np.generic]
    """[k]: what is shown for a value that is not a number."""
    rolls_over: bool
    is_swapped: bool


class Encoder:
    """Encodes tables of `size` registers; built once a product."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.size = max((field.register + field.width for field in fields), default=0)
        self._scale = np.array([field.scale for field in fields])
        self._offset = np.array([field.offset for field in fields])
        keys = sorted({(field.type, field.word_order, field.byte_order) for field in fields})
        self._groups = [_group(fields, key) for key in keys]

    def encode(self, values: Array) -> Words:
        """Values float64 [..., fields] to registers uint16 [..., size]; registers between fields are 0."""
        words = np.zeros((*values.shape[:-1], self.size), np.uint16)
        raw = (values - self._offset) / self._scale
        for group in self._groups:
            words[..., group.places] = _words(raw[..., group.columns], group)
        return words


def _group(fields: Sequence[Field], key: tuple[str, str, str]) -> _Group:
    kind, word_order, byte_order = key
    columns = [place for place, field in enumerate(fields) if (field.type, field.word_order, field.byte_order) == key]
    steps = np.arange(TYPES[kind][1])
    first = np.array([fields[column].register for column in columns], np.intp)
    dtype = np.dtype(TYPES[kind][0])
    ends = [_ends(fields[column], dtype) for column in columns]
    return _Group(
        dtype=dtype,
        columns=np.array(columns, np.intp),
        places=(first[:, None] + (steps if word_order == "big" else steps[::-1])).ravel(),
        low=np.array([low for low, _, _ in ends], dtype),
        high=np.array([high for _, high, _ in ends], dtype),
        mark=np.array([mark for _, _, mark in ends], dtype),
        rolls_over=kind in ROLLS_OVER,
        is_swapped=byte_order == "little",
    )


def _ends(field: Field, dtype: np.dtype[np.generic]) -> tuple[float, float, float]:
    """Least, most and the mark of absence, as the type has them."""
    if dtype.kind == "f":
        most = float(np.finfo(dtype).max)
        return -most, most, field.absent[0] if field.absent else np.nan
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    mark = min(max(int(field.absent[0]), low), high) if field.absent else 0
    absent = {min(max(int(raw), low), high) for raw in field.absent}
    while low in absent:
        low += 1
    while high in absent:
        high -= 1
    if field.type == "bool":
        low, high = 0, 1
    return low, high, mark


def _words(raw: Array, group: _Group) -> Words:
    """[..., k] to registers [..., k x w], most significant word first."""
    told = _floats(raw, group) if group.dtype.kind == "f" else _integers(raw, group)
    words = np.ascontiguousarray(told, group.dtype.newbyteorder(">")).view(">u2").astype(np.uint16)
    return words.byteswap() if group.is_swapped else words


def _floats(raw: Array, group: _Group) -> NDArray[np.generic]:
    held = np.minimum(np.maximum(raw, group.low), group.high)  # NaN goes through.
    return np.where(np.isfinite(raw), held.astype(group.dtype), group.mark)


def _integers(raw: Array, group: _Group) -> NDArray[np.generic]:
    is_number = np.isfinite(raw)
    whole = np.rint(np.where(is_number, raw, 0.0))
    low, high = group.low.astype(np.float64), group.high.astype(np.float64)
    if group.rolls_over:
        whole = np.maximum(whole, 0.0) % (high + 1.0)
    held = np.minimum(np.maximum(whole, low), high)
    # The last double below 2 to the 63rd or 64th: beyond it a conversion would not saturate but wrap.
    safe = np.minimum(held, np.nextafter(2.0 ** (8 * group.dtype.itemsize - (group.dtype.kind == "i")), 0.0))
    return np.where(is_number, safe.astype(group.dtype), group.mark)


def decode(words: Sequence[int], field: Field) -> float:
    """The value that a client wrote into a field's registers."""
    taken = np.array(words, np.uint16)
    taken = taken if field.word_order == "big" else taken[::-1]
    taken = taken.byteswap() if field.byte_order == "little" else taken
    raw = taken.astype(">u2").view(np.dtype(TYPES[field.type][0]).newbyteorder(">"))[0]
    return float(raw) * field.scale + field.offset
