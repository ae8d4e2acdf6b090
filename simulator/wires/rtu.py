"""Modbus RTU on a pseudo terminal: many units of a bank on one serial line, as a true serial client sees them.

Framing and CRC-16 are of "MODBUS over Serial Line" v1.02 (clauses 2.5.1 and 6.2.2). A frame's end is told from its
function and byte count, since a pseudo terminal has no bit times; what makes no frame is thrown away after a silence.
Unlike on TCP, a unit that is not there says nothing, and a late answer comes when it comes: perhaps into the next one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import struct
import tty
from collections.abc import Collection

from simulator.wires.manners import PLAIN, Manners, Reply
from simulator.wires.modbus_pdu import READ_BITS, READ_WORDS, Bank, answer

log = logging.getLogger(__name__)

BROADCAST = 0
LAST_UNIT = 247
SHORTEST, LONGEST = 4, 256
"""Bytes of a frame: unit, function, CRC; and the specification's most."""
FIXED = 8
"""Bytes of a request to read or to write one: unit, function, two words, CRC."""
COUNT_PLACE = 6
"""Where a request to write many tells its bytes, which is followed by them and the CRC."""
QUIET_S = 0.05
"""A silence after which nothing belongs to what came before. 3.5 characters at 1,200 baud are 32 ms; a busy machine
may take a moment between two writes (our assumption)."""
CHARACTER_BITS = 11
"""Start, 8 data, parity or a second stop bit, stop."""
GAP_CHARACTERS = 3.5
READ_SIZE = 4096


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


CRC = _crc_table()


def crc16(data: bytes) -> int:
    """Sent low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 0xFF]
    return crc


def frame(unit: int, pdu: bytes) -> bytes:
    told = bytes([unit]) + pdu
    return told + struct.pack("<H", crc16(told))


def request_size(start: bytes) -> int | None:
    """Bytes of the request frame that starts so; None while that cannot be told, 0 when it is no request of ours."""
    if len(start) < 2:
        return None
    function = start[1]
    if function in READ_BITS or function in READ_WORDS or function in (5, 6):
        return FIXED
    if function in (15, 16):
        return None if len(start) <= COUNT_PLACE else COUNT_PLACE + 1 + start[COUNT_PLACE] + 2
    return 0


def split(buffer: bytes) -> tuple[list[bytes], bytes]:
    """Whole request frames with a true CRC, and what may become one; bytes that fit into none are passed over."""
    frames, place = [], 0
    while place < len(buffer):
        size = request_size(buffer[place : place + COUNT_PLACE + 1])
        if size is None or (size <= LONGEST and place + size > len(buffer)):
            break
        told = buffer[place : place + size]
        if SHORTEST <= size <= LONGEST and is_sound(told):
            frames.append(told)
            place += size
        else:
            place += 1
    return frames, buffer[place:]


def is_sound(told: bytes) -> bool:
    """Whether the last two bytes are the CRC of the others."""
    return struct.unpack("<H", told[-2:])[0] == crc16(told[:-2])


class RtuLine:
    """A serial line with the units of a bank on it; `path` is what a client opens."""

    def __init__(
        self, bank: Bank, *, units: Collection[int] | None = None, manners: Manners = PLAIN, baud: int | None = None
    ) -> None:
        """`units`: only these of the bank's; `baud`: answers take the time that request and answer need on a wire."""
        self.path = ""
        self._bank, self._manners = bank, manners
        self._units = range(1, LAST_UNIT + 1) if units is None else units
        self._character_s = CHARACTER_BITS / baud if baud else 0.0
        self._buffer = b""
        self._ours = self._theirs = -1
        self._quiet: asyncio.TimerHandle | None = None
        self._late: set[asyncio.TimerHandle] = set()

    def open(self) -> None:
        """Raises OSError where the system has no pseudo terminal left."""
        self._ours, self._theirs = os.openpty()  # We keep the client's end too: else its leaving would end the line.
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)
        asyncio.get_running_loop().add_reader(self._ours, self._hear)

    def close(self) -> None:
        if self._ours < 0:
            return
        asyncio.get_running_loop().remove_reader(self._ours)
        for handle in [*self._late, *([self._quiet] if self._quiet else [])]:
            handle.cancel()
        os.close(self._ours)
        os.close(self._theirs)
        self._ours = self._theirs = -1

    def _hear(self) -> None:
        try:
            came = os.read(self._ours, READ_SIZE)
        except BlockingIOError:
            return
        frames, self._buffer = split(self._buffer + came)
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(QUIET_S, self._fall_quiet) if self._buffer else None
        for told in frames:
            self._serve(told[0], told[1:-2], len(told))

    def _fall_quiet(self) -> None:
        """Whatever waits for its rest will not get it; behind its first byte there may be a whole frame."""
        self._quiet = None
        buffer = self._buffer
        self._buffer = b""
        while buffer:
            frames, buffer = split(buffer[1:])
            for told in frames:
                self._serve(told[0], told[1:-2], len(told))

    def _serve(self, unit: int, request: bytes, size: int) -> None:
        if unit == BROADCAST:
            for each in self._units:
                if self._bank.has_unit(each) and not {"cut", "reboot"} & self._manners.struck(each).keys():
                    answer(self._bank, each, request)
        elif unit in self._units and self._bank.has_unit(unit):
            reply = self._manners.answer(self._bank, unit, request, lambda pdu: frame(unit, pdu))
            self._reply(reply, size)

    def _reply(self, reply: Reply, asked: int) -> None:
        if not reply.frame:
            return
        pace_s = (asked + len(reply.frame) + 2 * GAP_CHARACTERS) * self._character_s
        if reply.delay_s + pace_s > 0.0:
            self._later(reply.delay_s + pace_s, reply.frame)
        else:
            self._say(reply.frame)

    def _later(self, after_s: float, told: bytes) -> None:
        def say() -> None:
            self._late.discard(handle)
            self._say(told)

        handle = asyncio.get_running_loop().call_later(after_s, say)
        self._late.add(handle)

    def _say(self, told: bytes) -> None:
        try:
            os.write(self._ours, told)
        except BlockingIOError:
            log.warning("rtu: nobody reads %s; an answer is lost, as on any serial line", self.path)
