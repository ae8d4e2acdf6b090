"""Points that are metrics of a Sparkplug B edge node, or of a device behind it.

Such a node tells changes only. While it lives, what it told last still stands: each poll says so again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

from agent.core.clock import Clock, Instant
from agent.core.command import Command, Outcome
from agent.core.errors import BrokerError
from agent.core.points import Quality
from agent.core.protocols import Journal
from agent.core.scan import Scan
from agent.core.sparkplug import QUALITY_GOOD, QUALITY_STALE, Key, Payload, Type
from agent.drivers.mqtt_payload import NOW, Reader, raw_of
from agent.drivers.mqtt_setter import MqttSetter
from agent.drivers.mqtt_wire import Metric, SparkplugDevice
from agent.drivers.refusals import Refusals
from agent.drivers.samples import Samples
from agent.drivers.sparkplug_node import EdgeNode
from agent.runtime.mqtt_connection import MqttConnection

QUALITIES = {None: Quality.GOOD, QUALITY_GOOD: Quality.GOOD, QUALITY_STALE: Quality.UNCERTAIN}


class SparkplugDriver:
    """The metrics of one config entry."""

    def __init__(
        self, device: SparkplugDevice, node: EdgeNode, connection: MqttConnection, journal: Journal, clock: Clock
    ) -> None:
        self.name = device.name
        self.max_bytes = device.max_bytes
        self.types: dict[Key, int] = {}
        self._device = device
        self._node = node
        self._connection = connection
        self._clock = clock
        self._metrics = {metric.point.point: metric for metric in device.metrics}
        self._readers = [Reader(metric.point) for metric in device.metrics]
        self._named: defaultdict[str, list[int]] = defaultdict(list)
        """Metric's name -> slots."""
        for slot, metric in enumerate(device.metrics):
            self._named[metric.name].append(slot)
        self._slots: dict[Key, list[int]] = {}
        """Alias or name, as the last birth had it -> slots."""
        self._samples = Samples(device.name, [metric.point for metric in device.metrics])
        self._last: dict[int, tuple[float, int]] = {}
        """Slot -> raw value and quality that were told last."""
        self._news: set[int] = set()
        """Slots told since the last poll."""
        self._refusals = Refusals(device.name, connection.place, journal, clock)
        self._setter = MqttSetter(device.name, device.timeout_s, clock)
        node.listen(device.device, self)

    @property
    def broken(self) -> int:
        """Payloads of which something could not be read."""
        return self._refusals.count

    @property
    def dropped(self) -> int:
        """Samples that came too fast to be kept."""
        return self._samples.dropped

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def poll(self) -> list[Scan]:
        """What was told since the last poll, and what still stands. Raises BrokerError when the link is down."""
        now = self._clock.read()
        if not self._samples and not self._connection.is_up:
            raise BrokerError(f"{self.name}: {self._connection.place} is not connected")
        self._refusals.note_dropped(self._samples.dropped)
        if self._connection.is_up:
            self._node.look(now)
            if self._node.is_alive(now):
                self._repeat(now)
        self._news.clear()
        return self._samples.drain(now)

    def _repeat(self, now: Instant) -> None:
        for slot, (raw, quality) in self._last.items():
            if slot not in self._news:
                self._samples.add(slot, raw, quality, NOW, now)

    def refuse(self, topic: str, why: str | None) -> None:
        points = list(self._metrics)
        self._refusals.note(topic, () if why is None else points, {} if why is None else dict.fromkeys(points, why))

    def forget(self) -> None:
        self._slots, self.types = {}, {}
        self._last.clear()

    def hear_birth(self, payload: Payload, at: Instant) -> None:
        """What each alias means from now on; metrics that are not in it have no value."""
        self.forget()
        found = set()
        for key, name, kind in zip(payload.keys(), payload.names, payload.types, strict=True):
            slots = self._named.get(name or "", [])
            if name is None or key is None or not slots:
                continue
            found.update(slots)
            self._slots[key] = self._slots[name] = slots
            self.types[key] = self.types[name] = kind
        metrics = self._device.metrics
        missing = [slot for slot in range(len(metrics)) if slot not in found]
        for slot in missing:
            self._samples.add(slot, math.nan, Quality.BAD, NOW, at)
        lost = {metrics[slot].point.point: f"the birth has no metric `{metrics[slot].name}`" for slot in missing}
        there = [metrics[slot].point.point for slot in found]
        self._refusals.note(self._node.topic("BIRTH", self._device.device), there, lost)
        # A birth says what is so now, also of what changed last a year ago.
        rows = zip(payload.historical, payload.times_ms, strict=True)
        times_ms = [time_ms if is_historical else payload.time_ms for is_historical, time_ms in rows]
        self.hear_data(replace(payload, times_ms=times_ms), at, is_certain=True)

    def hear_data(self, payload: Payload, at: Instant, *, is_certain: bool) -> None:
        broken: dict[str, str] = {}
        told: list[str] = []
        for place, key in enumerate(payload.keys()):
            for slot in self._slots.get(key, ()) if key is not None else ():
                reader = self._readers[slot]
                point = reader.point
                told.append(point.point)
                try:
                    if place in payload.faults:
                        raise ValueError(payload.faults[place])
                    raw = reader.number(payload.values[place])
                except ValueError as fault:
                    broken[point.point] = f"metric `{self._device.metrics[slot].name}`: {fault}"
                    self._last.pop(slot, None)
                    continue
                quality = QUALITIES.get(payload.qualities[place], Quality.BAD)
                if not is_certain:
                    quality = max(quality, Quality.UNCERTAIN)
                self._take(slot, raw, quality, payload, place, at)
        self._refusals.note(self._node.topic("DATA", self._device.device), told, broken)

    def _take(self, slot: int, raw: float, quality: int, payload: Payload, place: int, at: Instant) -> None:
        time_ms = payload.times_ms[place]
        if time_ms is None:
            time_ms = payload.time_ms
        is_historical = payload.historical[place]
        measured_unix_s = NOW if time_ms is None else time_ms / 1000.0
        self._samples.add(slot, raw, quality, measured_unix_s, at, is_kept=is_historical)
        if is_historical:
            return
        self._last[slot] = (raw, quality)
        self._news.add(slot)
        if self._setter.is_waiting:
            point = self._readers[slot].point
            self._setter.show(point, raw * point.scale + point.offset)

    def hear_death(self, at: Instant) -> None:
        """Nothing is known of it any more: all its points are BAD."""
        self.forget()
        for slot in range(len(self._readers)):
            self._samples.add(slot, math.nan, Quality.BAD, NOW, at)

    async def write(self, command: Command) -> Outcome:
        """By NCMD or DCMD, in the type of the birth; confirmed when the metric's data shows it."""
        metric = self._metrics.get(command.point)
        if metric is None or not metric.is_set:
            return self._setter.outcome(command, "failed", f"{self.name} has no metric to set {command.point}")
        if command.value is None:
            return self._setter.outcome(command, "failed", "a Sparkplug metric cannot be relinquished")
        kind = self.types.get(metric.name)
        if kind is None:
            return self._setter.outcome(command, "failed", f"{self._node.id} has told no metric `{metric.name}` yet")
        value = command.value

        async def publish(correlation: bytes) -> None:
            try:
                await self._node.send(self._device.device, self._command(metric, value, kind))
            except ValueError as fault:
                raise BrokerError(f"{self.name}: {metric.name}: {fault}") from None

        return await self._setter.write(command, metric.point, publish, where=f"metric `{metric.name}`")

    def _command(self, metric: Metric, value: float, kind: int) -> Payload:
        raw = raw_of(value, metric.point)
        now_ms = int(self._clock.read().unix_s * 1000)
        return Payload(
            time_ms=now_ms,
            names=(metric.name,),
            types=(kind,),
            values=(bool(raw) if kind == Type.BOOLEAN and raw in (0, 1) else raw,),
            times_ms=(now_ms,),
        )
