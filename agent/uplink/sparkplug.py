"""Upstream by Sparkplug B 3.0: this gateway is an edge node, its points are the node's metrics, told by alias.

Data go out at QoS 0, as the specification wants them (5.4), so nobody confirms them: a parcel counts as kept when the
broker has taken it from the wire. With `host_id` records wait in the store while the primary host says that it is away;
what comes late is marked historical. The journal stays here: a metric has no word for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import suppress

import aiomqtt
import numpy as np

from agent.config import sinks as config
from agent.core import sparkplug
from agent.core.clock import Clock
from agent.core.errors import BrokerError
from agent.core.pauses import UPSTREAM_PAUSE_S
from agent.core.points import Quality
from agent.core.sparkplug import Payload, Type
from agent.runtime.mqtt_broker import Broker, reach
from agent.runtime.mqtt_connection import MqttConnection
from agent.uplink.parcel import Parcel
from agent.uplink.registry import Place

log = logging.getLogger(__name__)

NAMESPACE = "spBv1.0"
REBIRTH = "Node Control/Rebirth"
BIRTH_NUMBER = "bdSeq"
FIRST_ALIAS = 2
"""0 and 1 are the birth number and the rebirth."""
LAST_WORD_S = 2.0


def make(told: config.SparkplugSink, place: Place) -> SparkplugSink:
    """As the site's config tells it. Raises ConfigError."""
    return SparkplugSink(
        reach(told.broker, place.brokers[told.broker]),
        place.clock,
        group=told.group,
        node=f"{place.site}-{place.gateway}",
        host_id=told.host_id,
        points=place.points,
    )


