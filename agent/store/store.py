"""The store's door for the agent: takes scans and entries at once, commits them in groups on its own thread."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from agent.core.batch import Batch
from agent.core.clock import Clock
from agent.core.errors import StoreError
from agent.core.journal import Entry
from agent.core.pauses import Pauses
from agent.core.points import PointTable
from agent.core.scan import Scan
from agent.store.columns import Grid, Series
from agent.store.reader import Counts, StoredParameters
from agent.store.workers import Workers
from agent.store.writer import Writer

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_UNSAVED = 20_000
"""Scans and entries kept in memory while the store cannot write: about 30 MB at 60 points a scan (our assumption)."""
ROWS_A_COMMIT = 2_000
"""After an outage the backlog is written in pieces of this size, so that no commit takes long."""
ROWS_A_TRIM = 2_000
TRIM_EVERY_S = 600.0


class Store:
    """`append` and `write` never block and never fail; everything else is async and may raise StoreError.

    One worker thread owns the writing connection, one the reading one. Time in a steered loop stands still meanwhile.
    """

    def __init__(
        self, path: Path, table: PointTable, clock: Clock, *, commit_s: float, keep_days: float | None, max_unsaved: int
    ) -> None:
        self.path = path
        self._table = table
        self._clock = clock
        self._commit_s = commit_s
        self._keep_days = keep_days
        self._max_unsaved = max_unsaved
        self._shared = frozenset(spec.id for spec in table if spec.share)
        self._workers = Workers(path, table, clock)
        self._unsaved: deque[Scan | Entry] = deque()
        self._flying: list[Scan | Entry] = []
        self._committing = asyncio.Lock()
        self._appended = asyncio.Event()
        self._queued = asyncio.Event()
        self._pauses = Pauses(first_s=max(1.0, commit_s), longest_s=300.0, seed=str(path))
        self._fault_since_s: float | None = None
        self._trimmed_mono_s = clock.read().mono_s
        self._dropped = 0
        self._has_begun = False
        self.last_seq = 0
        """The highest seq that is committed."""
        self.sent_seq = 0
        """The highest seq that was ever handed to a sink, this process's or an earlier one's."""
        self.acknowledged_seq = 0
        """Upstream has kept every record up to here."""

    @classmethod
    async def open(
        cls,
        path: str | Path,
        table: PointTable,
        clock: Clock,
        *,
        commit_s: float = 1.0,
        keep_days: float | None = None,
        max_unsaved: int = MAX_UNSAVED,
    ) -> Store:
        """Open or begin the file. A damaged one is set aside; a disk that fails is told and tried again later.

        Raises StoreRefused when a person has to mend it (a newer file, another agent on it).
        """
        store = cls(Path(path), table, clock, commit_s=commit_s, keep_days=keep_days, max_unsaved=max_unsaved)
        try:
            await store._begin()
        except StoreError as fault:
            store._tell(fault)
        except BaseException:
            await store._workers.close()
            raise
        return store

    async def _begin(self) -> None:
        self.last_seq = await self._write(lambda writer: writer.last_seq())
        self.acknowledged_seq = await self._write(lambda writer: writer.counter("acknowledged"))
        sent = await self._write(lambda writer: writer.counter("sent"))
        self.sent_seq = max(sent, self.acknowledged_seq)
        self._dropped += await self._write(lambda writer: writer.counter("dropped"))
        self._has_begun = True

    # --- the hot path: sync, in memory ---

    def append(self, scan: Scan) -> None:
        """Take a scan; it is on disk about `commit_s` later."""
        self._take(scan)

    def write(self, entry: Entry) -> None:
        """Take a journal entry (the Journal protocol)."""
        self._take(entry)

    def _take(self, row: Scan | Entry) -> None:
        self._unsaved.append(row)
        self._bound()
        self._appended.set()

    def _bound(self) -> None:
        while len(self._unsaved) > self._max_unsaved:
            self._unsaved.popleft()
            self._dropped += 1

    @property
    def unsaved(self) -> int:
        """Scans and entries that are in memory only."""
        return len(self._unsaved) + len(self._flying)

    @property
    def dropped(self) -> int:
        """Scans and entries lost since the file began, because the store could not write for too long."""
        return self._dropped

    # --- committing ---

    async def run(self) -> None:
        """Commit what comes, for ever; sleeps while nothing does. For the agent's task group."""
        while True:
            await self._appended.wait()
            await asyncio.sleep(self._commit_s)
            try:
                await self.flush()
                await self._trim()
            except StoreError as fault:
                self._tell(fault)
                await asyncio.sleep(self._pauses.next())

    async def flush(self) -> None:
        """When this returns, all that was appended before is committed. Raises StoreError when it cannot be."""
        promised = self.unsaved
        async with self._committing:
            while promised > 0 and self._unsaved:
                promised -= min(len(self._unsaved), ROWS_A_COMMIT)
                # Shielded: the thread commits whether or not the caller still waits, and must not do so twice.
                await asyncio.shield(asyncio.ensure_future(self._commit()))

    async def _commit(self) -> None:
        self._flying = [self._unsaved.popleft() for _ in range(min(len(self._unsaved), ROWS_A_COMMIT))]
        try:
            if not self._has_begun:  # The disk failed at start.
                await self._begin()
            dropped = self._dropped
            self.last_seq = await self._write(
                lambda writer: writer.commit(self._flying, {"dropped": dropped} if dropped else {})
            )
        except StoreError:
            self._unsaved.extendleft(reversed(self._flying))
            raise
        finally:
            self._flying = []
            self._bound()
        if not self._unsaved:
            self._appended.clear()
        self._queued.set()
        self._recover()

    async def _trim(self) -> None:
        now = self._clock.read()
        if self._keep_days is None or not now.is_set or now.mono_s - self._trimmed_mono_s < TRIM_EVERY_S:
            return
        before_unix_s = now.unix_s - self._keep_days * 86_400
        gone = await self._write(lambda writer: writer.trim(before_unix_s, ROWS_A_TRIM))
        if gone < ROWS_A_TRIM:  # Else go on at the next commit: more is waiting.
            self._trimmed_mono_s = now.mono_s

    # --- questions ---

    async def history(self, points: Sequence[str], since_unix_s: float, until_unix_s: float) -> dict[str, Series]:
        """Every point asked for, with its samples since <= time < until, oldest first."""
        await self._settle()
        return await self._workers.read(lambda reader: reader.history(points, since_unix_s, until_unix_s))

    async def grid(self, points: Sequence[str], since_unix_s: float, until_unix_s: float, grid_s: float) -> Grid:
        """Rows at since, since + grid_s, .. <= until; the last GOOD sample at or before each, within `fresh_s`."""
        await self._settle()
        specs = {name: self._table.get(name) for name in points}
        fresh_s = {name: spec.fresh_s if spec else 0.0 for name, spec in specs.items()}
        return await self._workers.read(lambda reader: reader.grid(points, since_unix_s, until_unix_s, grid_s, fresh_s))

    async def entries(self, *, kind: str | None = None, subject: str | None = None, limit: int = 100) -> list[Entry]:
        """The journal, newest first."""
        await self._settle()
        return await self._workers.read(lambda reader: reader.entries(kind=kind, subject=subject, limit=limit))

    async def first_unix_s(self) -> float | None:
        """When the oldest sample was taken; None for a new site."""
        return await self._workers.read(lambda reader: reader.first_unix_s())

    async def counts(self) -> Counts:
        """How much there is, in the file and in memory."""
        counts = await self._workers.read(lambda reader: reader.counts())
        return replace(counts, unsaved=self.unsaved, dropped=self._dropped, sent=self.sent_seq)

    async def put_parameters(self, equipment: str, values: object, fit: Mapping[str, object]) -> int:
        """Keep what was learned, with how well it fits; older versions stay. Returns the version, from 1."""
        at = self._clock.read()
        return await self._write(lambda writer: writer.put_parameters(equipment, at, fit, values))

    async def get_parameters(self, equipment: str) -> StoredParameters | None:
        """The newest version, or None."""
        return await self._workers.read(lambda reader: reader.parameters(equipment))

    async def _settle(self) -> None:
        """What was appended a moment ago belongs to the answer, unless the disk is known to fail."""
        if self._unsaved and self._fault_since_s is None:
            try:
                await self.flush()
            except StoreError as fault:
                self._tell(fault)

    # --- the outbox ---

    async def pending(self, after_seq: int, limit: int) -> Batch:
        """The next records for upstream, at most `limit`; none: an empty batch."""
        return await self._workers.read(
            lambda reader: reader.pending(after_seq, limit, self._shared, entries=bool(self._shared))
        )

    async def wait_pending(self, after_seq: int) -> None:
        """Return when a record beyond `after_seq` is committed. For one waiter."""
        while self.last_seq <= after_seq:
            self._queued.clear()
            await self._queued.wait()

    async def mark_sent(self, seq: int) -> None:
        """Remember, before a batch leaves, how far upstream may acknowledge. A failing disk does not stop it."""
        if seq > self.sent_seq:
            self.sent_seq = seq
            try:
                await self._write(lambda writer: writer.set_counter("sent", seq))
            except StoreError as fault:
                self._tell(fault)

    async def acknowledge(self, seq: int) -> None:
        """Upstream has kept every record up to `seq`: let go of them. Never beyond what exists."""
        self.acknowledged_seq = await self._write(lambda writer: writer.acknowledge(seq))

    # --- opening, closing, faults ---

    async def close(self) -> None:
        """Commit what can be committed, fold the log into the file, end the threads."""
        try:
            await self.flush()
        except StoreError as fault:
            log.error("store: closing with %d scans and entries unsaved: %s", self.unsaved, fault)
        try:
            await self._workers.close()
        except StoreError as fault:
            log.error("store: %s", fault)

    async def _write(self, work: Callable[[Writer], T]) -> T:
        try:
            return await self._workers.write(work)
        finally:
            while self._workers.notes:
                self._note(self._workers.notes.pop(0))

    def _note(self, text: str, **data: object) -> None:
        self.write(Entry(at=self._clock.read(), kind="store", subject="store", text=text, data=data))

    def _tell(self, fault: StoreError) -> None:
        """Once, when it starts; `_recover` tells the end."""
        if self._fault_since_s is None:
            self._fault_since_s = self._clock.read().mono_s
            log.error("store: cannot write, the agent goes on without it: %s", fault)
            self._note("the store cannot write", fault=str(fault))

    def _recover(self) -> None:
        if self._fault_since_s is not None:
            lasted_s = self._clock.read().mono_s - self._fault_since_s
            self._fault_since_s = None
            self._pauses.reset()
            log.warning("store: writes again after %.0f s; %d scans and entries were lost", lasted_s, self._dropped)
            self._note("the store writes again", lasted_s=lasted_s, dropped=self._dropped)
