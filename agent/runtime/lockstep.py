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

import aiomqtt

from agent.core.errors import BrokerError
from agent.runtime.loops import SteeredLoop

log = logging.getLogger(__name__)

FIRST_LOOK_S = 30.0
AFTER_STEP_S = 1.0
"""We live this long past the plant's instant, so that the wheel's turn after the polls still belongs to the step."""


async def first_look(host: str, port: int, prefix: str, *, username: str | None, password: str | None) -> float:
    """The plant's instant, unix seconds, from its retained clock message: where our loop's time begins.

    Runs on an ordinary loop, before the steered one is made. Raises BrokerError.
    """
    try:
        async with asyncio.timeout(FIRST_LOOK_S):
            async with aiomqtt.Client(host, port, username=username, password=password) as client:
                await client.subscribe(f"{prefix}/clock")
                async for message in client.messages:
                    if (told := read_clock(message.payload)) is not None:
                        return told[1]
    except (aiomqtt.MqttError, OSError, TimeoutError) as fault:
        wanted = f"a plant that publishes {prefix}/clock on {host}:{port}"
        raise BrokerError(f"no plant clock: {fault or 'time out'}; wanted {wanted}") from fault
    raise BrokerError(f"no plant clock: {host}:{port} closed the connection")


def read_clock(payload: object) -> tuple[int, float] | None:
    """Step number and unix seconds of a clock message, None for anything else."""
    try:
        message = json.loads(payload)  # type: ignore[arg-type]
        return int(message["step"]), float(message["unix"])
    except (ValueError, TypeError, KeyError):
        return None


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
        # A lost acknowledgement is repeated when the plant's clock comes again: it is retained, or the next step's.
        try:
            await self._connection.publish(f"{self._prefix}/clock/ack", json.dumps({"v": step}).encode())
        except BrokerError as fault:
            log.warning("step %d is not acknowledged: %s", step, fault)
            return
        self._acked = step

    def _on_clock(self, topic: str, payload: bytes) -> None:
        told = read_clock(payload)
        if told is None:
            self.broken += 1
            log.warning("%s: not a clock message: %.80r", topic, payload)
            return
        self._step, unix_s = told
        self._loop.extend(unix_s + AFTER_STEP_S)
