"""Points that arrive on MQTT topics, and set-points that are published and awaited."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from agent.core.clock import Clock, Instant
from agent.core.command import Command, Outcome
from agent.core.errors import BrokerError
from agent.core.protocols import Journal
from agent.core.scan import Scan
from agent.drivers.mqtt_payload import Reader, Told, parse
from agent.drivers.mqtt_setter import MqttSetter, set_payload
from agent.drivers.mqtt_wire import MqttDevice, MqttPoint, MqttSet
from agent.drivers.refusals import Refusals
from agent.drivers.samples import Samples
from agent.runtime.mqtt_connection import MqttConnection


class MqttDriver:
    """The points of one config entry on one connection."""

    def __init__(self, device: MqttDevice, connection: MqttConnection, journal: Journal, clock: Clock) -> None:
        self.name = device.name
        self._device = device
        self._connection = connection
        self._clock = clock
        self._samples = Samples(device.name, device.points)
        self._refusals = Refusals(device.name, connection.place, journal, clock)
        self._setter = MqttSetter(device.name, device.timeout_s, clock)
        self._by_topic: defaultdict[str, list[tuple[int, Reader]]] = defaultdict(list)
        """Topic -> slot and reader of each point that it brings."""
        self._replies: dict[str, list[Reader]] = {}
        """Topic of confirmations -> who is confirmed there."""
        self._points = {point.point: point for point in device.points}
        for slot, point in enumerate(device.points):
            self._by_topic[point.topic].append((slot, Reader(point)))
        self._subscribe()

    def _subscribe(self) -> None:
        for topic_filter in dict.fromkeys(point.filter or point.topic for point in self._device.points):
            self._connection.subscribe(topic_filter, self._hear, retained=self._hear_retained)
        for point in self._device.points:
            if point.set is not None and point.set.confirm is not None:
                confirm = point.set.confirm
                if confirm.topic not in self._replies:
                    self._connection.subscribe(confirm.topic, self._hear_reply, retained=_ignore)
                self._replies.setdefault(confirm.topic, []).append(Reader(replace(point, path=confirm.path)))

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
        """All that arrived since the last poll, one scan an instant. Raises BrokerError when the link is down."""
        if not self._samples and not self._connection.is_up:
            raise BrokerError(f"{self.name}: {self._connection.place} is not connected")
        self._refusals.note_dropped(self._samples.dropped)
        return self._samples.drain(self._clock.read())

    def _hear(self, topic: str, payload: bytes) -> None:
        self._read(topic, payload, is_kept=False)

    def _hear_retained(self, topic: str, payload: bytes) -> None:
        self._read(topic, payload, is_kept=True)

    def _read(self, topic: str, payload: bytes, *, is_kept: bool) -> None:
        """Kept for the next poll; of what cannot be read, nothing."""
        readers = self._by_topic.get(topic)
        if readers is None:
            self._refusals.note_stranger(topic, f"{topic} comes in, and no point of the config has this topic")
            return
        at = self._clock.read()
        broken: dict[str, str] = {}
        try:
            told = parse(payload, self._device.max_bytes)
        except ValueError as fault:
            broken = {reader.point.point: str(fault) for _, reader in readers}
        for slot, reader in readers if not broken else ():
            try:
                if reader.is_many:
                    for sample in reader.pick_all(told, broken):
                        self._take(slot, reader, sample, at, is_kept=is_kept)
                else:
                    self._take(slot, reader, reader.pick(told), at, is_kept=is_kept)
            except ValueError as fault:
                broken[reader.point.point] = str(fault)
        self._refusals.note(topic, [reader.point.point for _, reader in readers], broken)

    def _take(self, slot: int, reader: Reader, sample: Told, at: Instant, *, is_kept: bool) -> None:
        raw, quality, measured_unix_s = sample
        self._samples.add(slot, raw, quality, measured_unix_s, at, is_kept=is_kept)
        point = reader.point
        if not is_kept and self._setter.is_waiting and (point.set is None or point.set.confirm is None):
            self._setter.show(point, raw * point.scale + point.offset)

    def _hear_reply(self, topic: str, payload: bytes) -> None:
        """A confirmation: the value, or the word for yes or no."""
        for reader in self._replies[topic] if self._setter.is_waiting else ():
            point = reader.point
            if not self._setter.awaits(point, self._connection.correlation):
                continue
            try:
                told = parse(payload, self._device.max_bytes)
                word = point.set.confirm.word if point.set and point.set.confirm else None
                if word is None:
                    self._setter.show(point, reader.number(reader.find(told)) * point.scale + point.offset)
                else:
                    self._setter.answer(point, reader.find(told), word)
            except ValueError as fault:
                self._refusals.note(
                    topic, [f"the answer for {point.point}"], {f"the answer for {point.point}": str(fault)}
                )

    async def write(self, command: Command) -> Outcome:
        """Publish, then wait until the device shows it; a PUBACK alone confirms nothing."""
        point = self._points.get(command.point)
        told = None if point is None else point.set
        if point is None or told is None:
            return self._setter.outcome(command, "failed", f"{self.name} has no topic to set {command.point}")

        async def publish(correlation: bytes) -> None:
            answer = (told.confirm.topic, correlation) if told.confirm is not None else None
            payload = set_payload(command.value, point, told)
            await self._connection.publish(told.topic, payload, qos=told.qos, retain=told.retain, answer=answer)

        return await self._setter.write(command, point, publish, where=_shown_at(point, told))


def _shown_at(point: MqttPoint, told: MqttSet) -> str:
    return point.topic if told.confirm is None else told.confirm.topic


def _ignore(topic: str, payload: bytes) -> None:
    """What the broker had kept confirms nothing."""
