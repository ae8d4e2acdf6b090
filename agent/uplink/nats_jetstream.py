"""Upstream by NATS JetStream: the same batches of columns as by MQTT, kept once the stream has them.

The stream's own word counts here: it has the batch on its disk, in a place of the order. Each batch has a message id,
so that the stream drops one that comes again soon (`duplicate_window`, 2 minutes by default); later repeats are dropped
by whoever reads the stream. A server that must survive a power cut needs `sync_interval: always`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from typing import Any

import nats
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js import JetStreamContext

from agent.config import sinks as config
from agent.core.clock import Clock
from agent.core.errors import BrokerError, OperatingError
from agent.core.pauses import UPSTREAM_PAUSE_S, Pauses
from agent.runtime.tasks import obey_cancel
from agent.uplink.answers import decode_answer
from agent.uplink.columns import Compression, Format, encode, layout_id
from agent.uplink.parcel import Parcel
from agent.uplink.registry import Place
from agent.uplink.sink import RefusedError

log = logging.getLogger(__name__)

CONNECT_S = 5
PING_S = 10
EXPLAIN_EVERY = 500
"""A layout is explained again so often: a reader that begins in the middle of the stream soon understands it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How to reach it."""

    url: str
    """`nats://host:4222`, or `tls://`."""
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None


def token(name: str) -> str:
    """A name as one part of a subject, where dots part."""
    return name.replace(".", "_")


def make(told: config.NatsSink, place: Place) -> JetStreamSink:
    """As the site's config tells it. Raises ConfigError."""
    server = Server(
        url=f"{'tls' if told.tls else 'nats'}://{told.host}:{told.port}",
        username=told.username,
        password=told.password(),
        tls=told.tls.context() if told.tls else None,
    )
    return JetStreamSink(
        server,
        place.clock,
        prefix=told.prefix,
        site=place.site,
        gateway=place.gateway,
        format_=told.format,
        compression=told.compression,
    )


class JetStreamSink:
    """One connection to one server, whose stream takes `PREFIX.SITE.GATEWAY.batch`."""

    def __init__(
        self,
        server: Server,
        clock: Clock,
        *,
        prefix: str,
        site: str,
        gateway: str,
        format_: Format = "json",
        compression: Compression = "gzip",
        answer_s: float = 10.0,
    ) -> None:
        self._server = server
        self._clock = clock
        self._site, self._gateway = site, gateway
        self._subject = f"{prefix}.{token(site)}.{token(gateway)}"
        self._format: Format = format_
        self._compression: Compression = compression
        self._answer_s = answer_s
        self._stream: JetStreamContext | None = None
        self._up = asyncio.Event()
        self._ended: asyncio.Event = asyncio.Event()
        self._order = asyncio.Lock()
        self._explained: dict[str, int] = {}
        """Layout -> batches since it was explained in this connection."""
        self._pauses = Pauses(first_s=0.5, longest_s=UPSTREAM_PAUSE_S, seed=f"{server.url} {site}/{gateway}")
        self._told_down = False
        self.connections = 0

    async def ready(self) -> None:
        await self._up.wait()

    async def stir(self) -> None:
        await asyncio.Event().wait()  # `ready` says it all.

    async def run(self) -> None:
        with self._clock.on_wall():
            while True:
                try:
                    await self._connection()
                except (NatsError, OSError, TimeoutError) as fault:
                    self._tell_down(fault)
                obey_cancel()
                await asyncio.sleep(self._pauses.next())

    async def _connection(self) -> None:
        """From connect to the end; a new client each time, for an old one would send its leftovers again."""
        self._ended = ended = asyncio.Event()

        async def end(*_: object) -> None:
            ended.set()

        client = await nats.connect(
            self._server.url,
            user=self._server.username,
            password=self._server.password,
            tls=self._server.tls,
            allow_reconnect=False,
            connect_timeout=CONNECT_S,
            ping_interval=PING_S,
            max_outstanding_pings=2,
            disconnected_cb=end,
            closed_cb=end,
            error_cb=_ignore,
        )
        try:
            await client.subscribe(f"{self._subject}.answer", cb=self._hear)
            self._come_up(client.jetstream(timeout=self._clock.io_s(self._answer_s)))
            await ended.wait()
        finally:
            self._stream = None
            self._up.clear()
            await client.close()
        raise OSError("the connection ended")

    def _come_up(self, stream: JetStreamContext) -> None:
        self._stream = stream
        self._explained.clear()
        self._pauses.reset()
        self.connections += 1
        self._up.set()
        if self._told_down:
            self._told_down = False
            log.warning("uplink: %s answers again", self._server.url)

    def _tell_down(self, fault: Exception) -> None:
        if not self._told_down:
            self._told_down = True
            log.warning("uplink: %s cannot be reached: %s", self._server.url, fault)

    async def _hear(self, message: Any) -> None:
        """A reader of the stream may ask what the columns mean."""
        try:
            if decode_answer(message.data).unknown:
                self._explained.clear()
        except OperatingError as fault:
            log.warning("uplink: ignored %s", fault)

    async def send(self, parcel: Parcel) -> int:
        with self._clock.hold():
            async with self._order:
                payload = await self._packed(parcel)
                publishing = asyncio.ensure_future(self._publish(parcel, payload))
                await asyncio.sleep(0)  # It has written to the socket by its first wait: the next may follow.
            return await publishing

    async def _packed(self, parcel: Parcel) -> bytes:
        names = {layout_id(block.layout) for block in parcel.blocks}
        known = {name for name in names if 0 < self._explained.get(name, 0) < EXPLAIN_EVERY}
        for name in names:
            self._explained[name] = self._explained[name] + 1 if name in known else 1
        told: dict[str, Any] = {"format_": self._format, "compression": self._compression, "known": known}
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, lambda: encode(parcel, self._site, self._gateway, **told))

    async def _publish(self, parcel: Parcel, payload: bytes) -> int:
        stream = self._stream
        if stream is None:
            raise BrokerError("not connected to the server")
        name = f"{parcel.chain}/{parcel.first_seq}-{parcel.last_seq}"
        publishing = asyncio.ensure_future(
            stream.publish(f"{self._subject}.batch", payload, headers={"Nats-Msg-Id": name})
        )
        ending = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({publishing, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not publishing.done():
                raise BrokerError("the connection ended before the stream had the batch")
            publishing.result()
        except MaxPayloadError as fault:
            raise RefusedError(f"{len(payload)} bytes are more than the server takes") from fault
        except (NatsError, OSError, TimeoutError) as fault:
            raise BrokerError(f"the stream did not take the batch: {fault or type(fault).__name__}") from fault
        finally:
            publishing.cancel()
            ending.cancel()
        return len(payload)


async def _ignore(fault: Exception) -> None:
    """Faults of the connection end it; the client would print them besides."""
