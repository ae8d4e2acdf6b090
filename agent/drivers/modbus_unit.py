"""One unit on a line: requests, and what its answers mean."""

from __future__ import annotations

from collections.abc import Sequence

from agent.core.clock import wall_s
from agent.core.errors import DeviceError
from agent.drivers.modbus_frames import (
    ERROR,
    Request,
    mask_request,
    read_request,
    write_read_request,
    write_request,
)
from agent.drivers.modbus_line import AwayError, ModbusLine, SilentError, SpoiledError
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
ILLEGAL_FUNCTION = 1
LEAST_PATIENCE_S, TIMES_SLOWEST = 0.2, 4.0
"""A unit that fell silent is waited for this long, or so many times its slowest answer: our choice."""
FULL_PATIENCE_EVERY = 8
"""Of the tries at a silent unit, each so manieth waits for the whole time-out: it may have become slower."""
FORGET = 0.999
"""Of the slowest answer, at each answer."""


class RefusedError(DeviceError):
    """The device answered that it does not have this, or not so much of it at once."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class TroubledError(DeviceError):
    """The device is there, but could not serve this request now, or answered nonsense."""


class ModbusUnit:
    """Every error names the device, the unit, the registers and the place."""

    def __init__(self, device: ModbusDevice, line: ModbusLine) -> None:
        self._device = device
        self._line = line
        self._silences = 0
        """Unheard requests in a row."""
        self._slowest_s: float | None = None
        line.units.add(device.name)

    def what(self, registers: object) -> str:
        return f"{self._device.name}, unit {self._device.unit}, {registers}"

    async def read(self, request: Request) -> bytes:
        """Registers or packed bits as they came; an answer of another length or function is trouble, never a value."""
        async with self._line.turn():
            return (await self._ask(request))[2:]

    async def read_now(self, table: Table, start: int, count: int) -> list[int]:
        """Registers, or bits, before the polls that wait."""
        async with self._line.turn(is_urgent=True):
            data = (await self._ask(read_request(table, start, count), is_urgent=True))[2:]
        if table in ("coil", "discrete"):
            return [data[place // 8] >> place % 8 & 1 for place in range(count)]
        return words_of(data)

    async def write(self, function: int, register: int, values: Sequence[int]) -> None:
        """Functions 5, 6, 15, 16; by 23 the device also shows at once what became of it."""
        request = write_read_request(register, values) if function == 23 else write_request(function, register, values)
        async with self._line.turn(is_urgent=True):
            await self._ask(request, is_urgent=True)

    async def mask(self, register: int, and_mask: int, or_mask: int) -> None:
        """Function 22: some bits of a register. Raises RefusedError where a device does not know it."""
        async with self._line.turn(is_urgent=True):
            await self._ask(mask_request(register, and_mask, or_mask), is_urgent=True)

    async def change(self, function: int, register: int, and_mask: int, or_mask: int) -> None:
        """As `mask`, for devices without it: read, change, write, and nobody of ours writes in between."""
        async with self._line.turn(is_urgent=True):
            (word,) = words_of((await self._ask(read_request("holding", register, 1), is_urgent=True))[2:])
            changed = (word & and_mask) | (or_mask & ~and_mask)
            request = write_request(function, register, [changed])
            if function == 23:
                request = write_read_request(register, [changed])
            await self._ask(request, is_urgent=True)

    async def _ask(self, request: Request, *, is_urgent: bool = False) -> bytes:
        """The answer of the right shape. Only within a turn. A spoiled one is asked for again, once."""
        device, line = self._device, self._line
        began_s = wall_s()
        try:
            try:
                answer = await line.exchange(
                    device.unit, request, timeout_s=self._patience_s(), pause_s=device.pause_s, is_urgent=is_urgent
                )
            except SpoiledError:
                answer = await line.exchange(
                    device.unit, request, timeout_s=self._patience_s(), pause_s=device.pause_s, is_urgent=is_urgent
                )
        except SilentError as fault:
            raise self._silent(request, f" at {line.place}: {fault}", fault, wall_s() - began_s) from fault
        took_s = wall_s() - began_s
        if answer[0] == request.function | ERROR:
            self._refuse(request, answer, took_s)
        self._heard(took_s)
        if not request.is_answer(answer):
            raise TroubledError(f"{self.what(request.label)}: {_mismatch(request, answer)}")
        return answer

    def _refuse(self, request: Request, answer: bytes, took_s: float) -> None:
        """Raises what an exception means."""
        code = answer[1] if len(answer) > 1 else 0
        if code in SILENCES:
            raise self._silent(request, f": {TROUBLES[code]}", SilentError(), took_s)
        self._heard(took_s)
        what = self.what(request.label)
        if code in REFUSALS:
            raise RefusedError(f"{what}: {REFUSALS[code]}", code)
        raise TroubledError(f"{what}: {TROUBLES.get(code, f'exception {code}')}")

    def _patience_s(self) -> float:
        """The time-out; less for a unit that is silent and used to be quick, as its neighbours wait meanwhile."""
        whole_s = self._device.timeout_s
        if self._slowest_s is None or self._silences % FULL_PATIENCE_EVERY == 0:
            return whole_s
        return min(whole_s, max(LEAST_PATIENCE_S, TIMES_SLOWEST * self._slowest_s))

    def _heard(self, took_s: float) -> None:
        if self._silences:
            self._silences = 0
            self._line.silent.discard(self._device.name)
        slowest_s = self._slowest_s
        self._slowest_s = took_s if slowest_s is None or took_s > slowest_s else slowest_s * FORGET

    def _silent(self, request: Request, told: str, fault: SilentError, took_s: float) -> SilentError:
        self._silences += 1
        line = self._line
        line.silent.add(self._device.name)
        silent = type(fault)(self.what(request.label) + told)
        if not isinstance(fault, AwayError) and len(line.units) > 1:
            silent.cost_s = took_s * len(line.silent)
        return silent


def words_of(data: bytes) -> list[int]:
    return [int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data), 2)]


def _mismatch(request: Request, answer: bytes) -> str:
    if answer[0] != request.function:
        return f"answered with function {answer[0]}, {request.function} was asked for"
    if request.function in (1, 2, 3, 4, 23):
        return f"{len(answer) - 2} bytes came, {request.size - 2} were asked for"
    return "its answer is not the echo of what was written"
