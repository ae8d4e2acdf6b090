"""A small Modbus TCP server on loopback: no task a client, so that thousands of devices fit into one process."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from functools import partial

from simulator.wires.manners import PLAIN, Manners, Reply
from simulator.wires.modbus_pdu import Bank, Refused, answer, pack_bits, unpack_bits

__all__ = ["HEADER", "Bank", "ModbusServer", "Refused", "answer", "pack_bits", "unpack_bits"]

HEADER = struct.Struct(">HHHB")
"""Transaction, protocol (0), length of what follows it, unit."""
HEAD = HEADER.size + 2
"""Bytes that frame an answer: the header, its function and its byte count (or exception code)."""
MOST_WAITING = 4096
"""Bytes of requests that are kept while an answer is late; more of them wait in the socket."""


class ModbusServer:
    """Serves a bank. Requests of one client are answered in order, however they arrive in segments."""

    def __init__(self, bank: Bank, *, host: str = "127.0.0.1", port: int = 0, manners: Manners = PLAIN) -> None:
        self.host, self.port = host, port
        self.bank, self.manners = bank, manners
        self.clients: set[_Client] = set()
        self.is_dropping = False
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Raises OSError when the port is taken. Port 0 becomes the one the system gave."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Client(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._cut(self.clients)
            await self._server.wait_closed()
            self._server = None

    def drop(self, is_dropping: bool) -> None:
        """A fault: while dropping, every connection is cut and new ones are cut at once."""
        self.is_dropping = is_dropping
        if is_dropping:
            self._cut(self.clients)

    def cut(self, units: Iterable[int]) -> None:
        """Cut each connection over which any of these units was asked."""
        wanted = set(units)
        self._cut([client for client in self.clients if client.units & wanted])

    def _cut(self, clients: Iterable[_Client]) -> None:
        for client in list(clients):
            client.abort()


class _Client(asyncio.Protocol):
    """One connection. While an answer is late, or not taken, what else was asked waits."""

    __slots__ = ("_buffer", "_is_full", "_later", "_server", "_transport", "units")

    def __init__(self, server: ModbusServer) -> None:
        self.units: set[int] = set()
        """Asked for over this connection."""
        self._server = server
        self._buffer = b""
        self._later: asyncio.TimerHandle | None = None
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.clients.add(self)
        if self._server.is_dropping:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.clients.discard(self)
        if self._later is not None:
            self._later.cancel()

    def abort(self) -> None:
        self._transport.abort()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        self._go_on()

    def _go_on(self) -> None:
        """Answer what is there in whole; stop where an answer has to wait."""
        buffer, place = self._buffer, 0
        while self._is_free and len(buffer) - place > HEADER.size:
            transaction, protocol, length, unit = HEADER.unpack_from(buffer, place)
            if protocol != 0 or not 2 <= length <= 254:  # Then there is no way to find the next request.
                self._transport.close()
                return
            end = place + HEADER.size + length - 1
            if len(buffer) < end:
                break
            self._answer(transaction, unit, buffer[place + HEADER.size : end])
            place = end
        self._buffer = buffer[place:]
        if self._is_free or len(self._buffer) < MOST_WAITING:
            self._transport.resume_reading()  # Reading on is how we hear that a client has left.
        else:
            self._transport.pause_reading()

    @property
    def _is_free(self) -> bool:
        """The next request may be answered."""
        return self._later is None and not self._is_full and not self._transport.is_closing()

    def _answer(self, transaction: int, unit: int, request: bytes) -> None:
        server = self._server
        self.units.add(unit)
        reply = server.manners.answer(server.bank, unit, request, partial(_frame, transaction, unit), HEAD)
        if reply.delay_s > 0.0:
            self._later = asyncio.get_running_loop().call_later(reply.delay_s, self._say_late, reply)
        else:
            self._say(reply)

    def _say_late(self, reply: Reply) -> None:
        self._later = None
        self._say(reply)
        self._go_on()

    def _say(self, reply: Reply) -> None:
        if reply.is_cut:
            self.abort()
        elif reply.frame:
            self._transport.write(reply.frame)


def _frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    return HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu
