"""Commands to one Modbus unit: value and mode together where they can be, then read back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from agent.core.clock import Clock, wall_s
from agent.core.command import Command, Outcome
from agent.core.errors import DeviceError
from agent.drivers.modbus_codec import TYPES
from agent.drivers.modbus_encoder import decode_written, encode, masks
from agent.drivers.modbus_line import AwayError, SilentError
from agent.drivers.modbus_unit import ILLEGAL_FUNCTION, ModbusUnit, RefusedError
from agent.drivers.wire import ModbusDevice, ModbusPoint, ModbusWrite

REMOTE, OWN = 1, 0
"""What a mode register holds while we command, and while the device has its own control."""
ONE, SEVERAL = 6, 16
"""Functions that write registers."""
LOOK_AFTER_S = (0.0, 0.1, 0.5)
"""A device may take a moment to show what it was told; seconds before each look. Our assumption."""


@dataclass(frozen=True, slots=True)
class _Seen:
    kind: Literal["confirmed", "unconfirmed"]
    shown: float | None
    detail: str


class ModbusWriter:
    """Of several writes to a silent unit only the first waits for its silence: a hand-back has a deadline."""

    def __init__(self, device: ModbusDevice, unit: ModbusUnit, clock: Clock) -> None:
        self._device = device
        self._unit = unit
        self._clock = clock
        self._points = {point.point: point for point in device.points}
        self._silent_until_s = float("-inf")
        self._has_masks = True
        """Function 22 was not refused yet."""

    async def write(self, command: Command) -> Outcome:
        point = self._points.get(command.point)
        if point is None or point.write is None:
            return self._failed(command, f"{self._device.name} has no register to write {command.point}")
        if self._clock.read().mono_s < self._silent_until_s:
            return self._failed(command, f"{self._unit.what(point.point)}: it gave no answer a moment ago")
        began_s = wall_s()
        try:
            seen = await self._do(command.value, point, point.write)
        except SilentError as silence:
            if wall_s() - began_s > 0.5 * self._device.timeout_s:
                self._silent_until_s = self._clock.read().mono_s + 2.0 * self._device.timeout_s
            if isinstance(silence, AwayError):
                return self._failed(command, str(silence))
            # The request may have got there, and only its answer not here.
            return self._outcome(command, _Seen("unconfirmed", None, str(silence)))
        except (DeviceError, ValueError) as fault:
            return self._failed(command, str(fault))
        return self._outcome(command, seen)

    async def _do(self, value: float | None, point: ModbusPoint, write: ModbusWrite) -> _Seen:
        if value is None:
            return await self._relinquish(write)
        if write.table == "coil":
            return await self._set_coil(value, write)
        words = encode(value, write, point)
        if write.bit is None:
            await self._set(write, words)
        else:
            await self._set_bits(words[0], write, point)
        for after_s in LOOK_AFTER_S:
            await asyncio.sleep(self._clock.io_s(after_s))
            seen = await self._look(value, point, write, len(words))
            if seen.kind == "confirmed":
                break
        return seen

    async def _set(self, write: ModbusWrite, words: list[int]) -> None:
        """Value and mode in one request where they are neighbours, so that no half command acts."""
        if write.mode_register == write.register + len(words) and write.function != ONE:
            await self._write(write, write.register, [*words, REMOTE])
        elif write.mode_register == write.register - 1 and write.function != ONE:
            await self._write(write, write.mode_register, [REMOTE, *words])
        else:
            await self._write(write, write.register, words)
            await self._set_mode(write, REMOTE)

    async def _write(self, write: ModbusWrite, register: int, words: list[int]) -> None:
        await self._unit.write(write.function or (SEVERAL if len(words) > 1 else ONE), register, words)

    async def _set_bits(self, number: int, write: ModbusWrite, point: ModbusPoint) -> None:
        """By function 22, or as the device knows it: read, change and write, with nobody of ours in between."""
        and_mask, or_mask = masks(number, write, point)
        if write.function in (None, 22) and self._has_masks:
            try:
                await self._unit.mask(write.register, and_mask, or_mask)
            except RefusedError as refusal:
                if write.function == 22 or refusal.code != ILLEGAL_FUNCTION:
                    raise
                self._has_masks = False  # It need not be asked again.
        if write.function not in (None, 22) or not self._has_masks:
            await self._unit.change(write.function or ONE, write.register, and_mask, or_mask)
        await self._set_mode(write, REMOTE)

    async def _set_mode(self, write: ModbusWrite, mode: int) -> None:
        if write.mode_register is not None:
            function = write.function if write.function in (SEVERAL, 23) else ONE
            await self._unit.write(function, write.mode_register, [mode])

    async def _look(self, value: float, point: ModbusPoint, write: ModbusWrite, count: int) -> _Seen:
        shown = decode_written(await self._unit.read_now("holding", write.register, count), write, point)
        if not abs(shown - value) <= _slack(value, write):
            return _Seen("unconfirmed", shown, f"the device shows {shown:g}")
        if write.mode_register is not None and await self._mode(write.mode_register) != REMOTE:
            return _Seen("unconfirmed", shown, "the device stays in its own control")
        return _Seen("confirmed", shown, "")

    async def _set_coil(self, value: float, write: ModbusWrite) -> _Seen:
        wanted = value >= 0.5
        await self._unit.write(write.function or 5, write.register, [int(wanted)])
        await self._set_mode(write, REMOTE)
        shown = float((await self._unit.read_now("coil", write.register, 1))[0])
        if bool(shown) != wanted:
            return _Seen("unconfirmed", shown, f"the device shows {shown:g}")
        if write.mode_register is not None and await self._mode(write.mode_register) != REMOTE:
            return _Seen("unconfirmed", shown, "the device stays in its own control")
        return _Seen("confirmed", shown, "")

    async def _relinquish(self, write: ModbusWrite) -> _Seen:
        if write.mode_register is None:
            raise ValueError("this point has no mode register: give its limit a release value instead of relinquish")
        await self._set_mode(write, OWN)
        if await self._mode(write.mode_register) != OWN:
            return _Seen("unconfirmed", None, "the device stays remote")
        return _Seen("confirmed", None, "")

    async def _mode(self, register: int) -> int:
        return (await self._unit.read_now("holding", register, 1))[0]

    def _failed(self, command: Command, detail: str) -> Outcome:
        return Outcome(command=command, kind="failed", read_back=None, detail=detail, at=self._clock.read())

    def _outcome(self, command: Command, seen: _Seen) -> Outcome:
        at = self._clock.read()
        return Outcome(command=command, kind=seen.kind, read_back=seen.shown, detail=seen.detail, at=at)


def _slack(value: float, write: ModbusWrite) -> float:
    """Half a step of an integer register, or what a float32 cannot tell."""
    if TYPES[write.type][0][0] in "iu":
        return 0.51 * abs(write.scale)
    return 1e-6 * max(abs(write.scale), abs(value))
