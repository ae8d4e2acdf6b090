"""Modbus TCP: one unit's points, read in joined blocks, written with read-back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from agent.core.clock import Clock
from agent.core.command import Command, Outcome
from agent.core.errors import DeviceError
from agent.core.journal import Entry
from agent.core.protocols import Journal
from agent.core.scan import Scan
from agent.drivers.blocks import Block, join, make_block
from agent.drivers.modbus_codec import TYPES, Columns, Words, decode_written, encode
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.wire import ModbusDevice, ModbusPoint, ModbusWrite

REFUSALS = {1: "illegal function", 2: "illegal address", 3: "illegal value"}
"""Exceptions by which a device refuses the request itself (Modbus application protocol 1.1b3, clause 7)."""
TROUBLES = {
    4: "device failure",
    5: "acknowledge",
    6: "busy",
    10: "gateway path unavailable",
    11: "unit does not respond",
}
SILENCES = (10, 11)
"""A gateway says by these that the unit behind it is not there."""
PROBE_REFUSED_EVERY = 60
"""Polls between two tries at registers that the device refused."""

REMOTE, OWN = 1, 0
"""What a mode register holds while we command, and while the device has its own control."""


class ModbusDriver:
    """One unit behind a `ModbusLine`."""

    def __init__(self, device: ModbusDevice, line: ModbusLine, journal: Journal, clock: Clock) -> None:
        self.name = device.name
        self._device = device
        self._line = line
        self._journal = journal
        self._clock = clock
        self._points = {point.point: point for point in device.points}
        self._blocks = join(device.points, device.max_registers, device.max_gap)
        self._refused: dict[str, str] = {}
        """Point -> what the device said to it."""
        self._troubled: set[tuple[str, int]] = set()
        self._polls = 0

    @property
    def plan(self) -> list[str]:
        """The requests of a poll, for a person."""
        return [f"{b.table} {b.start}..{b.start + b.count - 1}: {len(b.points)} points" for b in self._blocks]

    async def open(self) -> None: ...

    async def close(self) -> None:
        self._line.close()

    async def poll(self) -> list[Scan]:
        """A scan a block. A refused register is BAD and told once; a silent unit raises DeviceError."""
        self._polls += 1
        if self._refused and self._polls % PROBE_REFUSED_EVERY == 0:
            await self._probe_refused()
        scans: list[Scan] = []
        for block in list(self._blocks):
            scans += await self._read(block)
        if self._refused:
            scans.append(self._scan(make_bad([self._points[name] for name in self._refused])))
        return scans

    async def _read(self, block: Block) -> list[Scan]:
        """One block; when the device refuses it, its halves, until only the culprits are left out."""
        try:
            words = await self._words(block)
            self._trouble(block, None)
            return [self._scan(block.decoder.decode(words))]
        except _TroubledError as trouble:
            self._trouble(block, str(trouble))
            return [self._scan(block.decoder.bad())]
        except _RefusedError as refusal:
            if len(block.points) > 1:
                first, second = block.halves()
                self._blocks[self._blocks.index(block) : self._blocks.index(block) + 1] = [first, second]
                return await self._read(first) + await self._read(second)
            self._blocks.remove(block)
            self._refuse(block.points[0], str(refusal))
            return []

    async def _words(self, block: Block) -> Words:
        """The block's registers (or bits) as uint16 [count]."""
        what = self._what(f"{block.table} {block.start}..{block.start + block.count - 1}")
        answer = await self._ask(_reader(block, self._device.unit), what)
        is_bits = block.table in ("coil", "discrete")
        got: Sequence[Any] = answer.bits[: block.count] if is_bits else answer.registers
        if len(got) != block.count:
            raise DeviceError(f"{what}: {len(got)} values came, {block.count} were asked for")
        return np.array(got, np.uint16)

    async def _ask(self, call: Callable[[AsyncModbusTcpClient], Awaitable[ModbusPDU]], what: str) -> ModbusPDU:
        device = self._device
        answer = await self._line.ask(call, timeout_s=device.timeout_s, pause_s=device.pause_s, what=what)
        if answer.isError():
            code = int(getattr(answer, "exception_code", 0))
            if code in REFUSALS:
                raise _RefusedError(f"{what}: {REFUSALS[code]}")
            kind = DeviceError if code in SILENCES else _TroubledError
            raise kind(f"{what}: {TROUBLES.get(code, f'exception {code}')}")
        return answer

    def _what(self, registers: str) -> str:
        return f"{self.name}, unit {self._device.unit}, {registers}"

    def _scan(self, columns: Columns) -> Scan:
        handles, values, quality = columns
        return Scan(device=self.name, handles=handles, values=values, quality=quality, at=self._clock.read())

    def _refuse(self, point: ModbusPoint, why: str) -> None:
        if point.point not in self._refused:
            self._tell(point.point, f"{point.point} is bad: {why}; its neighbours are read on without it")
        self._refused[point.point] = why

    async def _probe_refused(self) -> None:
        """Ask once more for each register that was refused; what answers is read again from now on."""
        for name in list(self._refused):
            block = make_block([self._points[name]])
            try:
                await self._words(block)
            except _RefusedError:
                continue
            del self._refused[name]
            self._tell(name, f"{name} answers again ({self._what(f'{block.table} {block.start}')})")
        answering = [point for name, point in self._points.items() if name not in self._refused]
        self._blocks = join(answering, self._device.max_registers, self._device.max_gap)

    def _trouble(self, block: Block, why: str | None) -> None:
        """Tell when a block's trouble starts and when it ends."""
        key = (block.table, block.start)
        if why is not None and key not in self._troubled:
            self._troubled.add(key)
            self._tell(self.name, f"{why}; its points are bad until it answers")
        elif why is None and key in self._troubled:
            self._troubled.remove(key)
            self._tell(self.name, f"{self._what(f'{block.table} {block.start}')} answers again")

    def _tell(self, point: str, text: str) -> None:
        self._journal.write(Entry(at=self._clock.read(), kind="device", subject=point, text=text))

    async def write(self, command: Command) -> Outcome:
        """Write and read back; every failure is an outcome."""
        point = self._points.get(command.point)
        if point is None or point.write is None:
            return self._outcome(command, "failed", f"{self.name} has no register to write {command.point}")
        try:
            if command.value is None:
                return await self._relinquish(command, point.write)
            return await self._set(command, command.value, point, point.write)
        except (DeviceError, _RefusedError, ValueError) as fault:
            return self._outcome(command, "failed", str(fault))

    async def _set(self, command: Command, value: float, point: ModbusPoint, write: ModbusWrite) -> Outcome:
        if write.table == "coil":
            return await self._set_coil(command, value, write)
        words = encode(value, write, point)
        await self._write_words(write, words)
        back = await self._read_back(write.register, len(words))
        shown = decode_written(back, write, point)
        slack = 0.51 * write.scale if TYPES[write.type][0][0] in "iu" else 1e-6 * max(1.0, abs(value))
        if abs(shown - value) > slack:
            return self._outcome(command, "unconfirmed", f"the device shows {shown:g}", shown)
        if write.mode_register is not None and (await self._read_back(write.mode_register, 1))[0] != REMOTE:
            return self._outcome(command, "unconfirmed", "the device stays in its own control", shown)
        return self._outcome(command, "confirmed", "", shown)

    async def _write_words(self, write: ModbusWrite, words: list[int]) -> None:
        """Value and mode in one request where they are neighbours, so that no half command acts."""
        if write.mode_register == write.register + len(words):
            await self._write_registers(write.register, [*words, REMOTE])
            return
        await self._write_registers(write.register, words)
        if write.mode_register is not None:
            await self._write_registers(write.mode_register, [REMOTE])

    async def _write_registers(self, register: int, words: list[int]) -> None:
        unit = self._device.unit
        what = self._what(f"write holding {register}")
        if len(words) == 1:
            await self._ask(lambda client: client.write_register(register, words[0], device_id=unit), what)
        else:
            await self._ask(lambda client: client.write_registers(register, words, device_id=unit), what)

    async def _read_back(self, register: int, count: int) -> list[int]:
        what = self._what(f"read back holding {register}")
        unit = self._device.unit
        answer = await self._ask(
            lambda client: client.read_holding_registers(register, count=count, device_id=unit), what
        )
        if len(answer.registers) != count:
            raise DeviceError(f"{what}: {len(answer.registers)} values came, {count} were asked for")
        return list(answer.registers)

    async def _set_coil(self, command: Command, value: float, write: ModbusWrite) -> Outcome:
        unit, wanted = self._device.unit, value >= 0.5
        what = self._what(f"coil {write.register}")
        await self._ask(lambda client: client.write_coil(write.register, wanted, device_id=unit), what)
        answer = await self._ask(lambda client: client.read_coils(write.register, count=1, device_id=unit), what)
        shown = float(answer.bits[0])
        kind = "confirmed" if bool(shown) == wanted else "unconfirmed"
        return self._outcome(command, kind, "" if kind == "confirmed" else f"the device shows {shown:g}", shown)

    async def _relinquish(self, command: Command, write: ModbusWrite) -> Outcome:
        if write.mode_register is None:
            detail = "this point has no mode register: give its limit a release value instead of relinquish"
            return self._outcome(command, "failed", detail)
        await self._write_registers(write.mode_register, [OWN])
        if (await self._read_back(write.mode_register, 1))[0] != OWN:
            return self._outcome(command, "unconfirmed", "the device stays remote")
        return self._outcome(command, "confirmed", "")

    def _outcome(self, command: Command, kind: Any, detail: str, shown: float | None = None) -> Outcome:
        return Outcome(command=command, kind=kind, read_back=shown, detail=detail, at=self._clock.read())


class _TroubledError(DeviceError):
    """The device is there, but could not serve this request now."""


class _RefusedError(Exception):
    """The device answered that it does not have this."""


def make_bad(points: Sequence[ModbusPoint]) -> Columns:
    """BAD columns for points that the device refuses."""
    return make_block(points).decoder.bad()


def _reader(block: Block, unit: int) -> Callable[[AsyncModbusTcpClient], Awaitable[ModbusPDU]]:
    def read(client: AsyncModbusTcpClient) -> Awaitable[ModbusPDU]:
        function = {
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
        }[block.table]
        return function(block.start, count=block.count, device_id=unit)

    return read
