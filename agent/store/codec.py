"""A column of figures as few bytes, and back bit for bit: what sensors give is steps of their resolution.

A column becomes whole numbers where that loses nothing (steps of a decimal resolution, exactly or but for the rounding
of a driver's sum, the bits of a float32, or those of a float64), then differences from one to the next, then the
narrowest integers that hold them, then deflate.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVEL = 9
"""A column is packed once and read often; level 6 is a tenth faster and 2 % larger on the simulator's day."""
MOST_DIGITS = 6
MOST_OFF = 4
"""Units in the last place by which a step may be off: a driver multiplies, adds an offset, and rounds each time."""
EXACT = 2.0**52
"""Beyond it a float64 has no halves, and steps cannot be told from one another."""
_WIDTHS = ("<i1", "<i2", "<i4", "<i8")
_CHECK = struct.Struct(">I")  # Adler-32, the end of a zlib stream (RFC 1950).
_HEAD = struct.Struct("<BBBI")  # form, digits, width and order of differences, samples
_DIVIDED, _MULTIPLIED, _NEAR, _FLOAT32, _FLOAT64 = 1, 2, 3, 4, 5
_HAS_NAN = 0x80


def pack_floats(values: Floats, seed: int) -> bytes:
    """Bit for bit, but for a NaN's payload: a NaN is a NaN. Only with the same seed is it read again."""
    count = len(values)
    if count == 0:
        return b""
    is_nan = np.isnan(values)
    flag, mask = 0, b""
    if is_nan.any():
        flag, mask = _HAS_NAN, np.packbits(is_nan).tobytes()
        values = _filled(values, is_nan)
    form, digits, whole, off = _whole(values)
    width, order, body = _narrow(whole)
    return _shut(_HEAD.pack(form | flag, digits, width | order << 4, count) + mask + off + body, seed)


def unpack_floats(data: bytes, seed: int) -> Floats:
    """Raises ValueError for bytes that are no column, or another one."""
    if not data:
        return np.empty(0)
    try:
        body = _opened(data, seed)
        form, digits, how, count = _HEAD.unpack_from(body)
        body = body[_HEAD.size :]
        mask_bytes = (count + 7) // 8 if form & _HAS_NAN else 0
        form &= ~_HAS_NAN
        off_bytes = count if form == _NEAR else 0
        off = np.frombuffer(body[mask_bytes : mask_bytes + off_bytes], np.int8)
        whole = _widen(body[mask_bytes + off_bytes :], how & 15, how >> 4, count)
        values = _figures(form, digits, whole, off)
    except (struct.error, zlib.error, IndexError, KeyError) as fault:
        raise ValueError(f"not a column: {fault}") from None
    if mask_bytes:
        is_nan = np.unpackbits(np.frombuffer(body[:mask_bytes], np.uint8), count=count).astype(np.bool_)
        values[is_nan] = np.nan
    return values


def pack_ints(whole: Ints, seed: int) -> bytes:
    """Whole numbers of any kind: seqs, codes."""
    width, order, body = _narrow(whole.astype(np.int64, copy=False))
    return _shut(_HEAD.pack(_FLOAT64, 0, width | order << 4, len(whole)) + body, seed)


def unpack_ints(data: bytes, seed: int) -> Ints:
    """Raises ValueError for bytes that are no column, or another one."""
    try:
        body = _opened(data, seed)
        _, _, how, count = _HEAD.unpack_from(body)
        return _widen(body[_HEAD.size :], how & 15, how >> 4, count)
    except (struct.error, zlib.error, IndexError) as fault:
        raise ValueError(f"not a column: {fault}") from None


def seed_of(*numbers: int) -> int:
    """From what a column belongs to: one bit of that is spoiled, and the column is not read as another's."""
    return zlib.crc32(struct.pack(f"<{len(numbers)}q", *numbers))


def _shut(body: bytes, seed: int) -> bytes:
    """Deflated, with its checksum at the end, into which the seed goes."""
    packed = zlib.compress(body, LEVEL)
    (check,) = _CHECK.unpack(packed[-_CHECK.size :])
    return packed[: -_CHECK.size] + _CHECK.pack(check ^ seed)


