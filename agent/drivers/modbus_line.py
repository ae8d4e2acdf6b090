"""One connection to one host and port, or one serial port, shared by the units behind it; one request at a time."""

from __future__ import annotations

import asyncio

from agent.core.clock import Clock, wall_s
from agent.core.errors import ConfigError, DeviceError
from agent.drivers.modbus_frames import BrokenStreamError, Request, frames_of, read_request
from agent.drivers.modbus_port import Port, open_port
from agent.drivers.modbus_turns import Turn, Turns
from agent.drivers.wire import Place, SerialPlace

GARBLED_S = 0.05
"""After so much silence, bytes that are no answer will not become one: a busy system may pause within a frame."""
CHARACTER_BITS, GAP_CHARACTERS, LEAST_GAP_S = 11, 3.5, 0.00175
"""Silence between two frames on a serial line ("MODBUS over Serial Line v1.02", clause 2.5.1.1)."""
MOST_UNHEARD = 2
"""After so many requests in a row without a single byte, the connection may be half open: it is made anew."""
AWAY_SHARE = 0.1
"""Where connecting waits for its time-out, polls may spend no more than this share of the time on it."""


class SilentError(DeviceError):
    """Asked, and no answer came."""


class AwayError(SilentError):
    """There is no connection: it is nobody's in particular."""


class SpoiledError(SilentError):
    """An answer began and was lost: the next try may well do."""


