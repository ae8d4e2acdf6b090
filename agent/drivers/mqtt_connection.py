"""One connection to one broker, shared by the devices behind it; comes back for ever."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import chain
from typing import Any

import aiomqtt

from agent.core.clock import Clock
from agent.core.errors import BrokerError
from agent.core.journal import Entry
from agent.core.pauses import Pauses
from agent.core.protocols import Journal
from agent.drivers.wire import MqttBroker
from agent.runtime.sockets import NO_DELAY
from agent.runtime.tasks import obey_cancel

log = logging.getLogger(__name__)

Handler = Callable[[str, bytes], None]
CONNECT_S = 5.0
LONGEST_PAUSE_S = 60.0
STEADY_S = 10.0
"""A link that lived shorter counts as one more failure: two clients of one name throw each other out for ever."""
MOST_WAITING = 10_000
"""Messages between the socket and our handlers; in a flood the oldest are dropped and counted."""
TOPICS_A_REQUEST = 50
SUBSCRIBE_QOS = 0
"""At QoS 1 nats-server feeds each subscription by itself: of 800 QoS 1 messages on two topics 6 to 24 changed places,
at QoS 0 none (our trial); lockstep needs the order. In a clean session QoS 1 saves nothing that a broken link lost."""
REFUSED = 0x80
"""SUBACK return codes from here on are failures (MQTT 3.1.1, 3.9.3)."""


class MqttConnection:
    """`run` is its task. Handlers are called in order of arrival: one connection, one order."""

    def __init__(self, broker: MqttBroker, journal: Journal, clock: Clock) -> None:
        self._broker = broker
        self._journal = journal
        self._clock = clock
        self._handlers: defaultdict[str, list[tuple[Handler, Handler]]] = defaultdict(list)
        """Topic filter -> handlers of live and of retained messages."""
        self._wild: set[str] = set()
        self._client: aiomqtt.Client | None = None
        self._life: asyncio.Timeout | None = None
        self._ended: asyncio.Future[None] | None = None
        """Done when the link that is up has ended."""
        self._pauses = Pauses(first_s=0.5, longest_s=LONGEST_PAUSE_S, seed=broker.name)
        self._gone_since_s: float | None = None
        self._is_flooded = False
        self.connections = 0
        self.dropped = 0
        """Messages that came faster than our handlers could take them."""

    @property
    def is_up(self) -> bool:
        return self._client is not None

    @property
    def place(self) -> str:
        return f"broker {self._broker.name} at {self._broker.host}:{self._broker.port}"

    def subscribe(self, topic_filter: str, handler: Handler, *, retained: Handler | None = None) -> None:
        """Before `run`. Handlers are called with topic and payload; they must not block or raise.

        What the broker had kept for us is given to `retained`, or where there is none to `handler` as well.
        """
        self._handlers[topic_filter].append((handler, retained or handler))
        if "+" in topic_filter or "#" in topic_filter:
            self._wild.add(topic_filter)

    async def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Raises BrokerError when the link is down or the broker does not confirm in time."""
        client, ended = self._client, self._ended
        if client is None or ended is None:
            raise BrokerError(f"{self.place} is not connected")
        with self._clock.hold():
            publishing = asyncio.ensure_future(
                client.publish(topic, payload, qos=qos, retain=retain, timeout=self._clock.io_s(CONNECT_S))
            )
            try:
                # The client would go on waiting for the broker's word after the link has ended.
                await asyncio.wait({publishing, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not publishing.done():
                    raise BrokerError(f"{self.place}: the link ended before the broker confirmed")
                publishing.result()
            except (aiomqtt.MqttError, ValueError) as fault:
                self._end(client)
                raise BrokerError(f"{self.place}: {fault}") from fault
            finally:
                publishing.cancel()

    def _end(self, client: aiomqtt.Client) -> None:
        # The client keeps what it could not publish and would send it later, when nobody wants it any more.
        if self._life is not None and client is self._client and not self._life.expired():
            self._life.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        # Keep-alive, time-outs and pauses are the real world's: in lockstep a plant may stand still until we are back.
        with self._clock.on_wall():
            while True:
                try:
                    await self._live()
                except (aiomqtt.MqttError, OSError, TimeoutError) as fault:
                    self._tell_gone(fault)
                obey_cancel()
                await asyncio.sleep(self._pauses.next())

    async def _live(self) -> None:
        """From connect to the end of the link. A new client each time: an old one keeps what it failed to send."""
        async with AsyncExitStack() as stack, asyncio.timeout(None) as self._life:
            client = await stack.enter_async_context(self._new_client())
            await self._subscribe_all(client)
            obey_cancel()
            began_s = self._begin(client)
            try:
                async for message in client.messages:
                    self._hand_on(message)
            finally:
                self._finish(began_s)

    async def _subscribe_all(self, client: aiomqtt.Client) -> None:
        filters = list(self._handlers)
        for first in range(0, len(filters), TOPICS_A_REQUEST):
            some = filters[first : first + TOPICS_A_REQUEST]
            codes = await client.subscribe([(topic_filter, SUBSCRIBE_QOS) for topic_filter in some])
            for topic_filter, code in zip(some, codes, strict=False):
                if int(getattr(code, "value", code)) >= REFUSED:
                    self._tell(f"{self.place} refuses to give us {topic_filter}")

    def _begin(self, client: aiomqtt.Client) -> float:
        self._client = client
        self._ended = asyncio.get_running_loop().create_future()
        self._tell_back()
        return self._clock.read().mono_s

    def _finish(self, began_s: float) -> None:
        self._client = None
        if self._ended is not None:
            self._ended.set_result(None)
        if self._clock.read().mono_s - began_s >= STEADY_S:
            self._pauses.reset()

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
            socket_options=[NO_DELAY],
            max_queued_incoming_messages=MOST_WAITING,
            queue_type=_queue_type(self._drop),
        )

    def _hand_on(self, message: aiomqtt.Message) -> None:
        topic = str(message.topic)
        payload = message.payload if isinstance(message.payload, bytes) else str(message.payload or "").encode()
        wild = (self._handlers[f] for f in self._wild if message.topic.matches(f))
        for live, retained in chain(self._handlers.get(topic, ()), *wild):
            (retained if message.retain else live)(topic, payload)

    def _drop(self) -> None:
        """Counted each time, told once a link."""
        self.dropped += 1
        if not self._is_flooded:
            self._is_flooded = True
            self._tell(f"{self.place} sends faster than we can take it: the oldest messages are dropped and counted")

    def _tell_gone(self, fault: Exception) -> None:
        """Once when it starts."""
        if self._gone_since_s is None:
            self._gone_since_s = self._clock.read().mono_s
            self._tell(f"{self.place} is gone: {fault or 'no answer in time'}; trying again")

    def _tell_back(self) -> None:
        self.connections += 1
        self._is_flooded = False
        if self._gone_since_s is not None:
            self._tell(f"{self.place} is back after {self._clock.read().mono_s - self._gone_since_s:.0f} s")
            self._gone_since_s = None

    def _tell(self, text: str) -> None:
        log.warning(text)
        self._journal.write(Entry(at=self._clock.read(), kind="device", subject=self._broker.name, text=text))


def _queue_type(drop: Callable[[], None]) -> type[asyncio.Queue[aiomqtt.Message]]:
    """aiomqtt makes its queue itself, and drops the newest message of a flood: we want to know, and keep that one."""

    class Waiting(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: Any) -> None:
            if self.full():
                self.get_nowait()
                drop()
            super().put_nowait(item)

    return Waiting