def _opened(data: bytes, seed: int) -> bytes:
    (check,) = _CHECK.unpack(data[-_CHECK.size :])
    return zlib.decompress(data[: -_CHECK.size] + _CHECK.pack(check ^ seed))


def _filled(values: Floats, is_nan: npt.NDArray[np.bool_]) -> Floats:
    """Each NaN takes the figure before it: a difference of nothing."""
    place = np.where(is_nan, 0, np.arange(1, len(values) + 1))
    before = np.maximum.accumulate(place)
    return np.where(before == 0, 0.0, values[before - 1])


def _whole(values: Floats) -> tuple[int, int, Ints, bytes]:
    """The first form that gives the same bits back: form, digits, whole numbers, and what they are off."""
    if np.all(np.abs(values) < EXACT) and not np.any((values == 0) & np.signbit(values)):
        for digits in range(MOST_DIGITS + 1):
            whole = np.rint(values * 10.0**digits)
            if np.max(np.abs(whole)) >= EXACT:
                break
            # A driver divides by 10, or it multiplies by 0.1: not the same bits.
            if np.array_equal(whole / 10.0**digits, values):
                return _DIVIDED, digits, whole.astype(np.int64), b""
            if np.array_equal(whole * 10.0**-digits, values):
                return _MULTIPLIED, digits, whole.astype(np.int64), b""
            off = values.view(np.int64) - (whole / 10.0**digits).view(np.int64)
            if np.max(np.abs(off)) <= MOST_OFF:
                return _NEAR, digits, whole.astype(np.int64), off.astype(np.int8).tobytes()
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    if np.array_equal(single, values):
        return _FLOAT32, 0, single.view(np.int32).astype(np.int64), b""
    return _FLOAT64, 0, values.view(np.int64), b""


def _figures(form: int, digits: int, whole: Ints, off: npt.NDArray[np.int8]) -> Floats:
    if form == _DIVIDED:
        return np.divide(whole, 10.0**digits, dtype=np.float64)
    if form == _MULTIPLIED:
        return np.multiply(whole, 10.0**-digits, dtype=np.float64)
    if form == _NEAR:
        steps: Floats = np.divide(whole, 10.0**digits, dtype=np.float64)
        return (steps.view(np.int64) + off).view(np.float64)
    if form == _FLOAT32:
        return whole.astype(np.int32).view(np.float32).astype(np.float64)
    if form == _FLOAT64:
        return whole.view(np.float64).copy()
    raise KeyError(form)


def _narrow(whole: Ints) -> tuple[int, int, bytes]:
    """Width, order of differences and bytes; of the orders 0 to 2 the one with the least spread."""
    best, order = whole, 0
    for tried in (1, 2):
        steps = np.diff(whole, n=tried, prepend=np.zeros(tried, np.int64))  # Wraps around, and back again.
        if np.abs(steps[tried:].astype(np.float64)).sum() < np.abs(best[order:].astype(np.float64)).sum():
            best, order = steps, tried
    head, tail = best[:order], best[order:]
    width = next(place for place, kind in enumerate(_WIDTHS) if place == 3 or np.array_equal(tail.astype(kind), tail))
    narrow = tail.astype(_WIDTHS[width])
    planes = narrow.view(np.uint8).reshape(len(narrow), 1 << width).T  # Equal bytes side by side.
    return width, order, head.astype("<i8").tobytes() + planes.tobytes()


def _widen(body: bytes, width: int, order: int, count: int) -> Ints:
    order = min(order, count)
    head = np.frombuffer(body[: 8 * order], "<i8")
    planes = np.frombuffer(body[8 * order :], np.uint8)
    size = 1 << width
    if len(planes) != size * (count - order):
        raise ValueError("not a column: of another length")
    tail = planes.reshape(size, count - order).T.copy().view(_WIDTHS[width]).reshape(count - order)
    whole = np.concatenate([head, tail]).astype(np.int64)
    for _ in range(order):
        whole = np.cumsum(whole)
    return whole
