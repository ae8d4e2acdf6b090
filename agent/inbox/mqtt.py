"""The inbox's door on an MQTT broker: messages on `PREFIX/SITE/GATEWAY/inbox`, answers on `.../inbox/answer`."""

from __future__ import annotations

import asyncio
import logging

from agent.core.clock import Clock
from agent.core.errors import BrokerError
from agent.core.pauses import UPSTREAM_PAUSE_S
from agent.inbox.inbox import Inbox
from agent.runtime.mqtt_broker import Broker
from agent.runtime.mqtt_connection import MqttConnection

log = logging.getLogger(__name__)

MOST_WAITING = 20


class MqttDoor:
    """`run` is its task. The caller has made sure that the broker asks who comes in."""

    def __init__(self, inbox: Inbox, broker: Broker, clock: Clock, *, prefix: str, site: str, gateway: str) -> None:
        self._inbox = inbox
        self._topic = f"{prefix}/{site}/{gateway}/inbox"
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        seed = f"inbox of {site} {gateway}"
        self._connection = MqttConnection(broker, clock, longest_pause_s=UPSTREAM_PAUSE_S, seed=seed)
        self._connection.subscribe(self._topic, self._hear, qos=1)
        self.dropped = 0
        """Messages that came faster than they could be answered."""

    async def ready(self) -> None:
        await self._connection.ready()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._connection.run())
            group.create_task(self._answer())

    def _hear(self, topic: str, payload: bytes) -> None:
        try:
            self._waiting.put_nowait(payload)
        except asyncio.QueueFull:
            self.dropped += 1

    async def _answer(self) -> None:
        while True:
            answer = await self._inbox.take(await self._waiting.get())
            try:
                await self._connection.publish(f"{self._topic}/answer", answer, qos=1)
            except BrokerError as fault:
                log.warning("inbox: an answer could not be sent: %s", fault)
