"""Finds the units on a line and what they answer: a request at a time, at a pace, within a bound that is told before.

Nothing is ever written. A unit is asked for one register of each table and for its identification (function 43/14 of
the Modbus application protocol 1.1b3, clause 6.21); a refusal shows as well as a value that somebody is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.pdu import ModbusPDU

from agent.core.clock import Clock
from agent.core.errors import DeviceError
from agent.drivers.modbus_line import ModbusLine, SilentError
from agent.drivers.modbus_unit import SILENCES

Call = Callable[[ModbusClientMixin[Awaitable[ModbusPDU]]], Awaitable[ModbusPDU]]

ILLEGAL_FUNCTION = 1
TABLES = ("holding", "input", "coil", "discrete")
KNOCKS = ("holding", "input", "identification")
"""What a unit is asked before it is taken for absent: some say nothing to what they do not have."""
BASIC, REGULAR = 1, 2
"""Codes of function 43/14: vendor, product and revision; and with those their names."""
OBJECTS = {0: "vendor", 1: "product", 2: "revision", 3: "url", 4: "product name", 5: "model", 6: "application"}
"""Table 6.21 of the specification."""


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
            except DeviceError as fault:
                self.tally.missed.append(str(fault))
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
        answers: dict[str, ModbusPDU | None] = {}
        for what in KNOCKS:
            answers[what] = await self._ask(line, unit, what)
            if answers[what] is not None:
                break
        else:
            return None
        for what in (*TABLES, "identification"):
            if what not in answers and self._is_over() is None:
                answers[what] = await self._ask(line, unit, what)
        return Found(
            place=line.place,
            unit=unit,
            tables={table: _said(answers[table]) for table in TABLES if table in answers},
            identity=_identity(answers.get("identification")),
        )

    async def _ask(self, line: ModbusLine, unit: int, what: str) -> ModbusPDU | None:
        """None for silence, also when a gateway says so in the unit's place. Raises DeviceError for a dead line."""
        await asyncio.sleep(max(0.0, self._next_s - self._clock.read().mono_s))
        self._next_s = self._clock.read().mono_s + 1.0 / self._manner.requests_s
        self.tally.requests += 1
        try:
            told = await line.ask(
                _CALLS[what](unit), timeout_s=self._manner.timeout_s, pause_s=0.0, what=f"unit {unit}, {what}"
            )
        except SilentError:
            return None
        return None if told.isError() and getattr(told, "exception_code", 0) in SILENCES else told


def _identification(unit: int) -> Call:
    return lambda client: client.read_device_information(read_code=REGULAR, object_id=0, device_id=unit)


_CALLS: dict[str, Callable[[int], Call]] = {
    "holding": lambda unit: lambda client: client.read_holding_registers(0, count=1, device_id=unit),
    "input": lambda unit: lambda client: client.read_input_registers(0, count=1, device_id=unit),
    "coil": lambda unit: lambda client: client.read_coils(0, count=1, device_id=unit),
    "discrete": lambda unit: lambda client: client.read_discrete_inputs(0, count=1, device_id=unit),
    "identification": _identification,
}


def _said(answer: ModbusPDU | None) -> str:
    if answer is None:
        return "says nothing"
    if not answer.isError():
        return "answers"
    code = int(getattr(answer, "exception_code", 0))
    return "does not have" if code == ILLEGAL_FUNCTION else f"refuses register 0 (exception {code})"


def _identity(answer: ModbusPDU | None) -> dict[str, str]:
    """The objects that are texts; of what a device made of its own, nothing."""
    information = getattr(answer, "information", None)
    if answer is None or answer.isError() or not isinstance(information, dict):
        return {}
    return {OBJECTS[key]: _text(value) for key, value in sorted(information.items()) if key in OBJECTS and _text(value)}


def _text(value: object) -> str:
    told = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return " ".join("".join(sign if sign.isprintable() else " " for sign in told).split())


def fitting_templates(found: Found, vendors: dict[str, str]) -> list[str]:
    """Templates (name -> vendor) whose maker a unit names; a hint where to look first, no more."""
    told = " ".join(found.identity.values()).lower()
    return sorted(name for name, vendor in vendors.items() if vendor.lower() in told)
