"""Upstream by MQTT: batches go out on one topic, cumulative acknowledgements come back on another.

The broker's PUBACK says that the broker has the batch, not that anyone kept it: a broker that was killed and restarted
had forgotten 57 of 6,000 messages that it had confirmed (our own trial). Only the receiver's own word counts.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass

import aiomqtt

from agent.core.batch import Ack, Batch
from agent.core.clock import Clock
from agent.core.errors import BrokerError, OperatingError
from agent.core.pauses import Pauses
from agent.runtime.sockets import NO_DELAY
from agent.runtime.tasks import obey_cancel
from agent.uplink.payload import decode_ack, encode

log = logging.getLogger(__name__)

KEEPALIVE_S = 15
"""A half-open connection is noticed after about twice this (MQTT 3.1.1, 3.1.2.10, and the client's own check)."""
CONNECT_S = 5.0
MAX_ACKS_WAITING = 100
"""Incoming messages kept at most; acknowledgements are cumulative, so a lost one costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """How to reach the broker."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    client_id: str | None = None


class MqttLink:
    """A `Link` over one broker. Each connection has a client of its own: an old one would send its leftovers again."""

    def __init__(
        self, broker: Broker, clock: Clock, *, prefix: str, site: str, gateway: str, ack_timeout_s: float = 10.0
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._site = site
        self._gateway = gateway
        self._topic = f"{prefix}/{site}/{gateway}/batch"
        self._ack_topic = f"{prefix}/{site}/{gateway}/ack"
        self._ack_timeout_s = ack_timeout_s
        self._pauses = Pauses(first_s=1.0, longest_s=60.0, seed=f"{site}/{gateway}")
        self._client: aiomqtt.Client | None = None
        self._up = asyncio.Event()
        self._order = asyncio.Lock()
        self._news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._down: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the connection that is up has ended."""
        self._is_silent = False
        """No acknowledgement came for too long: simulated time no longer waits for one."""
        self._told_down = False
        self._life: asyncio.Timeout | None = None
        self.last_ack: Ack | None = None
        self.broken_acks = 0
        """Acknowledgements that could not be read."""
        self.connections = 0
        """Connections made so far."""

    async def ready(self) -> None:
        await self._up.wait()

    async def run(self) -> None:
        # Keep-alive, time-outs and pauses are the real world's, also where time is steered.
        with self._clock.on_wall():
            while True:
                try:
                    await self._connection()
                except (aiomqtt.MqttError, OSError, ValueError) as fault:
                    self._tell_down(fault)
                obey_cancel()
                await asyncio.sleep(self._pauses.next())

    async def _connection(self) -> None:
        """One connection from its first packet to its last."""
        async with AsyncExitStack() as stack, asyncio.timeout(None) as self._life:
            client = await stack.enter_async_context(self._new_client())
            await client.subscribe(self._ack_topic, qos=1)
            obey_cancel()
            self._come_up(client)
            try:
                async for message in client.messages:
                    self._hear(message.payload)
            finally:
                self._go_down()

    def _new_client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.username,
            password=self._broker.password,
            identifier=self._broker.client_id,
            clean_session=True,
            keepalive=KEEPALIVE_S,
            timeout=CONNECT_S,
            socket_options=[NO_DELAY],
            max_queued_incoming_messages=MAX_ACKS_WAITING,
        )

    def _come_up(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._down = asyncio.get_running_loop().create_future()
        self._pauses.reset()
        self.connections += 1
        self._up.set()
        if self._told_down:
            self._told_down = False
            log.warning("uplink: %s:%d answers again", self._broker.host, self._broker.port)

    def _go_down(self) -> None:
        self._client = None
        self._up.clear()
        self._down.set_result(None)
        self._tell(BrokerError("the connection to the broker ended"))

    def _tell_down(self, fault: Exception) -> None:
        if not self._told_down:
            self._told_down = True
            log.warning("uplink: %s:%d cannot be reached: %s", self._broker.host, self._broker.port, fault)

    def _hear(self, payload: object) -> None:
        try:
            self.last_ack = decode_ack(payload if isinstance(payload, bytes) else b"")
        except OperatingError as fault:
            self.broken_acks += 1
            log.warning("uplink: ignored %s", fault)
            return
        self._is_silent = False
        self._tell(None)

    def _tell(self, fault: BrokerError | None) -> None:
        """Wake all that wait for an acknowledgement."""
        news, self._news = self._news, asyncio.get_running_loop().create_future()
        if fault is None:
            news.set_result(None)
        else:
            news.set_exception(fault)
            news.exception()  # Mark it as seen: perhaps nobody waits.

    async def send(self, batch: Batch) -> Ack:
        """Publish, then wait until the receiver has kept it. Raises BrokerError: link down, or no progress."""
        with self._clock.hold():
            await self._publish(batch)
        # A broker that answers with nobody behind it must not stop simulated time.
        with nullcontext() if self._is_silent else self._clock.hold():
            return await self._acked(batch.last_seq)

    async def _publish(self, batch: Batch) -> None:
        async with self._order:  # First come, first out.
            loop = asyncio.get_running_loop()
            payload = await loop.run_in_executor(None, encode, batch, self._site, self._gateway)
            client = self._client
            if client is None:
                raise BrokerError("not connected to the broker")
            publishing = asyncio.ensure_future(client.publish(self._topic, payload, qos=1))
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

    def _end_connection(self, client: aiomqtt.Client) -> None:
        # The client keeps what it could not publish and would send it later, out of order: begin with a new one.
        if self._life is not None and client is self._client and not self._life.expired():
            self._life.reschedule(asyncio.get_running_loop().time())

    async def _acked(self, last_seq: int) -> Ack:
        while self.last_ack is None or self.last_ack.acked < last_seq:
            try:
                async with asyncio.timeout(self._clock.io_s(self._ack_timeout_s)):
                    await asyncio.shield(self._news)
            except TimeoutError:
                self._is_silent = True
                raise BrokerError(f"no acknowledgement for {self._ack_timeout_s:g} s") from None
        return self.last_ack
