"""Values to registers, one at a time: what a write sends, and what a device shows of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from agent.drivers.modbus_codec import TYPES
from agent.drivers.wire import ModbusPoint, ModbusWrite


def encode(value: float, write: ModbusWrite, like: ModbusPoint) -> list[int]:
    """Words for a value, in the point's byte and word order; of a bit field its number alone, not yet shifted.

    Raises ValueError for what the type cannot carry.
    """
    raw = (value - write.offset) / write.scale
    if not math.isfinite(raw):
        raise ValueError(f"{value:g} cannot be written")
    kind = TYPES[write.type][0]
    if kind[0] in "iu":
        raw = round(raw)
    low, high = ends(write)
    if not low <= raw <= high:
        what = write.type if write.bit is None else f"{write.bits} bits"
        raise ValueError(f"{value:g} does not fit into {what} x {write.scale:g}")
    if write.bit is not None:
        return [int(raw)]
    told = int(str(raw), 16) if write.type.startswith("bcd") else raw
    words = np.array([told], ">" + kind).view(">u2").astype(np.uint16)
    if like.byte_order == "little":
        words = words.byteswap()
    return [int(word) for word in (words if like.word_order == "big" else words[::-1])]


def decode_written(words: Sequence[int], write: ModbusWrite, like: ModbusPoint) -> float:
    """The value that `encode` would have made these words of; NaN for what no value makes."""
    return _raw(np.array(words, np.uint16), write, like) * write.scale + write.offset


def _raw(words: np.typing.NDArray[np.uint16], write: ModbusWrite, like: ModbusPoint) -> float:
    taken = words if like.word_order == "big" else words[::-1]
    taken = taken.byteswap() if like.byte_order == "little" else taken
    if write.bit is not None:
        return float(int(taken[0]) >> write.bit & (1 << write.bits) - 1)
    raw = taken.astype(">u2").view(">" + TYPES[write.type][0])[0]
    if not write.type.startswith("bcd"):
        return float(raw)
    digits = f"{int(raw):x}"
    return float(digits) if digits.isdecimal() else math.nan


def masks(number: int, write: ModbusWrite, like: ModbusPoint) -> tuple[int, int]:
    """AND and OR mask of function 22 that put a bit field's number into its register."""
    bit = write.bit or 0
    field, told = ((1 << write.bits) - 1) << bit, number << bit
    if like.byte_order == "little":
        field, told = (int.from_bytes(mask.to_bytes(2, "big"), "little") for mask in (field, told))
    return 0xFFFF & ~field, told


def ends(write: ModbusWrite) -> tuple[float, float]:
    """Least and most raw value."""
    kind, size = TYPES[write.type]
    if write.bit is not None:
        return 0, 2**write.bits - 1
    if write.type.startswith("bcd"):
        return 0, 10 ** (4 * size) - 1
    if kind[0] == "f":
        most = float(np.finfo(kind).max)
        return -most, most
    return int(np.iinfo(kind).min), int(np.iinfo(kind).max)
