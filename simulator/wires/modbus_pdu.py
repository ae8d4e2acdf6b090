"""Modbus requests to answers: functions 1-6, 15 and 16 of the Modbus Application Protocol v1.1b3. Pure.

The registers themselves belong to a `Bank`; what frames a PDU belongs to its line.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Protocol

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, NO_UNIT = 1, 2, 3, 11
READ_BITS = {1: "coil", 2: "discrete"}
READ_WORDS = {3: "holding", 4: "input"}
MOST_BITS_READ, MOST_BITS_WRITTEN = 2000, 1968
MOST_WORDS_READ, MOST_WORDS_WRITTEN = 125, 123


class Refused(Exception):  # noqa: N818 - a Modbus exception answer, not an error of the server
    """Answered to the client as a Modbus exception with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Bank(Protocol):
    """The registers behind a server. Both raise `Refused`; a refused write leaves everything as it was."""

    def has_unit(self, unit: int) -> bool: ...

    def read(self, unit: int, table: str, address: int, count: int) -> Sequence[int]: ...

    def write(self, unit: int, table: str, address: int, values: Sequence[int]) -> None: ...


def answer(bank: Bank, unit: int, request: bytes) -> bytes:
    """The answer PDU to a request PDU of at least one byte."""
    function = request[0]
    try:
        if not bank.has_unit(unit):
            raise Refused(NO_UNIT)
        return bytes([function]) + _execute(bank, unit, function, request[1:])
    except Refused as refusal:
        return bytes([function | 0x80, refusal.code])


def _execute(bank: Bank, unit: int, function: int, body: bytes) -> bytes:
    if function in READ_BITS or function in READ_WORDS:
        return _read(bank, unit, function, body)
    if function in (5, 6):
        return _write_one(bank, unit, function, body)
    if function in (15, 16):
        return _write_many(bank, unit, function, body)
    raise Refused(ILLEGAL_FUNCTION)


def _read(bank: Bank, unit: int, function: int, body: bytes) -> bytes:
    address, count = _pair(body, exact=True)
    most = MOST_BITS_READ if function in READ_BITS else MOST_WORDS_READ
    if not 1 <= count <= most:
        raise Refused(ILLEGAL_VALUE)
    _check_span(address, count)
    if function in READ_BITS:
        packed = pack_bits(bank.read(unit, READ_BITS[function], address, count))
    else:
        packed = struct.pack(f">{count}H", *bank.read(unit, READ_WORDS[function], address, count))
    return bytes([len(packed)]) + packed


def _write_one(bank: Bank, unit: int, function: int, body: bytes) -> bytes:
    address, value = _pair(body, exact=True)
    if function == 5:
        if value not in (0x0000, 0xFF00):
            raise Refused(ILLEGAL_VALUE)
        bank.write(unit, "coil", address, [int(value != 0)])
    else:
        bank.write(unit, "holding", address, [value])
    return body


def _write_many(bank: Bank, unit: int, function: int, body: bytes) -> bytes:
    address, count = _pair(body, exact=False)
    is_bits = function == 15
    size = (count + 7) // 8 if is_bits else 2 * count
    most = MOST_BITS_WRITTEN if is_bits else MOST_WORDS_WRITTEN
    if not 1 <= count <= most or len(body) != 5 + size or body[4] != size:
        raise Refused(ILLEGAL_VALUE)
    _check_span(address, count)
    data = body[5:]
    values = unpack_bits(data, count) if is_bits else struct.unpack(f">{count}H", data)
    bank.write(unit, "coil" if is_bits else "holding", address, values)
    return body[:4]


def _pair(body: bytes, *, exact: bool) -> tuple[int, int]:
    if len(body) < 4 or (exact and len(body) != 4):
        raise Refused(ILLEGAL_VALUE)
    first, second = struct.unpack(">HH", body[:4])
    return first, second


def _check_span(address: int, count: int) -> None:
    if address + count > 0x10000:
        raise Refused(ILLEGAL_ADDRESS)


def pack_bits(bits: Sequence[int]) -> bytes:
    """First bit lowest, padded to whole bytes."""
    return sum(bool(bit) << n for n, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")


def unpack_bits(data: bytes, count: int) -> list[int]:
    packed = int.from_bytes(data, "little")
    return [packed >> n & 1 for n in range(count)]
