"""The store's door for the agent: takes scans and entries at once, commits them in groups on its own thread."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from agent.core.clock import Clock, Instant
from agent.core.errors import StoreError
from agent.core.journal import Entry
from agent.core.pauses import Pauses
from agent.core.points import PointTable
from agent.core.scan import Scan
from agent.store.columns import Grid, Series
from agent.store.counts import Counts
from agent.store.outbox import Outbox
from agent.store.records import StoredParameters
from agent.store.retention import Bounds, retain, shed_text
from agent.store.workers import Workers

log = logging.getLogger(__name__)

MAX_UNSAVED = 20_000
"""Scans and entries kept in memory while the store cannot write: about 30 MB at 60 points a scan (our assumption)."""
ROWS_A_COMMIT = 2_000
"""After an outage the backlog is written in pieces of this size, so that no commit takes long."""
TIDY_EVERY_S = 600.0
"""Between looks at age and size (our assumption); after each compaction as well."""
JUMP_S = 2.0
"""A wall clock that moved by more than this against the monotonic one has jumped; less is NTP's slewing (our
assumption)."""


class Store:
    """`append` and `write` never block and never fail; everything else is async and may raise StoreError.

    Three worker threads own the files. Time in a steered loop stands still while they work.
    """

    def __init__(
        self, path: Path, table: PointTable, clock: Clock, *, commit_s: float, bounds: Bounds, max_unsaved: int
    ) -> None:
        self.path = path
        self.table = table
        self._clock = clock
        self._commit_s = commit_s
        self._bounds = bounds
        self._max_unsaved = max_unsaved
        self._workers = Workers(path, table, clock, sync_s=commit_s)
        self.outbox = Outbox(self._workers, clock, lambda: self._appended.set())
        """What waits for upstream."""
        self._unsaved: deque[Scan | Entry] = deque()
        self._flying: list[Scan | Entry] = []
        self._committing = asyncio.Lock()
        self._appended = asyncio.Event()
        self._sealed = asyncio.Event()
        self._sealed_number = 0
        self._pauses = Pauses(first_s=max(1.0, commit_s), longest_s=30.0, seed=str(path))
        self._fault_since_s: float | None = None
        self._looked: Instant | None = None
        self._dropped = 0
        self._told_dropped = 0
        self._has_begun = False
        self.is_whole = True
        """False when this life began with a store that could not be read, or not all of it."""

    @classmethod
    async def open(
        cls,
        path: str | Path,
        table: PointTable,
        clock: Clock,
        *,
        commit_s: float = 1.0,
        keep_days: float | None = None,
        max_mb: float | None = None,
        max_unsaved: int = MAX_UNSAVED,
    ) -> Store:
        """Open or begin the file. A damaged one is set aside; a disk that fails is told and tried again later.

        Raises StoreRefused when a person has to mend it (a newer file, another agent on it).
        """
        bounds = Bounds(keep_days=keep_days, max_mb=max_mb)
        store = cls(Path(path), table, clock, commit_s=commit_s, bounds=bounds, max_unsaved=max_unsaved)
        try:
            await store._begin()
            store.is_whole = store._workers.is_whole
        except StoreError as fault:
            store.is_whole = False
            store._tell(fault)
        except BaseException:
            await store._workers.close()
            raise
        return store

    async def _begin(self) -> None:
        try:
            state = await self._workers.begin()
        finally:
            self._take_notes()
        self.outbox.recall(state.cursors)
        self.outbox.chain = await self._workers.keep(lambda keeper: keeper.chain())
        self.outbox.committed(state.seq)
        self._dropped += state.dropped
        self._sealed_number = await self._workers.write(lambda writer: writer.sealed)
        self._sealed.set()
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

    def _watch_clock(self, at: Instant) -> None:
        """A wall clock that moved against the monotonic one is told; nothing that is kept is moved by it."""
        before, self._looked = self._looked, at
        if before is None:
            if not at.is_set:
                self._tell_clock(at, "the clock is not set: samples get their date when it is", 0.0)
            return
        jumped_s = (at.unix_s - at.mono_s) - (before.unix_s - before.mono_s)
        if abs(jumped_s) <= JUMP_S:
            return
        ends = {(False, True): ": it is set now", (True, False): ": it is not set any more"}
        text = f"the clock jumped by {jumped_s:+.1f} s{ends.get((before.is_set, at.is_set), '')}"
        self._tell_clock(at, text, jumped_s)

    def _tell_clock(self, at: Instant, text: str, jumped_s: float) -> None:
        log.warning("store: %s", text)
        self.write(Entry(at=at, kind="clock", subject="clock", text=text, data={"jumped_s": jumped_s}))

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
        """Commit what comes and compact what was committed, for ever; sleeps while there is nothing to do."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._commit_for_ever(), name="store commits")
            tasks.create_task(self._tidy_for_ever(), name="store tidies")

    async def _commit_for_ever(self) -> None:
        while True:
            await self._appended.wait()
            self._appended.clear()
            await asyncio.sleep(self._commit_s)
            try:
                await self.flush()
            except StoreError as fault:
                self._tell(fault)
                self._appended.set()
                await asyncio.sleep(self._pauses.next())

    async def flush(self) -> None:
        """When this returns, all that was appended before is committed. Raises StoreError when it cannot be."""
        promised = self.unsaved
        async with self._committing:
            while (promised > 0 and self._unsaved) or self.outbox.has_moved:
                promised -= min(len(self._unsaved), ROWS_A_COMMIT)
                # Shielded: the thread commits whether or not the caller still waits, and must not do so twice.
                await asyncio.shield(asyncio.ensure_future(self._commit()))

    async def _commit(self) -> None:
        self._flying = [self._unsaved.popleft() for _ in range(min(len(self._unsaved), ROWS_A_COMMIT))]
        try:
            if not self._has_begun:  # The disk failed at start.
                await self._begin()
            rows, notes, at = self._flying, self._notes(), self._clock.read()
            self._watch_clock(at)
            state, sealed = await self._workers.write(
                lambda writer: (writer.commit(rows, notes), writer.seal_if_due(at))
            )
        except StoreError:
            self._unsaved.extendleft(reversed(self._flying))
            self.outbox.has_moved = bool(self.outbox.sinks())
            raise
        finally:
            self._flying = []
            self._bound()
        self.outbox.committed(state.seq)
        if sealed is not None:
            self._sealed_number = sealed
            self._sealed.set()
        self._recover()

    def _notes(self) -> dict[str, object]:
        """What the log is to know beside the rows."""
        notes: dict[str, object] = {}
        if self.outbox.has_moved:
            notes["cursors"] = self.outbox.told()
            self.outbox.has_moved = False
        if self._dropped != self._told_dropped:
            notes["dropped"] = self._told_dropped = self._dropped
        return notes

    async def _tidy_for_ever(self) -> None:
        """Off the way of the commits: compact what is sealed, then look at age and size."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TIDY_EVERY_S):
                    await self._sealed.wait()
            self._sealed.clear()
            try:
                await self.tidy()
            except StoreError as fault:
                log.error("store: what was committed cannot be compacted, it waits in its log: %s", fault)
                await asyncio.sleep(TIDY_EVERY_S)

    async def tidy(self) -> None:
        """Compact all that is sealed, then let go of what is too old or too much. May raise StoreError."""
        sealed, bounds, acked = self._sealed_number, self._bounds, self.outbox.acked
        try:
            while await self._workers.keep(lambda keeper: keeper.compact(sealed)):
                pass
            shed = await self._workers.keep(lambda keeper: retain(keeper, bounds, acked))
            if shed:
                self._note(shed_text(shed), **shed)
        finally:
            self._take_notes()

    async def seal(self) -> None:
        """End the log's segment, so that `tidy` compacts all that is committed now."""
        await self.flush()
        self._sealed_number = await self._workers.write(lambda writer: writer.seal())

    # --- questions ---

    async def history(self, points: Sequence[str], since_unix_s: float, until_unix_s: float) -> dict[str, Series]:
        """Every point asked for, with its samples since <= time < until, oldest first."""
        await self._settle()
        return await self._workers.read(lambda reader: reader.history(points, since_unix_s, until_unix_s))

    async def grid(self, points: Sequence[str], since_unix_s: float, until_unix_s: float, grid_s: float) -> Grid:
        """Rows at since, since + grid_s, .. <= until; the last GOOD sample at or before each, within `fresh_s`."""
        await self._settle()
        specs = {name: self.table.get(name) for name in points}
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
        outbox = self.outbox
        return replace(
            counts, unsaved=self.unsaved, dropped=self._dropped, outbox=outbox.waiting, acknowledged=outbox.acked
        )

    async def put_parameters(self, equipment: str, values: object, fit: Mapping[str, object]) -> int:
        """Keep what was learned, with how well it fits; older versions stay. Returns the version, from 1."""
        at = self._clock.read()
        return await self._workers.keep(lambda keeper: keeper.put_parameters(equipment, at, fit, values))

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

    def _take_notes(self) -> None:
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
