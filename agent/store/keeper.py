"""The one connection that writes to the database: what is written seldom, and what the log is compacted into.

WAL, so that nobody who reads waits for us; synchronous=FULL, since a segment of the log is removed when its run is in
the database: that commit has to be on the card, and comes once in two hours or a million bytes.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from agent.core.clock import Instant
from agent.core.points import PointSpec, PointTable
from agent.store.archive import Archive, Layout
from agent.store.classes import class_of
from agent.store.compact import Compactor
from agent.store.counts import stored_state
from agent.store.faults import DamagedError, told_as_store_error
from agent.store.head import PAGE_BYTES, keep_head
from agent.store.hot import clock_offsets, last_state, read_on
from agent.store.jsonable import dump
from agent.store.log import segment_numbers, segment_path, sync_folder
from agent.store.schema import migrate
from agent.store.tracks import PointName, State, Told

CHECK_BYTES = 32 * 2**20
"""A file up to this size is checked page by page at start; it reads the whole file, so a larger one is only probed."""
WAL_BYTES = 2**20
"""From this size on the database's own log is folded into it, and cut back to this: a full disk has no room for a large
one (our assumption)."""
RUN_BYTES = 2**20
"""Segments are compacted together up to about this size: after many restarts they are small."""

_POINT = "INSERT INTO points (name, unit, kind, class) VALUES (?, ?, ?, ?)"


class Keeper:
    """Sync; every method may raise StoreError."""

    def __init__(self, path: Path, table: PointTable, *, least_seq: int = 0) -> None:
        """`least_seq`: no record may get this seq or a lower one (a database was lost)."""
        self.path = path
        self._least_seq = least_seq
        self.renamed: list[str] = []
        """Points whose unit changed since the last start: their old samples are kept under another name."""
        self.skipped = 0
        """Bytes of the log that were spoiled."""
        self.is_orphan = False
        """The database is new, but it has a log: somebody took the old one away, or emptied it."""
        self._points: dict[PointName, int] = {}
        with told_as_store_error(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                self._open(table)
            except BaseException:
                self.conn.close()
                raise

    def _open(self, table: PointTable) -> None:
        conn = self.conn
        conn.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # Has its say only before a file's first table.
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("PRAGMA synchronous = FULL")
        conn.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        conn.execute(f"PRAGMA wal_autocheckpoint = {WAL_BYTES // PAGE_BYTES}")
        _probe(conn, self.path)
        is_new = conn.execute("PRAGMA user_version").fetchone()[0] == 0
        self.is_orphan = is_new and bool(segment_numbers(self.path))
        migrate(conn, self.path)
        with self.transaction():
            for spec in table:
                self._keep_point(spec)
        keep_head(conn, self.path)

    def begin_life(self, at: Instant) -> State:
        """Count this life and tell where the counting goes on, from the log and the database, whichever is ahead."""
        log = self._read_log(segment_numbers(self.path))
        stored = stored_state(self.conn)
        told = last_state(log) or State()
        state = State(
            boot=max(stored.boot, told.boot) + 1,
            seq=max(stored.seq, told.seq, self._least_seq),
            samples=max(stored.samples, told.samples),
            entries=max(stored.entries, told.entries),
            dropped=max(stored.dropped, told.dropped),
            cursors=told.cursors or stored.cursors,
        )
        row = (state.boot, at.unix_s, int(at.is_set), at.unix_s - at.mono_s)
        with self.transaction() as conn:
            conn.execute(
                "INSERT OR IGNORE INTO boots (id, started_unix_s, clock_set, offset_s) VALUES (?, ?, ?, ?)", row
            )
        return state

    def chain(self) -> str:
        """The name of this file's order of records: a file that is begun anew counts from 1 again, under another."""
        with self.transaction() as conn:
            conn.execute("INSERT OR IGNORE INTO state VALUES ('chain', ?)", (dump(os.urandom(8).hex()),))
            row = conn.execute("SELECT json FROM state WHERE name = 'chain'").fetchone()
        return str(json.loads(row[0]))

    def _keep_point(self, spec: PointSpec) -> None:
        rank = int(class_of(spec))
        row = self.conn.execute("SELECT id, unit FROM points WHERE name = ?", (spec.id,)).fetchone()
        if row is not None and row[1] == spec.unit:
            self.conn.execute("UPDATE points SET class = ?1 WHERE id = ?2 AND class <> ?1", (rank, row[0]))
            return
        if row is not None:
            old = f"{spec.id} ({row[1]}, until boot {self._boots() + 1})"
            self.conn.execute("UPDATE points SET name = ? WHERE id = ?", (old, row[0]))
            self.renamed.append(old)
        self.conn.execute(_POINT, (spec.id, spec.unit, str(spec.kind), rank))

    def _boots(self) -> int:
        return int(self.conn.execute("SELECT coalesce(max(id), 0) FROM boots").fetchone()[0])

    def _resolve(self, point: PointName) -> int:
        """The file's id of a point that the log names; one that nobody configures any more is kept as well."""
        if point not in self._points:
            name, unit = point
            known = self.conn.execute(
                "SELECT id FROM points WHERE unit = ?2 AND (name = ?1 OR substr(name, 1, length(?1) + 2) = ?1 || ' (') "
                "ORDER BY id DESC LIMIT 1",
                (name, unit),
            ).fetchone()
            if known is None:
                taken = self.conn.execute("SELECT 1 FROM points WHERE name = ?", (name,)).fetchone()
                row = (f"{name} ({unit})" if taken else name, unit, "sensor", 0)
                known = (self.conn.execute(_POINT, row).lastrowid,)
            self._points[point] = int(known[0])
        return self._points[point]

    # --- compacting ---

    def compact(self, sealed: int) -> bool:
        """One run from the oldest segments up to number `sealed`; False when there were none."""
        numbers = [number for number in segment_numbers(self.path) if number <= sealed]
        done = self.compacted()
        self._remove([number for number in numbers if number <= done])  # A kill came between the commit and this.
        numbers = self._some([number for number in numbers if number > done])
        if not numbers:
            return False
        segments = self._read_log(numbers)
        self.skipped += sum(told.skipped for told in segments)
        with self.transaction() as conn:
            boots = {told.boot: told for told in segments}
            for boot, told in boots.items():
                self._keep_boot(boot, told)
            self._date(clock_offsets(segments))
            Compactor(conn, self._resolve).compact(segments, self._offsets())
            state = last_state(segments)
            if state is not None:
                self._put_state("state", {**asdict(state), "cursors": state.cursors})
            self._put_state("compacted", numbers[-1])
        self._points = {}
        self._remove(numbers)
        return True

    def compacted(self) -> int:
        row = self.conn.execute("SELECT json FROM state WHERE name = 'compacted'").fetchone()
        return int(row[0]) if row else 0

    def _some(self, numbers: Sequence[int]) -> list[int]:
        some: list[int] = []
        size = 0
        for number in numbers:
            size += segment_path(self.path, number).stat().st_size
            if some and size > RUN_BYTES:
                break
            some.append(number)
        return some

    def _read_log(self, numbers: Sequence[int]) -> list[Told]:
        log = [Told(number=number) for number in numbers]
        with told_as_store_error(self.path):
            for told in log:
                read_on(self.path, told)
                told.skipped += segment_path(self.path, told.number).stat().st_size - told.end
        return log

    def _remove(self, numbers: Sequence[int]) -> None:
        with told_as_store_error(self.path):
            for number in numbers:
                segment_path(self.path, number).unlink(missing_ok=True)
            if numbers:
                sync_folder(self.path)

    def _put_state(self, name: str, value: object) -> None:
        self.conn.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, dump(value)))

    def _keep_boot(self, boot: int, told: Told) -> None:
        row = (boot, told.offset_s, told.os_boot)
        self.conn.execute("INSERT OR IGNORE INTO boots (id, started_unix_s, clock_set) VALUES (?, 0, 0)", (boot,))
        self.conn.execute("UPDATE boots SET offset_s = ?2, os_boot = ?3 WHERE id = ?1 AND os_boot = ''", row)

    def _offsets(self) -> dict[str, float]:
        """The first that was known in each life of the system: what came before it is nearest to that."""
        return dict(
            self.conn.execute(
                "SELECT os_boot, offset_s FROM boots WHERE clock_set = 1 AND os_boot <> '' ORDER BY id DESC"
            )
        )

    def _date(self, offsets: Mapping[str, float]) -> None:
        """The clock is known: what this life of the system had written before gets its date."""
        for os_boot, offset_s in offsets.items():
            same = "SELECT id FROM boots WHERE os_boot = ?2"
            self.conn.execute(
                f"UPDATE journal SET unix_s = mono_s + ?1, clock_set = 1 WHERE clock_set = 0 AND boot IN ({same})",
                (offset_s, os_boot),
            )
            self.conn.execute(
                "UPDATE boots SET offset_s = ?1, clock_set = 1 WHERE os_boot = ?2 AND clock_set = 0",
                (offset_s, os_boot),
            )

    # --- what is written seldom ---

    def put_parameters(self, equipment: str, at: Instant, fit: Mapping[str, object], values: object) -> int:
        """A new version; older ones stay. Returns its number, counted from 1."""
        with self.transaction() as conn:
            (last,) = conn.execute(
                "SELECT coalesce(max(version), 0) FROM parameters WHERE equipment = ?", (equipment,)
            ).fetchone()
            row = (equipment, last + 1, at.unix_s, dump(fit), dump(values))
            conn.execute(
                "INSERT INTO parameters (equipment, version, fitted_unix_s, fit, json) VALUES (?, ?, ?, ?, ?)", row
            )
        return int(last) + 1

    def layouts(self) -> Mapping[int, Layout]:
        return Archive(self.conn).layouts()

    def put_dead(self, sink: str, first_seq: int, last_seq: int, at: Instant, reason: str, payload: bytes) -> int:
        row = (sink, first_seq, last_seq, at.unix_s, reason, payload)
        with self.transaction() as conn:
            return int(conn.execute("INSERT INTO dead_letters VALUES (NULL, ?, ?, ?, ?, ?, ?)", row).lastrowid or 0)

    def drop_dead(self, letter_id: int) -> None:
        with self.transaction() as conn:
            conn.execute("DELETE FROM dead_letters WHERE id = ?", (letter_id,))

    def close(self) -> None:
        """Fold the database's log into it and let go."""
        with told_as_store_error(self.path):
            self.conn.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises StoreError."""
        with told_as_store_error(self.path):
            self.conn.execute("BEGIN IMMEDIATE")
            try:
                yield self.conn
                self.conn.execute("COMMIT")
            except BaseException:
                if self.conn.in_transaction:  # A full disk may have rolled back already.
                    self.conn.execute("ROLLBACK")
                self._points = {}
                raise


def _probe(conn: sqlite3.Connection, path: Path) -> None:
    """Raises sqlite3.DatabaseError, or DamagedError, if the file is no sound database."""
    conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if path.stat().st_size <= CHECK_BYTES:
        found = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise DamagedError(f"{path}: {found}")
