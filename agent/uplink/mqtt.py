"""Upstream by MQTT: batches of columns go out on one topic, the receiver's answers come back on another.

The broker's PUBACK says that the broker has the batch, not that anyone kept it: a broker that was killed and restarted
had forgotten 57 of 6,000 messages that it had confirmed (our own trial). Only the receiver's own word counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import nullcontext

from agent.config import sinks as config
from agent.core.clock import Clock
from agent.core.errors import BrokerError, OperatingError
from agent.core.pauses import UPSTREAM_PAUSE_S
from agent.runtime.mqtt_broker import Broker, reach
from agent.runtime.mqtt_connection import MqttConnection
from agent.uplink.answers import Answer, decode_answer
from agent.uplink.columns import Compression, Format, encode, layout_id
from agent.uplink.parcel import Parcel
from agent.uplink.ranges import Ranges
from agent.uplink.registry import Place
from agent.uplink.sink import RefusedError

log = logging.getLogger(__name__)


def make(told: config.MqttSink, place: Place) -> MqttSink:
    """As the site's config tells it. Raises ConfigError."""
    return MqttSink(
        reach(told.broker, place.brokers[told.broker]),
        place.clock,
        prefix=told.prefix,
        site=place.site,
        gateway=place.gateway,
        newest=place.newest,
        format_=told.format,
        compression=told.compression,
    )


class MqttSink:
    """One connection to one broker, and what the receiver behind it says."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        *,
        prefix: str,
        site: str,
        gateway: str,
        newest: Callable[[], int],
        format_: Format = "json",
        compression: Compression = "gzip",
        answer_s: float = 10.0,
    ) -> None:
        """`newest`: the last record that exists; who claims to have kept more is not believed."""
        self._clock = clock
        self._site, self._gateway = site, gateway
        self._chain = ""
        """Of the latest parcel: an answer about another one speaks of a store that this gateway had before."""
        self._newest = newest
        self._format: Format = format_
        self._compression: Compression = compression
        self._topic = f"{prefix}/{site}/{gateway}/batch"
        self._answer_s = answer_s
        self._connection = MqttConnection(
            broker, clock, longest_pause_s=UPSTREAM_PAUSE_S, seed=f"sink of {site} {gateway}"
        )
        self._connection.subscribe(f"{prefix}/{site}/{gateway}/answer", self._hear, qos=1)
        self._connection.at_begin(self._came_up)
        self._connection.at_end(lambda: self._wake(self._ended()))
        self._order = asyncio.Lock()
        self._kept = Ranges()
        """What the receiver has said in this connection."""
        self._refused: dict[int, Answer] = {}
        """First record of a refused parcel -> what was said of it."""
        self._explained: set[str] = set()
        """Layouts that the receiver has kept something of in this connection."""
        self._news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_silent = False
        """No answer came for too long: simulated time no longer waits for one."""
        self.broken_answers = 0
        self.refused_answers = 0
        """Answers about records that do not exist."""

    @property
    def connections(self) -> int:
        return self._connection.connections

    async def run(self) -> None:
        await self._connection.run()

    async def ready(self) -> None:
        await self._connection.ready()

    async def stir(self) -> None:
        """An answer to what the broker had kept for a receiver that was away."""
        while True:
            try:
                await asyncio.shield(self._news)
                return
            except BrokerError:
                continue

    def _came_up(self) -> None:
        self._kept = Ranges()
        self._explained.clear()
        self._refused.clear()

    async def send(self, parcel: Parcel) -> int:
        self._chain = parcel.chain
        with self._clock.hold():
            async with self._order:  # First come, first out.
                sent = await self._publish(parcel)
        # A broker that answers with nobody behind it must not stop simulated time.
        with nullcontext() if self._is_silent else self._clock.hold():
            await self._until_kept(parcel)
        self._explained |= {layout_id(block.layout) for block in parcel.blocks}
        return sent

    async def _publish(self, parcel: Parcel) -> int:
        known = frozenset(self._explained)
        payload = await asyncio.get_running_loop().run_in_executor(
            None,
            lambda: encode(
                parcel,
                self._site,
                self._gateway,
                format_=self._format,
                compression=self._compression,
                known=known,
            ),
        )
        await self._connection.publish(self._topic, payload, qos=1)
        return len(payload)

    async def _until_kept(self, parcel: Parcel) -> None:
        life = self._connection.connections
        while not self._kept.covers(parcel.first_seq, parcel.last_seq):
            refusal = self._refused.pop(parcel.first_seq, None)
            if refusal is not None and refusal.refused == (parcel.first_seq, parcel.last_seq):
                raise RefusedError(refusal.reason or "the receiver gave no reason")
            if not self._connection.is_up or self._connection.connections != life:
                raise self._ended()
            await self._next_news()

    def _ended(self) -> BrokerError:
        return BrokerError(f"{self._connection.place}: the link ended before the receiver answered")

    async def _next_news(self) -> None:
        try:
            async with asyncio.timeout(self._clock.io_s(self._answer_s)):
                await asyncio.shield(self._news)
        except TimeoutError:
            self._is_silent = True
            raise BrokerError(f"no receiver answered for {self._answer_s:g} s") from None

    def _hear(self, topic: str, payload: bytes) -> None:
        try:
            answer = decode_answer(payload)
        except OperatingError as fault:
            self.broken_answers += 1
            log.warning("uplink: ignored %s", fault)
            return
        if answer.chain != self._chain:
            return
        if max((last for _, last in answer.kept), default=0) > self._newest():
            self._disbelieve(answer)
            return
        self._is_silent = False
        for first, last in answer.kept:
            self._kept.add(first, last)
        if answer.refused is not None:
            self._refused[answer.refused[0]] = answer
        if answer.unknown:
            self._explained.clear()
            self._wake(BrokerError("the receiver asks what the columns mean"))
            return
        self._wake(None)

    def _disbelieve(self, answer: Answer) -> None:
        self.refused_answers += 1
        last = max(last for _, last in answer.kept)
        self._wake(
            BrokerError(f"the receiver says that it kept record {last}, but only {self._newest()} exist: refused")
        )

    def _wake(self, fault: BrokerError | None) -> None:
        """Tell all that wait for an answer."""
        news, self._news = self._news, asyncio.get_running_loop().create_future()
        if fault is None:
            news.set_result(None)
        else:
            news.set_exception(fault)
            news.exception()  # Mark it as seen: perhaps nobody waits.
