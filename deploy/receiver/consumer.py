"""Takes batches from a JetStream stream, keeps each record once in PostgreSQL, and says back what is kept.

Gateways reach the stream by NATS, or by MQTT through the same server's listener: `PREFIX/SITE/GATEWAY/batch` is the
subject `PREFIX.SITE.GATEWAY.batch`. A message is acknowledged to the stream, and answered to the gateway, after the
COMMIT and never before: whatever is killed, it comes again, and what comes again is dropped by its key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from agent.core.pauses import Pauses
from agent.uplink.answers import Answer, encode_answer
from agent.uplink.columns import BrokenPayload, Opened, UnknownLayout, decode
from agent.uplink.parcel import Layout
from agent.uplink.postgres_tables import FAULTS, Tables, is_refusal

log = logging.getLogger(__name__)

STREAM, CONSUMER = "HUSHWATT", "hushwatt-receiver"
MOST_AT_ONCE = 16
"""Messages in one transaction."""
LOOK_S = 5.0
ACK_WAIT_S = 30.0
"""A message that nobody acknowledged for so long comes again."""
LATER_S = 2.0
"""A message whose columns nobody has explained yet is tried again after this."""
MAX_BYTES = 2**30
"""The stream's bound (our assumption); JetStream sets the room aside. What PostgreSQL has leaves the stream; when it is
full all the same, new batches are refused and stay in their gateway."""


Batch = tuple[Msg, Opened]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The two engines."""

    nats_url: str
    postgres: str
    """A DSN, such as `postgresql://hushwatt@127.0.0.1/hushwatt`."""
    prefix: str = "hushwatt"


class Receiver:
    """`run` is its task."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._layouts: dict[str, Layout] = {}
        self._pauses = Pauses(first_s=0.2, longest_s=2.0, seed=ends.nats_url)
        self.listening = asyncio.Event()
        self.broken = 0
        self.messages = 0

    async def run(self) -> None:
        """Until canceled; engines that went away are waited for."""
        while True:
            try:
                await self._listen()
            except (NatsError, *FAULTS) as fault:
                log.warning("receiver: begins again: %s", fault or type(fault).__name__)
            self.listening.clear()
            await asyncio.sleep(self._pauses.next())

    async def _listen(self) -> None:
        async with AsyncExitStack() as stack:
            database: asyncpg.Connection[Any] = await asyncpg.connect(self._ends.postgres, timeout=LOOK_S)
            stack.callback(database.terminate)
            tables = Tables(database)
            await tables.create()
            self._layouts = await tables.layouts()
            client = await nats.connect(self._ends.nats_url, allow_reconnect=False, connect_timeout=2, error_cb=_tell)
            stack.push_async_callback(client.close)
            subscription = await self._subscribe(client)
            self.listening.set()
            self._pauses.reset()
            while client.is_connected:
                try:
                    messages = await subscription.fetch(MOST_AT_ONCE, timeout=LOOK_S)
                except NatsTimeoutError:
                    continue
                await self._take(client, tables, messages)

    async def _subscribe(self, client: Client) -> Any:
        """A durable consumer of the stream; both are made where they are not there yet."""
        stream = client.jetstream()
        subject = f"{self._ends.prefix}.*.*.batch"
        try:
            await stream.stream_info(STREAM)
        except NotFoundError:
            await stream.add_stream(
                StreamConfig(
                    name=STREAM,
                    subjects=[subject],
                    storage=StorageType.FILE,
                    retention=RetentionPolicy.WORK_QUEUE,
                    max_bytes=MAX_BYTES,
                    discard=DiscardPolicy.NEW,
                )
            )
        told = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT_S, max_ack_pending=4 * MOST_AT_ONCE)
        return await stream.pull_subscribe(subject, durable=CONSUMER, stream=STREAM, config=told)

    async def _take(self, client: Client, tables: Tables, messages: Sequence[Msg]) -> None:
        """One transaction for all; then their answers."""
        self.messages += len(messages)
        opened = [(message, told) for message in messages if (told := await self._open(client, tables, message))]
        if not opened:
            return
        kept = await self._keep(client, tables, opened)
        newest = {(told.site, told.gateway, told.parcel.chain): (message, told) for message, told in kept}
        for message, told in newest.values():
            ranges = await tables.kept(told.site, told.gateway, told.parcel)
            await self._answer(client, message, Answer(chain=told.parcel.chain, kept=tuple(ranges)))
        for message, _ in kept:
            await message.ack()

    async def _keep(self, client: Client, tables: Tables, opened: Sequence[Batch]) -> Sequence[Batch]:
        """All at once; where one of them cannot be kept, one by one. Those that are kept."""
        try:
            await tables.keep([(told.site, told.gateway, told.parcel) for _, told in opened])
        except FAULTS as fault:
            if not is_refusal(fault):
                raise
            if len(opened) > 1:
                return [batch for one in opened for batch in await self._keep(client, tables, [one])]
            [(message, told)] = opened
            parcel = told.parcel
            broken = BrokenPayload(str(fault), chain=parcel.chain, stretch=(parcel.first_seq, parcel.last_seq))
            await self._refuse(client, tables, message, broken)
            return []
        return opened

    async def _open(self, client: Client, tables: Tables, message: Msg) -> Opened | None:
        """None for what cannot be kept (now); it has had its answer."""
        loop = asyncio.get_running_loop()
        try:
            opened = await loop.run_in_executor(None, decode, message.data, self._layouts.get)
        except UnknownLayout as fault:
            await self._answer(client, message, Answer(chain=fault.chain, unknown=tuple(fault.ids)))
            await message.nak(delay=LATER_S)
            return None
        except BrokenPayload as fault:
            await self._refuse(client, tables, message, fault)
            return None
        self._layouts |= opened.layouts
        return opened

    async def _refuse(self, client: Client, tables: Tables, message: Msg, fault: BrokenPayload) -> None:
        """It stays here for a person to look at, and its gateway sets it aside."""
        self.broken += 1
        log.warning("receiver: %s: broken: %s", message.subject, fault)
        await tables.put_broken(message.subject, str(fault), message.data)
        if fault.stretch is not None:
            await self._answer(client, message, Answer(chain=fault.chain, refused=fault.stretch, reason=str(fault)))
        await message.term()

    async def _answer(self, client: Client, message: Msg, answer: Answer) -> None:
        subject = f"{message.subject.removesuffix('batch')}answer"
        await client.publish(subject, encode_answer(answer))


async def _tell(fault: Exception) -> None:
    """Faults of the connection end it; the client would print them besides."""
