"""Modbus requests and answers as bytes: what is asked, how it is framed on TCP and RTU, and which answer is ours. Pure.

Clauses are of the "MODBUS Application Protocol Specification v1.1b3" (application), "MODBUS Messaging on TCP/IP
Implementation Guide v1.0b" (TCP) and "MODBUS over Serial Line v1.02" (serial).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

READ = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
MOST_BITS, MOST_REGISTERS = 2000, 125
"""In one request (application, clauses 6.1 and 6.3)."""
LONGEST_TCP, LONGEST_RTU = 260, 256
"""Bytes of a frame (TCP, clause 3.1.2; serial, clause 2.5.1)."""
HEADER = struct.Struct(">HHHB")
"""Transaction, protocol (0), length of what follows, unit."""
ERROR = 0x80
IDENTIFICATION = 43


@dataclass(frozen=True, slots=True)
class Request:
    """One question and the shape of its answer."""

    pdu: bytes
    head: bytes
    """What the answer begins with: the function, and the byte count or the whole echo."""
    size: int
    """Bytes of the answer without unit and checksum; 0 where only the answer tells it."""
    label: str
    """Which registers, for people."""

    @property
    def function(self) -> int:
        return self.pdu[0]

    def is_answer(self, pdu: bytes) -> bool:
        """Also an exception is one."""
        if len(pdu) == 2 and pdu[0] == self.pdu[0] | ERROR:
            return True
        return len(pdu) == (self.size or len(pdu)) and pdu.startswith(self.head)


def read_request(table: str, start: int, count: int) -> Request:
    """Functions 1 to 4."""
    function = READ[table]
    size = (count + 7) // 8 if function <= 2 else 2 * count
    label = f"{table} {start}..{start + count - 1}"
    return Request(struct.pack(">BHH", function, start, count), bytes([function, size]), 2 + size, label)


def write_request(function: int, register: int, values: Sequence[int]) -> Request:
    """Functions 5, 6, 15 and 16: one coil or register, or several of them at once."""
    label = _written("coil" if function in (5, 15) else "holding", register, len(values))
    if function in (5, 6):
        value = (0xFF00 if values[0] else 0) if function == 5 else values[0]
        pdu = struct.pack(">BHH", function, register, value)
        return Request(pdu, pdu, 5, label)
    if function == 15:
        data = sum(bool(bit) << n for n, bit in enumerate(values)).to_bytes((len(values) + 7) // 8, "little")
    else:
        data = struct.pack(f">{len(values)}H", *values)
    head = struct.pack(">BHH", function, register, len(values))
    return Request(head + bytes([len(data)]) + data, head, 5, label)


def _written(table: str, register: int, count: int) -> str:
    return f"write {table} {register}" + (f"..{register + count - 1}" if count > 1 else "")


def mask_request(register: int, and_mask: int, or_mask: int) -> Request:
    """Function 22: new = (old and AND) or (OR and not AND)."""
    pdu = struct.pack(">BHHH", 22, register, and_mask, or_mask)
    return Request(pdu, pdu, 7, _written("holding", register, 1))


def write_read_request(register: int, words: Sequence[int]) -> Request:
    """Function 23: writes, then reads the same registers."""
    count = len(words)
    told = struct.pack(f">BHHHHB{count}H", 23, register, count, register, count, 2 * count, *words)
    return Request(told, bytes([23, 2 * count]), 2 + 2 * count, _written("holding", register, count))


def identification_request() -> Request:
    """Function 43/14: vendor, product, revision and their names, as one stream (application, clause 6.21)."""
    head = bytes([IDENTIFICATION, 14, 2])
    return Request(head + b"\0", head, 0, "identification")


class BrokenStreamError(Exception):
    """What came is no Modbus, and nothing tells where the next answer would begin."""


class Frames(Protocol):
    """Frames requests and finds their answers in what comes."""

    strangers: int
    """Whole answers that were to no question of ours, or to one that we had given up."""

    def ask(self, unit: int, request: Request) -> bytes:
        """The frame to send; from now on its answer is awaited."""

    def feed(self, data: bytes) -> bytes | None:
        """The answer's PDU once it is whole. Raises BrokenStreamError."""

    def give_up(self) -> bool:
        """Nothing is awaited any more. True when part of an answer had come."""

    def is_garbled(self) -> bool:
        """As many bytes came as the answer has, and they are not it."""


