"""Finds the units on a line and what they answer: a request at a time, at a pace, within a bound that is told before.

Nothing is ever written. A unit is asked for one register of each table and for its identification (function 43/14 of
the Modbus application protocol 1.1b3, clause 6.21); a refusal shows as well as a value that somebody is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from agent.core.clock import Clock
from agent.drivers.modbus_frames import ERROR, IDENTIFICATION, identification_request, read_request
from agent.drivers.modbus_line import AwayError, ModbusLine, SilentError
from agent.drivers.modbus_unit import ILLEGAL_FUNCTION, SILENCES

TABLES = ("holding", "input", "coil", "discrete")
WHO = "identification"
REQUESTS = {table: read_request(table, 0, 1) for table in TABLES} | {WHO: identification_request()}
KNOCKS = ("holding", "input", WHO)
"""What a unit is asked before it is taken for absent: some say nothing to what they do not have."""
GONE = [bytes([code]) for code in SILENCES]
HEAD = 7
"""Bytes of an identification before its first object: function, kind, code, level, more, next, number."""
OBJECTS = {0: "vendor", 1: "product", 2: "revision", 3: "url", 4: "product name", 5: "model", 6: "application"}
"""Application protocol, table of clause 6.21."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a scan behaves; each bound is kept whatever the line does."""

    timeout_s: float = 0.5
    requests_s: float = 10.0
    """At most so many requests a second."""
    most_requests: int = 2_000
    most_s: float = 600.0

    def longest_s(self, units: int) -> float:
        """What scanning so many absent units takes at most."""
        return units * len(KNOCKS) * max(self.timeout_s, 1.0 / self.requests_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A unit that is there."""

    place: str
    unit: int
    tables: dict[str, str]
    """Table -> `answers`, `refuses register 0`, `does not have`, `says nothing`, or in trouble."""
    identity: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a scan has cost, and what it did not come to."""

    requests: int = 0
    asked: int = 0
    missed: list[str] = field(default_factory=list)
    """Places and units that were not asked, and why."""


class Scanner:
    """Asks one unit after the other; what was found is given at once."""

    def __init__(self, manner: Manner, clock: Clock) -> None:
        self._manner = manner
        self._clock = clock
        self._began_s = clock.read().mono_s
        self._next_s = self._began_s
        self.tally = Tally()

    async def scan(self, line: ModbusLine, units: Sequence[int]) -> AsyncIterator[Found]:
        """Every unit of a line that answers. A line that cannot be opened is told in the tally, not raised."""
        for place, unit in enumerate(units):
            if (why := self._is_over()) is not None:
                self.tally.missed.append(f"{line.place}, units {units[place]} to {units[-1]}: {why}")
                return
            try:
                found = await self._look(line, unit)
            except AwayError as fault:
                self.tally.missed.append(f"{line.place}: {fault}")
                return
            self.tally.asked += 1
            if found is not None:
                yield found

    def _is_over(self) -> str | None:
        if self.tally.requests >= self._manner.most_requests:
            return f"{self._manner.most_requests} requests were made"
        if self._clock.read().mono_s - self._began_s >= self._manner.most_s:
            return f"{self._manner.most_s:g} s have passed"
        return None

    async def _look(self, line: ModbusLine, unit: int) -> Found | None:
        answers: dict[str, bytes | None] = {}
        for what in KNOCKS:
            answers[what] = await self._ask(line, unit, what)
            if answers[what] is not None:
                break
        else:
            return None
        for what in (*TABLES, WHO):
            if what not in answers and self._is_over() is None:
                answers[what] = await self._ask(line, unit, what)
        return Found(
            place=line.place,
            unit=unit,
            tables={table: _said(answers[table]) for table in TABLES if table in answers},
            identity=identity_of(answers.get(WHO)),
        )

    async def _ask(self, line: ModbusLine, unit: int, what: str) -> bytes | None:
        """The answer's PDU; None for silence, also when a gateway says so. Raises AwayError for a dead line."""
        await asyncio.sleep(max(0.0, self._next_s - self._clock.read().mono_s))
        self._next_s = self._clock.read().mono_s + 1.0 / self._manner.requests_s
        self.tally.requests += 1
        try:
            async with line.turn():
                answer = await line.exchange(unit, REQUESTS[what], timeout_s=self._manner.timeout_s, pause_s=0.0)
        except AwayError:
            raise
        except SilentError:
            return None
        return None if answer[0] & ERROR and answer[1:2] in GONE else answer


def _said(answer: bytes | None) -> str:
    if answer is None:
        return "says nothing"
    if not answer[0] & ERROR:
        return "answers"
    code = answer[1] if len(answer) > 1 else 0
    return "does not have" if code == ILLEGAL_FUNCTION else f"refuses register 0 (exception {code})"


def identity_of(answer: bytes | None) -> dict[str, str]:
    """What a unit says of itself; of an answer that is cut off or of a device's own making, what can be read."""
    told: dict[str, str] = {}
    place = HEAD
    while answer is not None and answer[0] == IDENTIFICATION and len(answer) >= place + 2:
        key, size = answer[place], answer[place + 1]
        text = _text(answer[place + 2 : place + 2 + size])
        if key in OBJECTS and text:
            told[OBJECTS[key]] = text
        place += 2 + size
    return told


def _text(data: bytes) -> str:
    signs = (sign if sign.isprintable() else " " for sign in data.decode("latin-1"))
    return " ".join("".join(signs).split())


def fitting_templates(found: Found, vendors: Mapping[str, str]) -> list[str]:
    """Templates (name -> vendor) whose maker a unit names; a hint where to look first, no more."""
    told = " ".join(found.identity.values()).lower()
    return sorted(name for name, vendor in vendors.items() if vendor.lower() in told)
