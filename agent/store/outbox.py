"""What waits for upstream: one order of records, a cursor for each sink, and what a sink refused.

A record gets a seq when something in it may leave at all (`PointSpec.share`, or an entry of a site that shares).
Nothing is copied for a sink: the records stand in the store anyway, and a sink's cursor says which of them it has. A
seq is on the disk before `read` gives it away, so that it is never given to another record, not even after a power cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from agent.core.clock import Clock
from agent.store.records import Cursor, DeadLetter, Slice
from agent.store.workers import Workers


class Outbox:
    """`Store.outbox`. Every async method may raise StoreError."""

    def __init__(self, workers: Workers, clock: Clock, wake: Callable[[], None]) -> None:
        """`wake`: a cursor has moved and is to be written with the next commit."""
        self._workers = workers
        self._clock = clock
        self._wake = wake
        self._cursors: dict[str, Cursor] = {}
        self._waiting: set[asyncio.Event] = set()
        self._last_seq = 0
        self.has_moved = False
        """Cursors that are not written yet."""
        self.chain = ""
        """Names this order of records; a store that is begun anew counts from 1 again, under another name."""

    @property
    def last_seq(self) -> int:
        """The highest seq committed."""
        return self._last_seq

    @property
    def acked(self) -> int:
        """Every sink has all up to this seq; all, where there is no sink."""
        return min((cursor.acked for cursor in self._cursors.values()), default=self._last_seq)

    @property
    def waiting(self) -> int:
        """Records that the sink with the most to come still waits for."""
        return max((missing(cursor, self._last_seq) for cursor in self._cursors.values()), default=0)

    def open(self, sink: str, *, after_seq: int = 0) -> Cursor:
        """The sink's cursor; a sink that is new begins behind `after_seq` (0: all that is kept)."""
        if sink not in self._cursors:
            self._move(sink, Cursor(acked=min(after_seq, self._last_seq)))
        return self._cursors[sink]

    def forget(self, sink: str) -> None:
        """A sink that left the config: what only it waited for counts as acknowledged."""
        if self._cursors.pop(sink, None) is not None:
            self.has_moved = True
            self._wake()

    def sinks(self) -> tuple[str, ...]:
        """Every sink ever opened and not forgotten."""
        return tuple(self._cursors)

    def cursor(self, sink: str) -> Cursor:
        return self._cursors[sink]

    def ack(self, sink: str, last_seq: int, *, first_seq: int = 1) -> Cursor:
        """The sink has kept (or set aside) this range; written with the next commit. Beyond `last_seq`: ValueError."""
        if last_seq > self._last_seq:
            raise ValueError(f"{sink} acknowledged record {last_seq}, but there are only {self._last_seq}")
        cursor = merged(self._cursors[sink], first_seq, last_seq)
        if cursor != self._cursors[sink]:
            self._move(sink, cursor)
        return cursor

    async def read(self, after_seq: int, limit: int, *, until_seq: int | None = None, newest: bool = False) -> Slice:
        """At most `limit` records with after_seq < seq <= until_seq, from the oldest, or the newest such `limit`."""
        until = self._last_seq if until_seq is None else min(until_seq, self._last_seq)
        return await self._workers.read(lambda reader: reader.records(after_seq, limit, until, newest))

    async def wait(self, after_seq: int) -> None:
        """Return when a record beyond `after_seq` is committed. For any number of waiters."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            while self._last_seq <= after_seq:
                event.clear()
                await event.wait()
        finally:
            self._waiting.discard(event)

    async def put_dead(self, sink: str, first_seq: int, last_seq: int, reason: str, payload: bytes) -> int:
        """Set a refused batch aside, on the disk when this returns. Its id. The sink acknowledges the range after."""
        at = self._clock.read()
        return await self._workers.keep(lambda keeper: keeper.put_dead(sink, first_seq, last_seq, at, reason, payload))

    async def dead(self, sink: str | None = None) -> list[DeadLetter]:
        """Oldest first."""
        return await self._workers.read(lambda reader: reader.dead(sink))

    async def drop_dead(self, letter_id: int) -> None:
        """It was replayed, or a person gave it up."""
        await self._workers.keep(lambda keeper: keeper.drop_dead(letter_id))

    # --- the store's side ---

    def told(self) -> dict[str, object]:
        """The cursors as the log keeps them."""
        return {sink: [cursor.acked, cursor.islands] for sink, cursor in self._cursors.items()}

    def recall(self, told: Mapping[str, Any]) -> None:
        """As an earlier life left them; what this life has moved already stays."""
        for sink, (acked, islands) in told.items():
            recalled = Cursor(acked=acked, islands=tuple((first, last) for first, last in islands))
            self._cursors.setdefault(sink, recalled)

    def committed(self, last_seq: int) -> None:
        """Up to this seq all is in the log."""
        if last_seq > self._last_seq:
            self._last_seq = last_seq
            for event in self._waiting:
                event.set()

    def _move(self, sink: str, cursor: Cursor) -> None:
        self._cursors[sink] = cursor
        self.has_moved = True
        self._wake()


def missing(cursor: Cursor, last_seq: int) -> int:
    """How many records up to `last_seq` the cursor does not have."""
    return last_seq - cursor.acked - sum(last - first + 1 for first, last in cursor.islands)


def merged(cursor: Cursor, first_seq: int, last_seq: int) -> Cursor:
    """With one range more."""
    acked = cursor.acked
    islands: list[tuple[int, int]] = []
    for first, last in sorted([*cursor.islands, (first_seq, last_seq)]):
        if first <= acked + 1:
            acked = max(acked, last)
        elif islands and first <= islands[-1][1] + 1:
            islands[-1] = islands[-1][0], max(islands[-1][1], last)
        elif first <= last:
            islands.append((first, last))
    return Cursor(acked=acked, islands=tuple(islands))