class TcpFrames:
    """Answers are told apart by transaction and unit, so one that comes late is never taken for the next."""

    def __init__(self) -> None:
        self.strangers = 0
        self._transaction = 0
        self._awaited: tuple[int, int] | None = None
        self._buffer = b""

    def ask(self, unit: int, request: Request) -> bytes:
        self._transaction = self._transaction % 0xFFFF + 1  # Never 0: there are devices that answer 0 to all.
        self._awaited = self._transaction, unit
        return HEADER.pack(self._transaction, 0, len(request.pdu) + 1, unit) + request.pdu

    def feed(self, data: bytes) -> bytes | None:
        buffer = self._buffer + data if self._buffer else data
        answer, place = None, 0
        while len(buffer) - place > HEADER.size:
            transaction, protocol, length, unit = HEADER.unpack_from(buffer, place)
            if protocol != 0 or not 2 <= length <= LONGEST_TCP - 6:
                self._buffer = b""
                raise BrokenStreamError("what came is not Modbus TCP")
            end = place + 6 + length
            if end > len(buffer):
                break
            if (transaction, unit) == self._awaited:
                self._awaited, answer = None, buffer[place + HEADER.size : end]
            else:
                self.strangers += 1
            place = end
        self._buffer = buffer[place:]
        return answer

    def give_up(self) -> bool:
        self._awaited = None
        return bool(self._buffer)

    def is_garbled(self) -> bool:
        return False


class RtuFrames:
    """Answers tell unit, function and size, but not which question they answer; the line must see to that."""

    def __init__(self) -> None:
        self.strangers = 0
        self._request: Request | None = None
        self._unit = 0
        self._buffer = b""

    def ask(self, unit: int, request: Request) -> bytes:
        self._unit, self._request, self._buffer = unit, request, b""
        told = bytes([unit]) + request.pdu
        return told + crc16(told)

    def feed(self, data: bytes) -> bytes | None:
        if self._request is None:
            self.strangers += 1
            return None
        self._buffer = (self._buffer + data)[-2 * LONGEST_RTU :]
        for head, size in self._heads(self._request):
            place = self._buffer.find(head)
            while place >= 0:
                whole = size or answer_size(self._buffer[place:]) or LONGEST_RTU + 1
                told = self._buffer[place : place + whole]
                if len(told) == whole and crc16(told[:-2]) == told[-2:]:
                    self._request, self._buffer = None, b""
                    return told[1:-2]
                place = self._buffer.find(head, place + 1)
        self._strip()
        return None

    def _heads(self, request: Request) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
        """How the answer and an exception begin, with their sizes."""
        unit = bytes([self._unit])
        return (unit + request.head, request.size and request.size + 3), (unit + bytes([request.function | ERROR]), 5)

    def _strip(self) -> None:
        """A whole answer to something else, such as one that comes late, is no part of ours."""
        size = answer_size(self._buffer)
        while size is not None and len(self._buffer) >= size and crc16(self._buffer[: size - 2]) == self._rest(size):
            self.strangers += 1
            self._buffer = self._buffer[size:]
            size = answer_size(self._buffer)

    def _rest(self, size: int) -> bytes:
        return self._buffer[size - 2 : size]

    def give_up(self) -> bool:
        is_partial = self._request is not None and bool(self._buffer)
        self._request, self._buffer = None, b""
        return is_partial

    def is_garbled(self) -> bool:
        size = self._request.size if self._request is not None else 0
        return size > 0 and len(self._buffer) >= size + 3


def answer_size(start: bytes) -> int | None:
    """Bytes of the RTU answer that begins so; None while that cannot be told, or where it is none that we know."""
    if len(start) < 3:
        return None
    function = start[1]
    if function & ERROR:
        return 5
    if function in (1, 2, 3, 4, 23):
        return 5 + start[2]
    if function == IDENTIFICATION:
        return _identification_size(start)
    return {5: 8, 6: 8, 15: 8, 16: 8, 22: 10}.get(function)


def _identification_size(start: bytes) -> int | None:
    """Of objects that tell their own lengths, behind a head of eight bytes whose last is their number."""
    end = 8
    for _ in range(start[7] if len(start) > 7 else LONGEST_RTU):
        if len(start) < end + 2:
            return None
        end += 2 + start[end + 1]
    return end + 2


def frames_of(framing: Literal["tcp", "rtu"]) -> Frames:
    return TcpFrames() if framing == "tcp" else RtuFrames()


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes) -> bytes:
    """Serial, clause 6.2.2; low byte first, as it is sent."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return struct.pack("<H", crc)
