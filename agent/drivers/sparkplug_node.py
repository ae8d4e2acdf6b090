"""One Sparkplug B edge node as its listeners see it: born or dead, in sequence or not (specification 3.0.0, chapter 5).

Whoever missed a message may have missed a birth, and with it what an alias means: from a gap on all is UNCERTAIN until
the node has told everything anew, which it is asked for.
"""

from __future__ import annotations

import asyncio
import math
from typing import Protocol

from agent.core.clock import Clock, Instant
from agent.core.errors import BrokerError
from agent.core.journal import Entry
from agent.core.pauses import Pauses
from agent.core.protocols import Journal
from agent.core.sparkplug import Key, Payload, Type, Value, decode, encode
from agent.runtime.mqtt_connection import MqttConnection

SPACE = "spBv1.0"
REBIRTH = "Node Control/Rebirth"
BD_SEQ = "bdSeq"
SEQUENCE = 256
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 300.0
"""Between two requests for a birth: a birth is the largest message that a node has. Our assumption."""
QUIET_S = 300.0
"""A node tells changes only and may say nothing for long; after this it is asked for all its values. Our assumption."""
SILENT_S = 2.0 * QUIET_S
"""Who has not answered that either is not taken at its last word any longer."""


class Listener(Protocol):
    """One device behind a node, or the node's own metrics."""

    max_bytes: int
    types: dict[Key, int]
    """Alias or name -> data type, from the birth."""

    def forget(self) -> None:
        """The node lives anew: until its own birth comes, nothing is known of this device, nor what an alias means."""

    def hear_birth(self, payload: Payload, at: Instant) -> None: ...

    def hear_data(self, payload: Payload, at: Instant, *, is_certain: bool) -> None: ...

    def hear_death(self, at: Instant) -> None: ...

    def refuse(self, topic: str, why: str | None) -> None:
        """`why`: None when a payload could be read."""


