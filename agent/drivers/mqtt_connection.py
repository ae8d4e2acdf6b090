"""One connection to one broker, shared by the devices behind it; comes back for ever."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack

import aiomqtt

from agent.core.clock import Clock
from agent.core.errors import BrokerError
from agent.core.journal import Entry
from agent.core.pauses import Pauses
from agent.core.protocols import Journal
from agent.drivers.wire import MqttBroker

log = logging.getLogger(__name__)

Handler = Callable[[str, bytes], None]
CONNECT_S = 5.0
LONGEST_PAUSE_S = 60.0
MOST_WAITING = 10_000
"""Messages between the socket and our handlers; a flood beyond it is dropped by aiomqtt, with a warning in the log."""


class MqttConnection:
    """`run` is its task. Handlers are called in order of arrival: one connection, one order."""

    def __init__(self, broker: MqttBroker, journal: Journal, clock: Clock) -> None:
        self._broker = broker
        self._journal = journal
        self._clock = clock
        self._handlers: defaultdict[str, list[Handler]] = defaultdict(list)
        self._wild: set[str] = set()
        self._client: aiomqtt.Client | None = None
        self._pauses = Pauses(first_s=0.5, longest_s=LONGEST_PAUSE_S, seed=broker.name)
        self._gone_since_s: float | None = None
        self.connections = 0

    @property
    def is_up(self) -> bool:
        return self._client is not None

    @property
    def place(self) -> str:
        return f"broker {self._broker.name} at {self._broker.host}:{self._broker.port}"

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Before `run`. The handler is called with topic and payload; it must not block or raise."""
        self._handlers[topic_filter].append(handler)
        if "+" in topic_filter or "#" in topic_filter:
            self._wild.add(topic_filter)

    async def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Raises BrokerError when the link is down or the broker does not confirm in time."""
        if self._client is None:
            raise BrokerError(f"{self.place} is not connected")
        try:
            with self._clock.hold():
                await self._client.publish(topic, payload, qos=qos, retain=retain, timeout=self._clock.io_s(CONNECT_S))
        except aiomqtt.MqttError as fault:
            raise BrokerError(f"{self.place}: {fault}") from fault

    async def run(self) -> None:
        # Keep-alive, time-outs and pauses are the real world's: in lockstep a plant may stand still until we are back.
        with self._clock.on_wall():
            while True:
                try:
                    await self._live()
                except (aiomqtt.MqttError, OSError, TimeoutError) as fault:
                    self._tell_gone(fault)
                finally:
                    self._client = None
                await asyncio.sleep(self._pauses.next())

    async def _live(self) -> None:
        """From connect to the end of the link. A new client each time: an old one keeps what it failed to send."""
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(self._new_client())
            for topic_filter in self._handlers:
                await client.subscribe(topic_filter, qos=1)
            self._client = client
            self._tell_back()
            async for message in client.messages:
                self._hand_on(message)

    def _new_client(self) -> aiomqtt.Client:
        broker = self._broker
        return aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            identifier=broker.client_id,
            keepalive=broker.keepalive_s,
            timeout=CONNECT_S,
            max_queued_incoming_messages=MOST_WAITING,
        )

    def _hand_on(self, message: aiomqtt.Message) -> None:
        topic = str(message.topic)
        payload = message.payload if isinstance(message.payload, bytes) else str(message.payload or "").encode()
        for handler in self._handlers.get(topic, ()):
            handler(topic, payload)
        for topic_filter in self._wild:
            if message.topic.matches(topic_filter):
                for handler in self._handlers[topic_filter]:
                    handler(topic, payload)

    def _tell_gone(self, fault: Exception) -> None:
        """Once when it starts."""
        if self._gone_since_s is None:
            self._gone_since_s = self._clock.read().mono_s
            self._tell(f"{self.place} is gone: {fault or 'no answer in time'}; trying again")

    def _tell_back(self) -> None:
        self.connections += 1
        self._pauses.reset()
        if self._gone_since_s is not None:
            self._tell(f"{self.place} is back after {self._clock.read().mono_s - self._gone_since_s:.0f} s")
            self._gone_since_s = None

    def _tell(self, text: str) -> None:
        log.warning(text)
        self._journal.write(Entry(at=self._clock.read(), kind="device", subject=self._broker.name, text=text))
