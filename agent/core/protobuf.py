"""The wire form of protocol buffers: fields out of bytes, and back. A codec of a few messages needs no more."""

from __future__ import annotations

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types (protobuf.dev, encoding)."""


def take_field(data: bytes, place: int, end: int) -> tuple[int, int, int, int]:
    """Number, wire type, what it says (of bytes: their length), and the place behind it."""
    tag = data[place]
    place += 1
    if tag > 0x7F:
        tag, place = _take_varint(data, place - 1, end)
    wire, number = tag & 7, tag >> 3
    if wire in (VARINT, BYTES):
        if place < end and data[place] < 0x80:
            told, place = data[place], place + 1
        else:
            told, place = _take_varint(data, place, end)
        if wire == BYTES:
            place += told
    elif wire == FIXED64:
        told, place = int.from_bytes(data[place : place + 8], "little"), place + 8
    elif wire == FIXED32:
        told, place = int.from_bytes(data[place : place + 4], "little"), place + 4
    else:
        raise ValueError(f"wire type {wire} at byte {place}")
    if place > end or number == 0:
        raise ValueError(f"ends within field {number}" if number else f"field 0 at byte {place}")
    return number, wire, told, place


def _take_varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    told = 0
    for shift in range(0, 70, 7):
        if place >= end:
            break
        byte = data[place]
        place += 1
        told |= (byte & 0x7F) << shift
        if byte < 0x80:
            if told >> 64:
                break
            return told, place
    raise ValueError(f"a number without an end at byte {place}")


def take_text(data: bytes, place: int, end: int) -> str:
    try:
        return data[place:end].decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"bytes that are not UTF-8 at byte {place}") from None


def sized(data: bytes) -> bytes:
    return varint(len(data)) + data


def varint(told: int) -> bytes:
    """As a varint."""
    if 0 <= told < 0x80:
        return bytes((told,))
    if not 0 <= told < 1 << 64:
        raise ValueError(f"{told} is no unsigned number of 64 bits")
    out = bytearray()
    while told > 0x7F:
        out.append(told & 0x7F | 0x80)
        told >>= 7
    out.append(told)
    return bytes(out)
