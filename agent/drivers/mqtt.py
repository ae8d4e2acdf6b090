"""Points that arrive on MQTT topics, and set-points that are published and awaited.

When was a value measured? Where the payload says so (`time_path`), then; else when it arrived. What the broker had kept
(a retained message) arrived at connect, whatever its age: without a believable time of its own it is UNCERTAIN.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
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
"""Samples between two polls; of more the oldest are dropped and counted."""
FUTURE_S = 5.0
"""A device's time stamp may run ahead of us by so much, else it is not believed. Our assumption, as is the next."""
OLDEST_S = 86_400.0
MERGE_S = 0.05
"""Different points' samples within this are one scan, at the first one's instant: a row a scan, not a row a sample."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    handle: int
    decoded: Decoded
    at: Instant
    is_retained: bool


@dataclass(frozen=True, slots=True)
class _Sample:
    handle: int
    value: float
    quality: Quality
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
        self._arrived: list[_Arrival] = []
        self._shown: dict[int, float] = {}
        """Handle -> what its topic showed last, retained messages left out."""
        self._news = asyncio.Event()
        """Set at the next live message, and then replaced."""
        self._broken: set[str] = set()
        """Points whose last payload could not be read."""
        self.broken = 0
        """Payloads that could not be read."""
        self.dropped = 0
        """Samples that came too fast to be kept."""
        for point in device.points:
            self._by_topic[point.topic].append(point)
        for topic in self._by_topic:
            connection.subscribe(topic, self._hear, retained=self._hear_retained)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def poll(self) -> list[Scan]:
        """All that arrived since the last poll, one scan an instant. Raises BrokerError when the link is down."""
        now = self._clock.read()
        waiting, self._arrived = self._arrived, []
        if not waiting and not self._connection.is_up:
            raise BrokerError(f"{self.name}: {self._connection.place} is not connected")
        return [self._scan(group) for group in _merged(_stamped(arrival, now) for arrival in waiting)]

    def _scan(self, group: dict[int, _Sample]) -> Scan:
        samples = list(group.values())
        return Scan(
            device=self.name,
            handles=np.array([sample.handle for sample in samples], np.int32),
            values=np.array([sample.value for sample in samples], np.float64),
            quality=np.array([sample.quality for sample in samples], np.uint8),
            at=samples[0].at,
        )

    def _hear(self, topic: str, payload: bytes) -> None:
        for arrival in self._arrivals(topic, payload, is_retained=False):
            self._shown[arrival.handle] = arrival.decoded.value
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _hear_retained(self, topic: str, payload: bytes) -> None:
        self._arrivals(topic, payload, is_retained=True)

    def _arrivals(self, topic: str, payload: bytes, *, is_retained: bool) -> list[_Arrival]:
        """Kept for the next poll; of what cannot be read, nothing."""
        at, points = self._clock.read(), self._by_topic[topic]
        arrivals: list[_Arrival] = []
        broken: dict[str, str] = {}
        try:
            told = parse(payload)
        except ValueError as fault:
            broken = {point.point: str(fault) for point in points}
        for point in points if not broken else ():
            try:
                arrivals.append(_Arrival(point.handle, pick(told, point), at, is_retained))
            except ValueError as fault:
                broken[point.point] = str(fault)
        self._count_broken(topic, points, broken)
        self._keep(arrivals)
        return arrivals

    def _keep(self, arrivals: list[_Arrival]) -> None:
        self._arrived += arrivals
        if (excess := len(self._arrived) - MOST_WAITING) > 0:
            self.dropped += excess
            del self._arrived[:excess]

    def _count_broken(self, topic: str, points: list[MqttPoint], broken: dict[str, str]) -> None:
        """Counted each time, told once when it starts and once when it ends."""
        self.broken += bool(broken)
        news = {point: why for point, why in broken.items() if point not in self._broken}
        if news:
            why = next(iter(news.values()))
            self._tell(f"{self.name}: payload on {topic} cannot be read: {why}; {', '.join(news)}")
        if self._broken and (mended := [p.point for p in points if p.point in self._broken and p.point not in broken]):
            self._tell(f"{self.name}: payloads on {topic} can be read again; {', '.join(mended)}")
            self._broken.difference_update(mended)
        self._broken.update(news)

    def _tell(self, text: str) -> None:
        self._journal.write(Entry(at=self._clock.read(), kind="device", subject=self.name, text=text))

    async def write(self, command: Command) -> Outcome:
        """Publish, then wait until the point's own topic shows it; a PUBACK alone confirms nothing."""
        point = self._points.get(command.point)
        if point is None or point.set_topic is None:
            return self._outcome(command, "failed", f"{self.name} has no topic to set {command.point}")
        if command.value is not None and not math.isfinite(command.value):
            return self._outcome(command, "failed", f"{command.value} cannot be written")
        self._shown.pop(point.handle, None)  # What was shown before we spoke confirms nothing.
        try:
            with self._clock.hold():
                await self._connection.publish(point.set_topic, _payload(command.value, point), qos=1)
                return await self._confirm(command, point)
        except BrokerError as fault:
            return self._outcome(command, "failed", str(fault))

    async def _confirm(self, command: Command, point: MqttPoint) -> Outcome:
        if command.value is None:
            return self._outcome(command, "confirmed", "released; the broker has it, the topic shows no mode")
        try:
            async with asyncio.timeout(self._clock.io_s(self._device.timeout_s)):
                shown = await self._until_shown(command.value, point)
            return self._outcome(command, "confirmed", "", shown)
        except TimeoutError:
            seen = self._shown.get(point.handle)
            detail = f"{point.topic} shows {'nothing new' if seen is None else f'{seen:g}'}"
            return self._outcome(command, "unconfirmed", detail, seen)

    async def _until_shown(self, value: float, point: MqttPoint) -> float:
        while True:
            news = self._news
            shown = self._shown.get(point.handle, math.nan)
            if abs(shown - value) <= 0.51 * point.shown_step:
                return shown
            await news.wait()

    def _outcome(self, command: Command, kind: Any, detail: str, shown: float | None = None) -> Outcome:
        return Outcome(command=command, kind=kind, read_back=shown, detail=detail, at=self._clock.read())


