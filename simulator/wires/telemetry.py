"""The one MQTT connection of a simulation: values and clock out, commands and acknowledgements in.

All that is published goes over it with QoS 0, and commands are heard on it with QoS 0 too: within one connection the
broker keeps the order, so the clock truly is the last message of a step, and no acknowledgement can overtake a command
that was sent before it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import aiomqtt

from agent.runtime.sockets import NO_DELAY
from simulator.wires.manners import Manners

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
PAUSE_S = 0.2
CALL_S = 3.0
"""For the broker to answer one call."""

Message = tuple[str, str]
"""Topic, payload."""


class Telemetry:
    """`run` is its task; a broker that went away is returned to."""

    def __init__(self, port: int, prefix: str, told_map: str, hear: Callable[[str, object], None]) -> None:
        """`hear`: topic and payload of each command and acknowledgement."""
        self.connected = asyncio.Event()
        """Set when a broker has let us in for the first time."""
        self._port, self._prefix, self._map = port, prefix, told_map
        self._hear = hear
        self._client: aiomqtt.Client | None = None
        self._gone = asyncio.Event()
        """The connection has ended."""
        self._order = asyncio.Lock()
        self._messages: Sequence[Message] = ()

    async def publish(self, messages: Sequence[Message]) -> None:
        """A whole step. Nobody waits for a broker that is away: whoever comes back is told the step that then is."""
        async with self._order:
            self._messages = messages
            if self._client is not None:
                await self._tell_or_lose(self._client)

    async def _tell_or_lose(self, client: aiomqtt.Client) -> None:
        """The library goes on waiting for a broker that was killed in the middle; we end with the connection."""
        telling = asyncio.create_task(self._tell(client))
        gone = asyncio.create_task(self._gone.wait())
        try:
            await asyncio.wait([telling, gone], return_when=asyncio.FIRST_COMPLETED)
            if not telling.done():
                log.warning("wire: a step was not told on MQTT: the broker went away")
            elif fault := telling.exception():
                if not isinstance(fault, aiomqtt.MqttError):
                    raise fault
                log.warning("wire: a step was not told on MQTT: %s", fault)
        finally:
            telling.cancel()
            gone.cancel()
            await asyncio.gather(telling, gone, return_exceptions=True)

    async def _tell(self, client: aiomqtt.Client) -> None:
        for topic, payload in self._messages:
            await client.publish(topic, payload, retain=True)

    async def run(self) -> None:
        while True:
            try:
                await self._converse()
            except (aiomqtt.MqttError, OSError) as fault:
                log.warning("wire: the broker went away: %s", fault)
            finally:
                self._client = None
                self._gone.set()
            await asyncio.sleep(PAUSE_S)

    async def _converse(self) -> None:
        async with aiomqtt.Client(HOST, self._port, timeout=CALL_S, socket_options=[NO_DELAY]) as client:
            await client.subscribe([(f"{self._prefix}/cmd/+/set", 0), (f"{self._prefix}/clock/ack", 0)])
            async with self._order:
                await client.publish(f"{self._prefix}/map", self._map, retain=True)
                await self._tell(client)
                self._client = client
                self._gone.clear()
            self.connected.set()
            async for message in client.messages:
                self._hear(str(message.topic), message.payload)


def stamp_of(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def told(value: float, stamp: str) -> str:
    """The payload of one value."""
    is_good = math.isfinite(value)
    return json.dumps({"v": round(value, 4) if is_good else None, "ts": stamp, "q": "good" if is_good else "bad"})


def spoiled(messages: Sequence[Message], manners: Manners, unit: int) -> list[Message]:
    """What comes of the values' messages while faults are on at the telemetry.

    Silent or rebooting, it tells nothing and the broker keeps what was told before; half-answered, payloads end
    early; garbled, they are no JSON. What else can befall a Modbus line passes it by.
    """
    left = []
    for topic, payload in messages:
        kinds = manners.struck(unit).keys()
        if kinds & {"silent", "reboot"}:
            continue
        if "half-answered" in kinds:
            payload = payload[: len(payload) // 2]
        elif "garbled" in kinds:
            payload = "\x15" + payload[1:]
        left.append((topic, payload))
    return left