class EdgeNode:
    """Subscribes for all that listen to one node: the sequence counts over all its messages."""

    def __init__(self, connection: MqttConnection, group: str, node: str, journal: Journal, clock: Clock) -> None:
        self.id = f"{group}/{node}"
        self._connection = connection
        self._group = group
        self._node = node
        self._journal = journal
        self._clock = clock
        self._listeners: dict[str | None, list[Listener]] = {}
        self._is_born = False
        self._is_certain = False
        self._seq = 0
        self._bd_seq: Value = None
        self._heard_mono_s = -math.inf
        self._pauses = Pauses(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, seed=self.id)
        self._not_before_s = -math.inf
        self._asking: asyncio.Task[None] | None = None
        self.gaps = 0
        for kind in ("NBIRTH", "NDATA", "NDEATH"):
            connection.subscribe(f"{SPACE}/{group}/{kind}/{node}", self._hear, retained=_ignore)
        for kind in ("DBIRTH", "DDATA", "DDEATH"):
            connection.subscribe(f"{SPACE}/{group}/{kind}/{node}/+", self._hear, retained=_ignore)
        connection.at_begin(self._begin)

    def listen(self, device: str | None, listener: Listener) -> None:
        """`device`: None for the node's own metrics."""
        self._listeners.setdefault(device, []).append(listener)

    def is_alive(self, now: Instant) -> bool:
        """Whether what was told last still stands: no death, no gap, and a word within `SILENT_S`."""
        return self._is_born and self._is_certain and now.mono_s - self._heard_mono_s <= SILENT_S

    def look(self, now: Instant) -> None:
        """At each poll: a node that was quiet for long is asked whether it still lives."""
        if self._is_born and now.mono_s - self._heard_mono_s > QUIET_S:
            self._ask(now)

    def topic(self, kind: str, device: str | None) -> str:
        """Of a message; `kind`: `CMD`, `DATA` and so on."""
        letter, tail = ("N", "") if device is None else ("D", f"/{device}")
        return f"{SPACE}/{self._group}/{letter}{kind}/{self._node}{tail}"

    async def send(self, device: str | None, payload: Payload) -> None:
        """A command. Raises BrokerError; ValueError for a value that its type cannot carry."""
        await self._connection.publish(self.topic("CMD", device), encode(payload), qos=0)

    def _begin(self) -> None:
        """The link is new: what was said while it was down is unknown, also whether anybody lives."""
        self._is_born = self._is_certain = False
        self._not_before_s = -math.inf
        self._ask(self._clock.read())

    def _hear(self, topic: str, payload: bytes) -> None:
        at = self._clock.read()
        kind, _, *rest = topic.split("/")[2:]
        device = rest[0] if rest else None
        listeners = self._listeners.get(device, [])
        told = self._decode(topic, payload, device, listeners)
        if told is None:
            if kind != "NDEATH":
                self._lose("a payload that cannot be read", at)
            return
        if kind == "NDEATH":
            self._die(told, at)
            return
        self._heard_mono_s = at.mono_s
        if kind == "NBIRTH":
            self._be_born(told, at)
        elif not self._is_born:
            self._ask(at)
            return
        else:
            self._count(told.seq, at)
        for listener in listeners:
            if kind[1:] == "DATA" and not listener.types:
                self._ask(at)  # Its birth was missed.
            _hand_over(listener, kind[1:], told, at, is_certain=self._is_certain)

    def _decode(self, topic: str, payload: bytes, device: str | None, listeners: list[Listener]) -> Payload | None:
        """None: refused. A payload that nobody listens to is read for its sequence number all the same."""
        most = max((listener.max_bytes for some in self._listeners.values() for listener in some), default=0)
        types = listeners[0].types if listeners else {}
        try:
            if len(payload) > most:
                raise ValueError(f"found {len(payload)} bytes, wanted {most} at most")
            told = decode(payload, types)
        except ValueError as fault:
            for listener in listeners:
                listener.refuse(topic, f"found a broken Sparkplug payload: {fault}")
            return None
        for listener in listeners:
            listener.refuse(topic, None)
        return told

    def _be_born(self, told: Payload, at: Instant) -> None:
        if self._is_born and not self._is_certain:
            self._tell(f"edge node {self.id} has told everything anew", at)
        names = list(told.names)
        self._bd_seq = told.values[names.index(BD_SEQ)] if BD_SEQ in names else None
        self._seq = told.seq or 0
        self._is_born = self._is_certain = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.forget()

    def _count(self, seq: int | None, at: Instant) -> None:
        wanted = (self._seq + 1) % SEQUENCE
        self._seq = wanted if seq is None else seq
        if seq != wanted:
            self._lose(f"found message {'without a number' if seq is None else seq}, wanted {wanted}", at)

    def _lose(self, why: str, at: Instant) -> None:
        """The sequence is broken."""
        self.gaps += 1
        if self._is_born and self._is_certain:
            self._is_certain = False
            self._tell(f"edge node {self.id}: {why}: its points are uncertain until it has told everything anew", at)
        self._ask(at)

    def _die(self, told: Payload, at: Instant) -> None:
        """The broker says so by the node's will, of one life; of an earlier life it comes late."""
        names = list(told.names)
        bd_seq = told.values[names.index(BD_SEQ)] if BD_SEQ in names else None
        if self._is_born and None not in (bd_seq, self._bd_seq) and bd_seq != self._bd_seq:
            return
        self._is_born = self._is_certain = False
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.hear_death(at)

    def _ask(self, now: Instant) -> None:
        """For all births, with growing pauses: what is asked too often dies of it."""
        if now.mono_s < self._not_before_s or (self._asking is not None and not self._asking.done()):
            return
        if now.mono_s - self._not_before_s > LONGEST_PAUSE_S:
            self._pauses.reset()
        self._not_before_s = now.mono_s + self._pauses.next()
        self._asking = asyncio.ensure_future(self._ask_rebirth(now))

    async def _ask_rebirth(self, now: Instant) -> None:
        told = Payload(
            time_ms=int(now.unix_s * 1000), names=(REBIRTH,), types=(Type.BOOLEAN,), values=(True,), times_ms=(None,)
        )
        try:
            await self.send(None, told)
        except BrokerError:
            self._not_before_s = -math.inf  # It is asked again when the link is back.

    def _tell(self, text: str, at: Instant) -> None:
        self._journal.write(Entry(at=at, kind="device", subject=self.id, text=text))


def _hand_over(listener: Listener, kind: str, told: Payload, at: Instant, *, is_certain: bool) -> None:
    if kind == "BIRTH":
        listener.hear_birth(told, at)
    elif kind == "DATA":
        listener.hear_data(told, at, is_certain=is_certain)
    elif kind == "DEATH":
        listener.hear_death(at)


def _ignore(topic: str, payload: bytes) -> None:
    """Nothing of a node is retained (specification 6.4): what is was left by a mistake, nobody knows when."""
