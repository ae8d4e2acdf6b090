"""A connection to an MQTT broker that comes back for ever: for what goes upstream, and for the inbox."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Literal

import aiomqtt

from agent.config import upstream as config
from agent.core.clock import Clock
from agent.core.errors import BrokerError, ConfigError
from agent.core.pauses import Pauses
from agent.runtime.sockets import NO_DELAY
from agent.runtime.tasks import obey_cancel

log = logging.getLogger(__name__)

KEEPALIVE_S = 15
"""A half-open connection is noticed after about twice this (MQTT 3.1.1, 3.1.2.10, and the client's own check)."""
CONNECT_S = 5.0
LONGEST_PAUSE_S = 1.5
"""A link that is back is seen within 2 s; a knock costs the line a hundred bytes."""
MAX_WAITING = 100
"""Incoming messages kept at most; answers are cumulative, so a lost one costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """How to reach the broker."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    client_id: str | None = None
    version: Literal["3.1.1", "5"] = "3.1.1"
    tls: Callable[[], ssl.SSLContext] | None = None
    """Asked anew for each connection, so that a renewed certificate is used."""


def reach(told: config.Broker) -> Broker:
    """As the site's config tells it. Raises ConfigError when a secret cannot be read."""
    if told.tls is not None:
        told.tls.context()  # What a person has to mend is told at the start.
    return Broker(
        host=told.host,
        port=told.port,
        username=told.username,
        password=told.password(),
        client_id=told.client_id,
        version=told.version,
        tls=None if told.tls is None else told.tls.context,
    )


def _of_version(version: str) -> dict[str, Any]:
    if version == "5":
        return {"protocol": aiomqtt.ProtocolVersion.V5, "clean_start": True}
    return {"protocol": aiomqtt.ProtocolVersion.V311, "clean_session": True}


class MqttClient:
    """Each connection has a client of its own: an old one would send its leftovers again."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        topics: Mapping[str, Callable[[bytes], None]],
        *,
        came_up: Callable[[], None] = lambda: None,
        went_down: Callable[[BrokerError], None] = lambda fault: None,
        will: Callable[[], aiomqtt.Will] | None = None,
        seed: str = "",
    ) -> None:
        """`topics`: topic -> who hears its messages; handlers must not block. `will`: made anew for each connection."""
        self._broker = broker
        self._clock = clock
        self._topics = topics
        self._came_up = came_up
        self._went_down = went_down
        self._will = will
        self._pauses = Pauses(first_s=0.5, longest_s=LONGEST_PAUSE_S, seed=f"{broker.host}:{broker.port} {seed}")
        self._client: aiomqtt.Client | None = None
        self._up = asyncio.Event()
        self._down: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the connection that is up has ended."""
        self._told_down = False
        self._life: asyncio.Timeout | None = None
        self.connections = 0
        """Connections made so far."""

    @property
    def is_up(self) -> bool:
        return self._client is not None

    async def ready(self) -> None:
        await self._up.wait()

    async def run(self) -> None:
        # Keep-alive, time-outs and pauses are the real world's, also where time is steered.
        with self._clock.on_wall():
            while True:
                try:
                    await self._connection()
                except (aiomqtt.MqttError, ConfigError, OSError, ValueError) as fault:
                    self._tell_down(fault)
                obey_cancel()
                await asyncio.sleep(self._pauses.next())

    async def _connection(self) -> None:
        """One connection from its first packet to its last."""
        async with AsyncExitStack() as stack, asyncio.timeout(None) as self._life:
            client = await stack.enter_async_context(self._new_client())
            for topic in self._topics:
                await client.subscribe(topic, qos=1)
            obey_cancel()
            self._come_up(client)
            try:
                async for message in client.messages:
                    hear = self._topics.get(str(message.topic))
                    if hear is not None:
                        hear(message.payload if isinstance(message.payload, bytes) else b"")
            finally:
                self._go_down()

    def _new_client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.username,
            password=self._broker.password,
            identifier=self._broker.client_id,
            tls_context=None if self._broker.tls is None else self._broker.tls(),
            **_of_version(self._broker.version),
            keepalive=KEEPALIVE_S,
            timeout=CONNECT_S,
            socket_options=[NO_DELAY],
            max_queued_incoming_messages=MAX_WAITING,
            will=None if self._will is None else self._will(),
        )

    def _come_up(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._down = asyncio.get_running_loop().create_future()
        self._pauses.reset()
        self.connections += 1
        self._came_up()
        self._up.set()
        if self._told_down:
            self._told_down = False
            log.warning("uplink: %s:%d answers again", self._broker.host, self._broker.port)

    def _go_down(self) -> None:
        self._client = None
        self._up.clear()
        self._down.set_result(None)
        self._went_down(BrokerError("the connection to the broker ended"))

    def _tell_down(self, fault: Exception) -> None:
        if not self._told_down:
            self._told_down = True
            log.warning("uplink: %s:%d cannot be reached: %s", self._broker.host, self._broker.port, fault)

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Raises BrokerError when the link is down or the broker does not confirm in time."""
        client = self._client
        if client is None:
            raise BrokerError("not connected to the broker")
        publishing = asyncio.ensure_future(client.publish(topic, payload, qos=qos, retain=retain))
        try:
            # The client would go on waiting for the broker's word after the connection has ended.
            await asyncio.wait({publishing, self._down}, return_when=asyncio.FIRST_COMPLETED)
            if not publishing.done():
                raise BrokerError("the connection to the broker ended")
            await publishing
        except (aiomqtt.MqttError, ValueError) as fault:
            self._end_connection(client)
            raise BrokerError(f"publish failed: {fault}") from fault
        finally:
            publishing.cancel()

    async def fence(self, topic: str) -> None:
        """Return when the broker has taken all that was published before, at QoS 0 too: packets keep their order.

        Raises BrokerError.
        """
        client = self._client
        if client is None:
            raise BrokerError("not connected to the broker")
        try:
            await client.subscribe(topic, qos=1)
        except (aiomqtt.MqttError, ValueError) as fault:
            self._end_connection(client)
            raise BrokerError(f"the broker does not answer: {fault}") from fault

    def _end_connection(self, client: aiomqtt.Client) -> None:
        # The client keeps what it could not publish and would send it later, out of order: begin with a new one.
        if self._life is not None and client is self._client and not self._life.expired():
            self._life.reschedule(asyncio.get_running_loop().time())