class ModbusLine:
    """Connects when first asked and again after each fault; keeps no task of its own.

    The growing, jittered pauses between tries are the poller's, one for each unit.
    """

    def __init__(self, place: Place, clock: Clock) -> None:
        self.place = str(place)
        self.units: set[str] = set()
        """Devices that share this line."""
        self.silent: set[str] = set()
        """Those of them that were silent when last asked."""
        self.requests = 0
        self.connections = 0
        self._place = place
        self._clock = clock
        self._turns = Turns()
        self._port: Port | None = None
        self._frames = frames_of(place.framing)
        self._gap_s = _gap_s(place)
        self._awaited: asyncio.Future[bytes] | None = None
        self._garbled: asyncio.TimerHandle | None = None
        self._rest: asyncio.Future[None] | None = None
        self._rest_timer: asyncio.TimerHandle | None = None
        self._unheard = 0
        self._away_until_s = 0.0
        self._doubts: dict[int, set[bytes]] = {}
        """RTU: unit -> beginnings of answers that it still owes, and might give to another question."""

    @property
    def strangers(self) -> int:
        """Answers to questions that had been given up."""
        return self._frames.strangers

    def turn(self, *, is_urgent: bool = False) -> Turn:
        """In it nobody else speaks on the line: for `exchange`, as often as it takes. Commands go before polls."""
        return Turn(self._turns, is_urgent=is_urgent)

    async def exchange(
        self, unit: int, request: Request, *, timeout_s: float, pause_s: float, is_urgent: bool = False
    ) -> bytes:
        """The answer's PDU, which may be an exception or of a wrong shape. Only within a turn. Raises SilentError."""
        await self._after_rest()
        if self._port is None or not self._port.is_open:
            await self._connect(timeout_s, is_urgent)
        if unit in self._doubts and request.head in self._doubts[unit]:
            await self._settle(unit, request, timeout_s, pause_s)
        return await self._speak(unit, request, timeout_s, pause_s)

    async def _speak(self, unit: int, request: Request, timeout_s: float, pause_s: float) -> bytes:
        loop = asyncio.get_running_loop()
        assert self._port is not None
        awaited: asyncio.Future[bytes] = loop.create_future()
        self._awaited = awaited
        timer = loop.call_later(self._clock.io_s(timeout_s), self._expire)
        self.requests += 1
        self._port.write(self._frames.ask(unit, request))
        try:
            answer = await awaited
        except SilentError:
            self._lose(unit, request)
            raise
        except asyncio.CancelledError:
            # Its answer is still under way: on RTU whoever is next must wait until it has come or never will.
            if awaited.done() and not awaited.cancelled():
                awaited.exception()  # Told to nobody, as nobody waits.
            self._lose(unit, request)
            self._pause(timeout_s if self._place.framing == "rtu" else 0.0)
            raise
        finally:
            timer.cancel()
            self._awaited = None
            if self._garbled is not None:
                self._garbled.cancel()
                self._garbled = None
        self._unheard = 0
        if self._doubts:
            self._doubts.pop(unit, None)  # Devices answer in order: nothing older is to come.
        self._pause(max(pause_s, self._gap_s))
        return answer

    async def _settle(self, unit: int, request: Request, timeout_s: float, pause_s: float) -> None:
        """RTU tells an answer from another by its size only: after a silence, first ask for another size.

        What comes late is then no answer to that, and when the true one comes, all that was owed has come.
        """
        table = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}[request.function]
        start, count = int.from_bytes(request.pdu[1:3], "big"), int.from_bytes(request.pdu[3:5], "big")
        step = 1 if request.function in (3, 4) else 8
        other = count - step if count > step else count + step
        await self._speak(unit, read_request(table, start, other), timeout_s, pause_s)
        await self._after_rest()

    def _lose(self, unit: int, request: Request) -> None:
        """The answer was not heard; it may still come."""
        is_partial = self._frames.give_up()
        if self._place.framing == "rtu":
            if request.function <= 4:  # Others echo what they were told: no mistaking them.
                self._doubts.setdefault(unit, set()).add(request.head)
            self._pause(self._gap_s)
        self._unheard += 1
        is_torn = is_partial and self._place.framing == "tcp"  # Where would the next answer begin?
        if is_torn or (self._unheard >= MOST_UNHEARD and not isinstance(self._place, SerialPlace)):
            self._drop()

    def _pause(self, seconds: float) -> None:
        """Nobody speaks for so long; nobody has to wait for it who does not want to speak."""
        if seconds <= 0.0:
            return
        loop = asyncio.get_running_loop()
        if self._rest_timer is not None:
            self._rest_timer.cancel()
        if self._rest is None:
            self._rest = loop.create_future()
        self._rest_timer = loop.call_later(self._clock.io_s(seconds), self._rested)

    def _rested(self) -> None:
        rest, self._rest, self._rest_timer = self._rest, None, None
        if rest is not None and not rest.done():
            rest.set_result(None)

    async def _after_rest(self) -> None:
        if self._rest is not None:
            # Shielded: others may wait for the same.
            await asyncio.shield(self._rest)

    # --- what comes ---

    def _hear(self, data: bytes) -> None:
        self._unheard = 0
        try:
            answer = self._frames.feed(data)
        except BrokenStreamError as fault:
            self._drop()
            self._fail(SilentError(str(fault)))
            return
        if self._awaited is None and self._rest is not None:
            self._pause(GARBLED_S)  # What was given up has come: wait for its end only.
        elif answer is not None:
            if self._awaited is not None and not self._awaited.done():
                self._awaited.set_result(answer)
        elif self._frames.is_garbled():
            self._expect_nothing_more()

    def _expect_nothing_more(self) -> None:
        if self._garbled is not None:
            self._garbled.cancel()
        fault = SpoiledError("a garbled answer")
        self._garbled = asyncio.get_running_loop().call_later(self._clock.io_s(GARBLED_S), self._fail, fault)

    def _expire(self) -> None:
        self._fail(SilentError("no answer in time"))

    def _fail(self, fault: SilentError) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(fault)

    # --- connecting ---

    async def _connect(self, timeout_s: float, is_urgent: bool) -> None:
        began_s = wall_s()
        if began_s < self._away_until_s and not is_urgent:
            raise AwayError("connection failed a moment ago")
        self._drop()
        frames = self._frames = frames_of(self._place.framing)
        frames.strangers = 0
        try:
            async with asyncio.timeout(self._clock.io_s(timeout_s)):
                self._port = await open_port(self._place, lambda: Port(self._hear, self._lost))
        except (OSError, TimeoutError, ConfigError) as fault:
            if isinstance(fault, TimeoutError):
                self._away_until_s = wall_s() + (wall_s() - began_s) * (1.0 / AWAY_SHARE - 1.0)
            raise AwayError(_said(fault)) from fault
        self.connections += 1
        self._unheard = 0
        if self._place.connect_pause_s:
            await asyncio.sleep(self._clock.io_s(self._place.connect_pause_s))

    def _lost(self, port: Port) -> None:
        if port is self._port:
            self._port = None
            self._fail(SpoiledError("connection closed by the other side"))

    def _drop(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            port.close()

    def close(self) -> None:
        self._drop()


def _gap_s(place: Place) -> float:
    """Silence that ends a frame on a serial line of our own; a converter keeps its own."""
    if not isinstance(place, SerialPlace):
        return 0.0
    return max(LEAST_GAP_S, GAP_CHARACTERS * CHARACTER_BITS / place.baud)


def _said(fault: Exception) -> str:
    if isinstance(fault, TimeoutError):
        return "no connection in time"
    if isinstance(fault, ConnectionRefusedError):
        return "connection refused"
    return f"no connection: {fault}"
