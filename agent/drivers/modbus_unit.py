"""One unit behind a line: requests, and what its answers mean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from agent.core.errors import DeviceError
from agent.drivers.modbus_codec import Words
from agent.drivers.modbus_line import ModbusLine, SilentError
from agent.drivers.wire import ModbusDevice, Table

REFUSALS = {1: "illegal function", 2: "illegal address", 3: "illegal value"}
"""Exceptions by which a device refuses the request itself (Modbus application protocol 1.1b3, clause 7)."""
TROUBLES = {
    4: "device failure",
    5: "acknowledge",
    6: "busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "unit does not respond",
}
SILENCES = (10, 11)
"""A gateway says by these that the unit behind it is not there."""

Call = Callable[[AsyncModbusTcpClient], Awaitable[ModbusPDU]]


class RefusedError(DeviceError):
    """The device answered that it does not have this, or not so much of it at once."""


class TroubledError(DeviceError):
    """The device is there, but could not serve this request now, or answered nonsense."""


class ModbusUnit:
    """Every error names the device, the unit, the registers and the place."""

    def __init__(self, device: ModbusDevice, line: ModbusLine) -> None:
        self._device = device
        self._line = line

    def what(self, registers: object) -> str:
        return f"{self._device.name}, unit {self._device.unit}, {registers}"

    async def read(self, table: Table, start: int, count: int) -> Words:
        """Registers (or bits) as uint16 [count]; an answer of another length or function is trouble, never a value."""
        unit = self._device.unit
        what = self.what(f"{table} {start}..{start + count - 1}")

        def call(client: AsyncModbusTcpClient) -> Awaitable[ModbusPDU]:
            function = {
                "holding": client.read_holding_registers,
                "input": client.read_input_registers,
                "coil": client.read_coils,
                "discrete": client.read_discrete_inputs,
            }[table]
            return function(start, count=count, device_id=unit)

        answer = await self._ask(call, _FUNCTIONS[table], what)
        is_bits = table in ("coil", "discrete")
        got: Sequence[Any] = answer.bits if is_bits else answer.registers
        wanted = 8 * ((count + 7) // 8) if is_bits else count
        if len(got) != wanted:
            raise TroubledError(f"{what}: {len(got)} values came, {wanted} were asked for")
        return np.array(got[:count], np.uint16)

    async def write_registers(self, register: int, words: Sequence[int]) -> None:
        """One register by function 6, several by 16."""
        unit = self._device.unit
        if len(words) == 1:
            what = self.what(f"write holding {register}")
            await self._ask(lambda client: client.write_register(register, words[0], device_id=unit), 6, what)
            return
        what = self.what(f"write holding {register}..{register + len(words) - 1}")
        await self._ask(lambda client: client.write_registers(register, list(words), device_id=unit), 16, what)

    async def write_coil(self, register: int, is_on: bool) -> None:
        unit, what = self._device.unit, self.what(f"write coil {register}")
        await self._ask(lambda client: client.write_coil(register, is_on, device_id=unit), 5, what)

    async def _ask(self, call: Call, function: int, what: str) -> ModbusPDU:
        device = self._device
        answer = await self._line.ask(call, timeout_s=device.timeout_s, pause_s=device.pause_s, what=what)
        if answer.isError():
            raise _fault(what, int(getattr(answer, "exception_code", 0)))
        if answer.function_code != function:
            raise TroubledError(f"{what}: answered with function {answer.function_code}, {function} was asked for")
        return answer


_FUNCTIONS: dict[Table, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


def _fault(what: str, code: int) -> DeviceError:
    if code in REFUSALS:
        return RefusedError(f"{what}: {REFUSALS[code]}")
    kind = SilentError if code in SILENCES else TroubledError
    return kind(f"{what}: {TROUBLES.get(code, f'exception {code}')}")
