"""Lockstep: an outside plant drives our clock, and hears when we have done all that was due.

The plant publishes its clock as the last message of each step, `{"step": n, "unix": s, ...}` on `PREFIX/clock`; we let
time run up to that instant, and once nothing is left to do answer `{"v": n}` on `PREFIX/clock/ack`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Protocol

from agent.runtime.loops import SteeredLoop

log = logging.getLogger(__name__)

AFTER_STEP_S = 1.0
"""We live this long past the plant's instant, so that the wheel's turn after the polls still belongs to the step."""


class Connection(Protocol):
    """The MQTT connection that also brings the plant's points: order holds on one connection only."""

    def subscribe(self, topic_filter: str, handler: Callable[[str, bytes], None]) -> None: ...

    async def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None: ...


class Follower:
    """Follows one plant's clock; `run` is its task."""

    def __init__(self, loop: SteeredLoop, connection: Connection, prefix: str) -> None:
        self._loop = loop
        self._connection = connection
        self._prefix = prefix
        self._step: int | None = None
        self._acked: int | None = None
        self._idle = asyncio.Event()
        self.broken = 0
        """Clock messages that could not be read."""
        connection.subscribe(f"{prefix}/clock", self._on_clock)
        loop.on_idle = self._idle.set

    async def run(self) -> None:
        while True:
            await self._idle.wait()
            self._idle.clear()
            if self._step is not None and self._step != self._acked:
                await self._acknowledge(self._step)

    async def _acknowledge(self, step: int) -> None:
        # A lost acknowledgement is not repeated here: the plant waits at most its own limit, counts it, and goes on.
        await self._connection.publish(f"{self._prefix}/clock/ack", json.dumps({"v": step}).encode())
        self._acked = step

    def _on_clock(self, topic: str, payload: bytes) -> None:
        try:
            message = json.loads(payload)
            step, unix_s = int(message["step"]), float(message["unix"])
        except (ValueError, TypeError, KeyError):
            self.broken += 1
            log.warning("%s: not a clock message: %.80r", topic, payload)
            return
        self._step = step
        self._loop.extend(unix_s + AFTER_STEP_S)
