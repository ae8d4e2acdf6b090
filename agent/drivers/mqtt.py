"""Points that arrive on MQTT topics, and set-points that are published and awaited."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from agent.core.clock import Clock, Instant
from agent.core.command import Command, Outcome
from agent.core.errors import BrokerError
from agent.core.journal import Entry
from agent.core.points import Quality
from agent.core.protocols import Journal
from agent.core.scan import Scan
from agent.drivers.mqtt_connection import MqttConnection
from agent.drivers.mqtt_payload import Decoded, parse, pick
from agent.drivers.wire import MqttDevice, MqttPoint

MOST_WAITING = 50_000
"""Samples between two polls; more are dropped, oldest first, and counted."""
FUTURE_S = 5.0
"""A device's time stamp may run ahead of us by so much."""
OLDEST_S = 86_400.0
"""A time stamp older than this is not believed."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    handle: int
    decoded: Decoded
    at: Instant


class MqttDriver:
    """The points of one config entry on one connection."""

    def __init__(self, device: MqttDevice, connection: MqttConnection, journal: Journal, clock: Clock) -> None:
        self.name = device.name
        self._device = device
        self._connection = connection
        self._journal = journal
        self._clock = clock
        self._points = {point.point: point for point in device.points}
        self._by_topic: defaultdict[str, list[MqttPoint]] = defaultdict(list)
        self._arrived: deque[_Arrival] = deque()
        self._latest: dict[int, float] = {}
        self._news = asyncio.Event()
        self._broken_topics: set[str] = set()
        self.broken = 0
        """Payloads that could not be read."""
        self.dropped = 0
        """Samples that came too fast to be kept."""
        for point in device.points:
            self._by_topic[point.topic].append(point)
        for topic in self._by_topic:
            connection.subscribe(topic, self._hear)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def poll(self) -> list[Scan]:
        """All that arrived since the last poll, one scan an instant. Raises BrokerError when the link is down."""
        now = self._clock.read()
        waiting, self._arrived = self._arrived, deque()
        if not waiting and not self._connection.is_up:
            raise BrokerError(f"{self.name}: {self._connection.place} is not connected")
        stamped = [(arrival, *_stamp(arrival, now)) for arrival in waiting]
        runs = groupby(stamped, key=lambda row: row[1].unix_s)
        return [self._scan(list(rows)) for _, rows in runs]

    def _scan(self, rows: list[tuple[_Arrival, Instant, Quality]]) -> Scan:
        return Scan(
            device=self.name,
            handles=np.array([arrival.handle for arrival, _, _ in rows], np.int32),
            values=np.array([arrival.decoded.value for arrival, _, _ in rows], np.float64),
            quality=np.array([quality for _, _, quality in rows], np.uint8),
            at=rows[0][1],
        )

    def _hear(self, topic: str, payload: bytes) -> None:
        at = self._clock.read()
        try:
            told = parse(payload)
            arrivals = [_Arrival(point.handle, pick(told, point), at) for point in self._by_topic[topic]]
        except ValueError as fault:
            self._tell_broken(topic, str(fault))
            return
        self._tell_mended(topic)
        for arrival in arrivals:
            self._latest[arrival.handle] = arrival.decoded.value
            self._arrived.append(arrival)
        while len(self._arrived) > MOST_WAITING:
            self._arrived.popleft()
            self.dropped += 1
        self._news.set()

    def _tell_broken(self, topic: str, why: str) -> None:
        """Counted each time, told once a topic until it is well again."""
        self.broken += 1
        if topic not in self._broken_topics:
            self._broken_topics.add(topic)
            self._tell(f"{self.name}: payload on {topic} cannot be read: {why}")

    def _tell_mended(self, topic: str) -> None:
        if topic in self._broken_topics:
            self._broken_topics.remove(topic)
            self._tell(f"{self.name}: payloads on {topic} can be read again")

    def _tell(self, text: str) -> None:
        self._journal.write(Entry(at=self._clock.read(), kind="device", subject=self.name, text=text))

    async def write(self, command: Command) -> Outcome:
        """Publish, then wait until the point's own topic shows it; a PUBACK alone confirms nothing."""
        point = self._points.get(command.point)
        if point is None or point.set_topic is None:
            return self._outcome(command, "failed", f"{self.name} has no topic to set {command.point}")
        try:
            with self._clock.hold():
                await self._connection.publish(point.set_topic, _payload(command.value, point), qos=1)
                return await self._confirmed(command, point)
        except BrokerError as fault:
            return self._outcome(command, "failed", str(fault))

    async def _confirmed(self, command: Command, point: MqttPoint) -> Outcome:
        if command.value is None:
            return self._outcome(command, "confirmed", "released; the broker has it, the device shows no mode")
        try:
            async with asyncio.timeout(self._clock.io_s(self._device.timeout_s)):
                async for shown in self._shown(point.handle):
                    if abs(shown - command.value) <= 0.01 * max(1.0, abs(command.value)):
                        return self._outcome(command, "confirmed", "", shown)
        except TimeoutError:
            pass
        last = self._latest.get(point.handle)
        return self._outcome(command, "unconfirmed", f"{point.topic} did not show it in time", last)

    async def _shown(self, handle: int) -> AsyncIterator[float]:
        while True:
            self._news.clear()
            await self._news.wait()
            if handle in self._latest:
                yield self._latest[handle]

    def _outcome(self, command: Command, kind: Any, detail: str, shown: float | None = None) -> Outcome:
        return Outcome(command=command, kind=kind, read_back=shown, detail=detail, at=self._clock.read())


def _payload(value: float | None, point: MqttPoint) -> bytes:
    told: Any = value
    for step in reversed(point.set_path.split(".")) if point.set_path else ():
        told = {step: told}
    return json.dumps(told).encode()


def _stamp(arrival: _Arrival, now: Instant) -> tuple[Instant, Quality]:
    """The device's own time where it can be believed, else the time of arrival, and then not GOOD."""
    decoded = arrival.decoded
    if decoded.measured_unix_s is None:
        return arrival.at, decoded.quality
    age_s = now.unix_s - decoded.measured_unix_s
    if not -FUTURE_S <= age_s <= OLDEST_S:
        return arrival.at, max(decoded.quality, Quality.UNCERTAIN)
    at = Instant(unix_s=decoded.measured_unix_s, mono_s=now.mono_s - age_s, is_set=now.is_set)
    return at, decoded.quality