def _payload(value: float | None, point: MqttPoint) -> bytes:
    told: Any = value
    for step in reversed(point.set_path.split(".")) if point.set_path else ():
        told = {step: told}
    return json.dumps(told).encode()


def _stamped(arrival: _Arrival, now: Instant) -> _Sample:
    """With the device's own time where it can be believed, else with the time of arrival."""
    decoded, quality, at = arrival.decoded, arrival.decoded.quality, arrival.at
    age_s = math.nan if decoded.measured_unix_s is None else now.unix_s - decoded.measured_unix_s
    if -FUTURE_S <= age_s <= OLDEST_S:
        at = Instant(unix_s=now.unix_s - age_s, mono_s=now.mono_s - age_s, is_set=now.is_set)
    elif arrival.is_retained or age_s > OLDEST_S:
        # A live message of a device whose clock runs ahead is new all the same; one that was kept somewhere is not.
        quality = max(quality, Quality.UNCERTAIN)
    return _Sample(arrival.handle, decoded.value, quality, at)


def _merged(samples: Iterable[_Sample]) -> list[dict[int, _Sample]]:
    """Groups of one instant, in order; of two samples of a point in one instant the later arrival stands."""
    groups: list[dict[int, _Sample]] = []
    began_s = -math.inf
    for sample in sorted(samples, key=lambda sample: sample.at.unix_s):  # A stable sort keeps the order of arrival.
        at_s = sample.at.unix_s
        is_same = at_s == began_s or (at_s - began_s <= MERGE_S and sample.handle not in groups[-1])
        if not is_same:
            groups.append({})
            began_s = at_s
        groups[-1][sample.handle] = sample
    return groups
