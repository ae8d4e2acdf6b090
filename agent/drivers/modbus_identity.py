"""What a device says of itself, such as its serial number: read once, and again when it was away."""

from __future__ import annotations

import math

from agent.drivers.modbus_codec import TYPES, BlockDecoder
from agent.drivers.modbus_frames import Request, read_request
from agent.drivers.modbus_news import ModbusNews
from agent.drivers.modbus_unit import ModbusUnit, RefusedError, TroubledError
from agent.drivers.wire import ModbusDevice, ModbusIdentity, ModbusPoint


class ModbusIdentities:
    """Told in the journal when first seen and when it changes: a device was exchanged, or two have swapped places."""

    def __init__(self, device: ModbusDevice, unit: ModbusUnit, news: ModbusNews) -> None:
        self._wanted = device.identity
        self._unit = unit
        self._news = news
        self._is_known = not self._wanted
        self.seen: dict[str, str] = {}

    def doubt(self) -> None:
        """The device was silent: who knows what answers next."""
        self._is_known = not self._wanted

    async def read(self) -> None:
        """Once; raises SilentError, after which it is tried again."""
        if self._is_known:
            return
        told = {wanted.name: await self._ask(wanted) for wanted in self._wanted}
        self._is_known = True
        before, self.seen = self.seen, told
        if told != before:
            shown = ", ".join(f"{name} {text}" for name, text in told.items())
            was = ", ".join(f"{name} {text}" for name, text in before.items())
            text = f"{self._unit.what(shown)}" + (f"; it was {was}: another device answers here" if before else "")
            self._news.tell(text, **told)

    async def _ask(self, wanted: ModbusIdentity) -> str:
        try:
            return decode_identity(await self._unit.read(identity_request(wanted)), wanted)
        except (RefusedError, TroubledError) as fault:
            return f"unknown ({fault})"


def identity_request(wanted: ModbusIdentity) -> Request:
    count = wanted.registers if wanted.type == "text" else TYPES[wanted.type][1]
    return read_request(wanted.table, wanted.register, count)


def decode_identity(data: bytes, wanted: ModbusIdentity) -> str:
    """Texts end at a NUL or in blanks; what cannot be printed is shown as `?`."""
    if wanted.type != "text":
        return _number(data, wanted)
    words = [data[place : place + 2] for place in range(0, len(data), 2)]
    words = words if wanted.word_order == "big" else words[::-1]
    text = b"".join(words if wanted.byte_order == "big" else [word[::-1] for word in words])
    shown = text.partition(b"\0")[0].decode("latin-1").strip()
    return "".join(sign if sign.isprintable() else "?" for sign in shown)


def _number(data: bytes, wanted: ModbusIdentity) -> str:
    point = ModbusPoint(
        point="",
        handle=0,
        unit="count",
        register=0,
        type=wanted.type,
        byte_order=wanted.byte_order,
        word_order=wanted.word_order,
    )
    value = float(BlockDecoder(0, [point]).decode(data)[1][0])
    return f"{value:.0f}" if math.isfinite(value) else "unknown"
