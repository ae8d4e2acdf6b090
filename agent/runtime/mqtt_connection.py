"""One connection to one MQTT broker: for devices, for what goes upstream, for the inbox. Comes back for ever."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from itertools import chain
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.core.clock import Clock
from agent.core.errors import BrokerError, ConfigError
from agent.core.journal import Entry
from agent.core.pauses import Pauses
from agent.core.protocols import Journal
from agent.runtime.mqtt_broker import Broker
from agent.runtime.mqtt_waiting import Waiting
from agent.runtime.sockets import NO_DELAY
from agent.runtime.tasks import obey_cancel

log = logging.getLogger(__name__)

Handler = Callable[[str, bytes], None]
CONNECT_S = 5.0
LONGEST_PAUSE_S = 60.0
STEADY_S = 10.0
"""A link that lived shorter counts as one more failure: two clients of one name throw each other out for ever."""
LARGEST_PACKET = 1_048_576
"""A broker of MQTT 5 is asked to send us no larger one; one of 3.1.1 cannot be asked."""
MOST_TOPICS = 10_000
"""Topics whose handlers are remembered, of those that wildcards bring."""
CALM_S = 10.0
"""Without a drop for so long a flood is over."""
TOPICS_A_REQUEST = 50
SUBSCRIBE_QOS = 0
"""Unless more is asked for. At QoS 1 nats-server feeds each subscription by itself: of 800 QoS 1 messages on two topics
6 to 24 changed places, at QoS 0 none (our trial); lockstep needs the order. In a clean session QoS 1 saves nothing
that a broken link lost."""
REFUSED = 0x80
"""SUBACK return codes from here on are failures (MQTT 3.1.1, 3.9.3)."""


class MqttConnection:
    """`run` is its task. Handlers are called in order of arrival: one connection, one order."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        *,
        journal: Journal | None = None,
        longest_pause_s: float = LONGEST_PAUSE_S,
        will: Callable[[], aiomqtt.Will] | None = None,
        seed: str = "",
    ) -> None:
        """`journal`: is told beside the log when the link goes and comes. `will`: made anew for each connection.

        `seed`: whose pauses these are; those who share it knock in step.
        """
        self._broker = broker
        self._journal = journal
        self._clock = clock
        self._will = will
        self._handlers: defaultdict[str, list[tuple[Handler, Handler]]] = defaultdict(list)
        """Topic filter -> handlers of live and of retained messages."""
        self._qos: dict[str, int] = {}
        """Topic filter -> the best that was asked for."""
        self._wild: set[str] = set()
        self._found: dict[str, tuple[tuple[Handler, Handler], ...]] = {}
        """Topic -> handlers of live and of retained messages."""
        self._at_begin: list[Callable[[], None]] = []
        self._at_end: list[Callable[[], None]] = []
        self._waiting = Waiting(self._drop)
        self._client: aiomqtt.Client | None = None
        self._life: asyncio.Timeout | None = None
        self._ended: asyncio.Future[None] | None = None
        """Done when the link that is up has ended."""
        self._up = asyncio.Event()
        self._pauses = Pauses(first_s=0.5, longest_s=longest_pause_s, seed=f"{broker.place} {seed}")
        self._gone_since_s: float | None = None
        self._is_flooded = False
        self._calm_after_s = 0.0
        self.correlation: bytes | None = None
        """MQTT 5: to which request the message answers that is being handed on."""
        self.connections = 0
        self.dropped = 0
        """Messages that came faster than our handlers could take them."""

    @property
    def is_up(self) -> bool:
        return self._client is not None

    @property
    def place(self) -> str:
        return self._broker.place

    async def ready(self) -> None:
        """Return when the link is up."""
        await self._up.wait()

    def subscribe(
        self, topic_filter: str, handler: Handler, *, retained: Handler | None = None, qos: int = SUBSCRIBE_QOS
    ) -> None:
        """Before `run`. Handlers are called with topic and payload; they must not block or raise.

        What the broker had kept for us is given to `retained`, or where there is none to `handler` as well.
        """
        self._handlers[topic_filter].append((handler, retained or handler))
        self._qos[topic_filter] = max(qos, self._qos.get(topic_filter, 0))
        if "+" in topic_filter or "#" in topic_filter:
            self._wild.add(topic_filter)

    def at_begin(self, call: Callable[[], None]) -> None:
        """Before `run`. Called whenever the link is up and all is subscribed; must not block or raise."""
        self._at_begin.append(call)

    def at_end(self, call: Callable[[], None]) -> None:
        """Before `run`. Called whenever a link that was up has ended; must not block or raise."""
        self._at_end.append(call)

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 0,
        retain: bool = False,
        answer: tuple[str, bytes] | None = None,
    ) -> None:
        """`answer`: topic and correlation that an answer shall have, told to MQTT 5 only.

        Raises BrokerError when the link is down or the broker does not confirm in time.
        """
        properties = self._asking(answer)
        await self._until_confirmed(
            lambda client, timeout_s: client.publish(
                topic, payload, qos=qos, retain=retain, properties=properties, timeout=timeout_s
            )
        )

    async def fence(self, topic: str) -> None:
        """Return when the broker has taken all that was published before, at QoS 0 too: packets keep their order.

        `topic`: one that is subscribed to. Raises BrokerError.
        """
        qos = self._qos[topic]
        await self._until_confirmed(lambda client, timeout_s: client.subscribe(topic, qos=qos, timeout=timeout_s))

    async def _until_confirmed(self, say: Callable[[aiomqtt.Client, float], Coroutine[Any, Any, Any]]) -> None:
        client, ended = self._client, self._ended
        if client is None or ended is None:
            raise BrokerError(f"{self.place} is not connected")
        with self._clock.hold():
            saying: asyncio.Future[Any] = asyncio.ensure_future(say(client, self._clock.io_s(CONNECT_S)))
            try:
                # The client would go on waiting for the broker's word after the link has ended.
                await asyncio.wait({saying, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not saying.done():
                    raise BrokerError(f"{self.place}: the link ended before the broker confirmed")
                saying.result()
            except (aiomqtt.MqttError, ValueError) as fault:
                self._end(client)
                raise BrokerError(f"{self.place}: {fault}") from fault
            finally:
                saying.cancel()

    def _asking(self, answer: tuple[str, bytes] | None) -> Properties | None:
        if answer is None or self._broker.version != "5":
            return None
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic, properties.CorrelationData = answer
        return properties

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
                except (aiomqtt.MqttError, ConfigError, OSError, ValueError) as fault:
                    self._tell_gone(fault)
                obey_cancel()
                await asyncio.sleep(self._pauses.next())

    async def _live(self) -> None:
        """From connect to the end of the link. A new client each time: an old one keeps what it failed to send."""
        async with AsyncExitStack() as stack, asyncio.timeout(None) as self._life:
            self._waiting.clear()
            client = await stack.enter_async_context(self._new_client())
            ending = asyncio.ensure_future(_until_end(client))
            stack.push_async_callback(_stop, ending)
            await self._before_end(self._subscribe_all(client), ending)
            obey_cancel()
            began_s = self._begin(client)
            try:
                await self._before_end(self._hand_on_all(), ending)
            finally:
                self._hand_on_rest()
                self._finish(began_s)

    async def _before_end(self, work: Coroutine[Any, Any, None], ending: asyncio.Future[None]) -> None:
        """Do this until it is done, or else raise why the link has ended."""
        working = asyncio.ensure_future(work)
        try:
            await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
            (working if working.done() else ending).result()
        finally:
            await _stop(working)

    async def _hand_on_all(self) -> None:
        while True:
            for message in await self._waiting.take():
                self._hand_on(message)
            self._look_at_flood()

    def _hand_on_rest(self) -> None:
        """What had come in when the link ended."""
        for message in self._waiting.rest():
            self._hand_on(message)

    async def _subscribe_all(self, client: aiomqtt.Client) -> None:
        filters = list(self._handlers)
        for first in range(0, len(filters), TOPICS_A_REQUEST):
            some = filters[first : first + TOPICS_A_REQUEST]
            codes = await client.subscribe([(topic_filter, self._qos[topic_filter]) for topic_filter in some])
            for topic_filter, code in zip(some, codes, strict=False):
                if int(getattr(code, "value", code)) >= REFUSED:
                    self._tell(f"{self.place} refuses to give us {topic_filter}")

    def _begin(self, client: aiomqtt.Client) -> float:
        self._client = client
        self._ended = asyncio.get_running_loop().create_future()
        self._tell_back()
        for call in self._at_begin:
            call()
        self._up.set()
        return self._clock.read().mono_s

    def _finish(self, began_s: float) -> None:
        self._client = None
        self._up.clear()
        if self._ended is not None:
            self._ended.set_result(None)
        for call in self._at_end:
            call()
        if self._clock.read().mono_s - began_s >= STEADY_S:
            self._pauses.reset()

    def _new_client(self) -> aiomqtt.Client:
        broker = self._broker
        is_5 = broker.version == "5"
        properties = Properties(PacketTypes.CONNECT) if is_5 else None
        if properties is not None:
            properties.MaximumPacketSize = LARGEST_PACKET
        return aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            identifier=broker.client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if is_5 else aiomqtt.ProtocolVersion.V311,
            properties=properties,
            tls_context=broker.tls() if broker.tls else None,
            keepalive=broker.keepalive_s,
            timeout=CONNECT_S,
            socket_options=[NO_DELAY],
            queue_type=self._waiting.queue_type(),
            will=None if self._will is None else self._will(),
        )

    def _hand_on(self, message: aiomqtt.Message) -> None:
        topic, payload = message.topic.value, message.payload
        self.correlation = getattr(message.properties, "CorrelationData", None)
        handlers = self._found.get(topic) or self._find(message.topic)
        for live, retained in handlers:
            (retained if message.retain else live)(topic, payload if isinstance(payload, bytes) else b"")

    def _find(self, topic: aiomqtt.Topic) -> tuple[tuple[Handler, Handler], ...]:
        wild = (self._handlers[f] for f in self._wild if topic.matches(f))
        if len(self._found) >= MOST_TOPICS:
            self._found.clear()
        found = tuple(chain(self._handlers.get(topic.value, ()), *wild))
        self._found[topic.value] = found
        return found

    def _drop(self) -> None:
        """Counted each time, told once when it starts and once when it ends."""
        self.dropped += 1
        self._calm_after_s = self._clock.read().mono_s + CALM_S
        if not self._is_flooded:
            self._is_flooded = True
            self._tell(f"{self.place} sends faster than we can take it: the oldest messages are dropped and counted")

    def _look_at_flood(self) -> None:
        if self._is_flooded and self._clock.read().mono_s > self._calm_after_s:
            self._is_flooded = False
            self._tell(f"{self.place}: no messages are dropped any more; {self.dropped} were since the start")

    def _tell_gone(self, fault: Exception) -> None:
        """Once when it starts."""
        if self._gone_since_s is None:
            self._gone_since_s = self._clock.read().mono_s
            self._tell(f"{self.place} is gone: {fault or 'no answer in time'}; trying again")

    def _tell_back(self) -> None:
        self.connections += 1
        if self._gone_since_s is not None:
            self._tell(f"{self.place} is back after {self._clock.read().mono_s - self._gone_since_s:.0f} s")
            self._gone_since_s = None

    def _tell(self, text: str) -> None:
        log.warning(text)
        if self._journal is not None:
            self._journal.write(Entry(at=self._clock.read(), kind="device", subject=self._broker.name, text=text))


async def _until_end(client: aiomqtt.Client) -> None:
    """Raises why the link has ended. No message comes out here: see `Waiting`."""
    async for _ in client.messages:
        pass


async def _stop(task: asyncio.Future[None]) -> None:
    """However it ends: whoever wanted to know has asked."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
