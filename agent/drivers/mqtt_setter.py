"""A set-point on its way out, and the wait until the device shows it."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from agent.core.clock import Clock
from agent.core.command import Command, Outcome
from agent.core.errors import BrokerError
from agent.drivers.mqtt_payload import raw_of
from agent.drivers.mqtt_wire import MqttPoint, MqttSet

PLACE = re.compile(r"\{value(?::\.(\d)f)?\}")
"""Where the value goes in a payload; `{value:.1f}` with one digit behind the point."""
Kind = Literal["confirmed", "unconfirmed", "failed"]


class MqttSetter:
    """Writes of one device: each point's set-point is awaited by itself."""

    def __init__(self, device: str, timeout_s: float, clock: Clock) -> None:
        self._device = device
        self._timeout_s = timeout_s
        self._clock = clock
        self._waits: dict[str, _Wait] = {}
        self._writes = 0

    @property
    def is_waiting(self) -> bool:
        return bool(self._waits)

    def awaits(self, point: MqttPoint, correlation: bytes | None) -> bool:
        """Whether a message with this correlation (None: it has none) may answer what we sent."""
        wait = self._waits.get(point.point)
        return wait is not None and correlation in (None, wait.correlation)

    def show(self, point: MqttPoint, value: float) -> None:
        """The device says that this is the point's value now."""
        wait = self._waits.get(point.point)
        if wait is None or not math.isfinite(value):
            return
        wait.seen = value
        if not wait.done.done() and abs(value - wait.value) <= max(0.51 * point.step, 1e-9 * abs(value)):
            wait.done.set_result(("confirmed", "", value))

    def answer(self, point: MqttPoint, found: Any, word: str) -> None:
        """The device says yes (`word`) or no (anything else)."""
        wait = self._waits.get(point.point)
        if wait is not None and not wait.done.done():
            is_yes = str(found).strip().casefold() == word.strip().casefold()
            answer: _Answer = ("confirmed", "", None) if is_yes else ("failed", f"the device says {found!r:.60}", None)
            wait.done.set_result(answer)

    async def write(
        self, command: Command, point: MqttPoint, publish: Callable[[bytes], Awaitable[None]], *, where: str
    ) -> Outcome:
        """`publish` is given the correlation; `where`: the topic or metric that shows the value. Never raises."""
        if command.value is not None and not math.isfinite(command.value):
            return self.outcome(command, "failed", f"{command.value} cannot be written")
        if point.point in self._waits:
            return self.outcome(command, "failed", f"another write of {point.point} is under way")
        self._writes += 1
        wait = _Wait(math.nan if command.value is None else command.value, b"%d" % self._writes)
        try:
            with self._clock.hold():
                self._waits[point.point] = wait  # What was shown before we spoke confirms nothing.
                await publish(wait.correlation)
                return await self._confirm(command, wait, where)
        except BrokerError as fault:
            return self.outcome(command, "failed", str(fault))
        finally:
            self._waits.pop(point.point, None)

    async def _confirm(self, command: Command, wait: _Wait, where: str) -> Outcome:
        if command.value is None:
            return self.outcome(command, "confirmed", "released; the broker has it, the topic shows no mode")
        try:
            async with asyncio.timeout(self._clock.io_s(self._timeout_s)):
                kind, detail, shown = await wait.done
            return self.outcome(command, kind, detail, shown)
        except TimeoutError:
            detail = f"{where} shows {'nothing new' if wait.seen is None else f'{wait.seen:g}'}"
            return self.outcome(command, "unconfirmed", detail, wait.seen)

    def outcome(self, command: Command, kind: Kind, detail: str, shown: float | None = None) -> Outcome:
        return Outcome(command=command, kind=kind, read_back=shown, detail=detail, at=self._clock.read())


_Answer = tuple[Kind, str, float | None]


class _Wait:
    """One write that is under way."""

    def __init__(self, value: float, correlation: bytes) -> None:
        self.value = value
        self.correlation = correlation
        self.seen: float | None = None
        self.done: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()


def set_payload(value: float | None, point: MqttPoint, told: MqttSet) -> bytes:
    """What is published for a value, or to hand the point back (None)."""
    raw = None if value is None else raw_of(value, point)
    if value is None and told.release is not None:
        return told.release.encode()
    if told.payload is not None:
        return PLACE.sub(lambda place: _written(raw, place[1]), told.payload).encode()
    if isinstance(raw, str) and not told.path:
        return raw.encode()  # A word alone stands as it is, as it would come in.
    whole: Any = raw
    for step in reversed(told.path.split(".")) if told.path else ():
        whole = {step: whole}
    return json.dumps(whole).encode()


def _written(raw: Any, digits: str | None) -> str:
    """Into a template: a word without quotes, which stand there where they are wanted."""
    if isinstance(raw, str):
        return json.dumps(raw)[1:-1]
    return json.dumps(raw) if digits is None or raw is None else f"{raw:.{digits}f}"