class SparkplugSink:
    """One edge node."""

    def __init__(
        self, broker: Broker, clock: Clock, *, group: str, node: str, host_id: str | None, points: Sequence[str]
    ) -> None:
        self._clock = clock
        self._topic = f"{NAMESPACE}/{group}/{{}}/{node}"
        self._aliases = {point: FIRST_ALIAS + place for place, point in enumerate(points)}
        self._latest: dict[str, tuple[float, int]] = {}
        """Point -> live value and its time."""
        self._command = self._topic.format("NCMD")
        self._connection = MqttConnection(
            broker, clock, longest_pause_s=UPSTREAM_PAUSE_S, will=self._make_will, seed=f"node {node}"
        )
        self._connection.subscribe(self._command, self._hear_command, qos=1)
        if host_id is not None:
            self._connection.subscribe(f"{NAMESPACE}/STATE/{host_id}", self._hear_state, qos=1)
        self._connection.at_begin(self._came_up)
        self._connection.at_end(lambda: self._born.clear())
        self._wanted = asyncio.Event()
        """A birth is to be told."""
        self._born = asyncio.Event()
        self._host_is_there = asyncio.Event()
        if host_id is None:
            self._host_is_there.set()
        self._order = asyncio.Lock()
        self._births = -1
        self._seq = 0
        self.rebirths = 0
        """Births that a host has asked for."""

    async def run(self) -> None:
        link = asyncio.ensure_future(self._connection.run())
        try:
            await self._bear()
        finally:
            # Who leaves tidily has no will: the death is told by ourselves (5.5).
            with suppress(BrokerError, TimeoutError):
                async with asyncio.timeout(self._clock.io_s(LAST_WORD_S)):
                    await self._connection.publish(self._topic.format("NDEATH"), self._death(), qos=1)
            link.cancel()
            await asyncio.gather(link, return_exceptions=True)

    async def ready(self) -> None:
        await self._born.wait()
        await self._host_is_there.wait()

    async def stir(self) -> None:
        await asyncio.Event().wait()  # `ready` says it all.

    # --- birth and death ---

    async def _bear(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            with suppress(BrokerError):
                async with self._order:
                    self._seq = 0
                    await self._connection.publish(self._topic.format("NBIRTH"), self._birth(), qos=0)
                    self._born.set()

    def _birth(self) -> bytes:
        """Every metric that will ever be told, with its alias and what is known of it."""
        names = [BIRTH_NUMBER, REBIRTH, *self._aliases]
        known = [self._latest.get(point) for point in self._aliases]
        now_ms = self._now_ms()
        return sparkplug.encode(
            Payload(
                time_ms=now_ms,
                seq=0,
                names=names,
                aliases=[None, None, *self._aliases.values()],
                types=[Type.INT64, Type.BOOLEAN, *(Type.DOUBLE for _ in known)],
                values=[self._births, False, *(told and told[0] for told in known)],
                times_ms=[now_ms, now_ms, *(told[1] if told else now_ms for told in known)],
            )
        )

    def _death(self) -> bytes:
        return sparkplug.encode(Payload(names=[BIRTH_NUMBER], types=[Type.INT64], values=[self._births]))

    def _make_will(self) -> aiomqtt.Will:
        """For the connection that begins now: its number stands in its birth and in its death."""
        self._births = (self._births + 1) % 256
        return aiomqtt.Will(self._topic.format("NDEATH"), self._death(), qos=1, retain=False)

    def _came_up(self) -> None:
        self._born.clear()
        self._wanted.set()

    def _hear_command(self, topic: str, payload: bytes) -> None:
        try:
            told = sparkplug.decode(payload)
        except ValueError as fault:
            log.warning("uplink: a command to this node that cannot be read: %s", fault)
            return
        if any(name == REBIRTH and value is True for name, value in zip(told.names, told.values, strict=True)):
            self.rebirths += 1
            self._born.clear()
            self._wanted.set()

    def _hear_state(self, topic: str, payload: bytes) -> None:
        """Whether the primary host is there (5.16)."""
        try:
            is_there = json.loads(payload)["online"] is True
        except (ValueError, KeyError, TypeError, RecursionError):
            is_there = payload == b"ONLINE"  # As version 2.2 had it.
        if is_there:
            self._host_is_there.set()
        else:
            self._host_is_there.clear()

    # --- data ---

    async def send(self, parcel: Parcel) -> int:
        if not self._host_is_there.is_set():
            raise BrokerError("the primary host is away")
        with self._clock.hold():
            payload = await asyncio.get_running_loop().run_in_executor(None, self._columns, parcel)
            if not len(payload):
                return 0
            async with self._order:
                return await self._publish(payload)

    async def _publish(self, payload: Payload) -> int:
        if not self._born.is_set():
            raise BrokerError("this node has not been born yet")
        self._seq = (self._seq + 1) % 256
        data = sparkplug.encode(
            Payload(
                time_ms=self._now_ms(),
                seq=self._seq,
                aliases=payload.aliases,
                types=payload.types,
                values=payload.values,
                times_ms=payload.times_ms,
                historical=payload.historical,
                qualities=payload.qualities,
            )
        )
        await self._connection.publish(self._topic.format("NDATA"), data, qos=0)
        await self._connection.fence(self._command)
        return len(data)

    def _columns(self, parcel: Parcel) -> Payload:
        aliases: list[int | None] = []
        values: list[float | None] = []
        times_ms: list[int | None] = []
        qualities: list[int | None] = []
        for block in parcel.blocks:
            stamps = np.rint(block.unix_s * 1000.0).astype(np.int64).tolist()
            for column, point in enumerate(block.layout.points):
                told = [None if value != value else value for value in block.values[:, column].tolist()]
                codes = block.quality[:, column].tolist()
                aliases += [self._aliases[point]] * len(told)
                values += told
                times_ms += stamps
                qualities += [_quality(code) for code in codes]
                if parcel.is_live and told[-1] is not None:
                    self._latest[point] = told[-1], stamps[-1]
        return Payload(
            aliases=aliases,
            types=[Type.DOUBLE] * len(values),
            values=values,
            times_ms=times_ms,
            historical=[not parcel.is_live] * len(values),
            qualities=qualities,
        )

    def _now_ms(self) -> int:
        return round(self._clock.read().unix_s * 1000.0)


def _quality(code: int) -> int | None:
    """Sparkplug knows three; good is what it is without a word."""
    if code < Quality.UNCERTAIN:
        return None
    return sparkplug.QUALITY_STALE if code < Quality.BAD else sparkplug.QUALITY_BAD
