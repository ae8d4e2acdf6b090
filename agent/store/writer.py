"""The one connection that writes. It lives on the store's worker thread and is as plain as it can be.

WAL with synchronous=NORMAL: a commit is a write to the log without waiting for the card. A killed agent loses nothing
that was committed; a power cut may take the last commits (those since Linux last wrote its pages back, or the last
checkpoint), but never leaves a broken file. FULL would wait for the card at each commit: once a second, for ever.
What has to outlive a power cut syncs the log itself: see `agent/store/reader.py`, `pending`.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sqlite_utils import Database

from agent.core.clock import Instant
from agent.core.journal import Entry
from agent.core.points import PointSpec, PointTable
from agent.core.scan import Scan
from agent.store.columns import pack, pack_ids
from agent.store.faults import DamagedError, StoreRefused, told_as_store_error
from agent.store.jsonable import dump
from agent.store.schema import migrate

CHECK_BYTES = 32 * 2**20
"""A file up to this size is checked page by page at start; it reads the whole file, so a larger one is only probed."""
WAL_BYTES = 8 * 2**20
"""The log is cut back to this after a long outage's worth of commits (our assumption)."""

PAGE_BYTES = 2048
"""Every commit writes whole pages: at one scan of 30 points a commit, 335 bytes a sample against 607 with SQLite's
usual 4096, and no more in large commits (found by trying, see `tests/bench/bench_store.py`; 1024 would write still less
but a scan of 80 points no longer fits in one page)."""
LAYOUTS = 1000
"""Sets of points remembered; a device that reports by exception makes many."""

_SCAN = "INSERT INTO scans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_JOURNAL = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OUTBOX = "INSERT INTO outbox (kind, ref) VALUES (?, ?)"
_COUNTER = "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


class Writer:
    """Sync; every method may raise StoreError. One per file, kept by a lock beside it."""

    def __init__(self, path: Path, table: PointTable, at: Instant, *, first_seq: int = 1) -> None:
        self.path = path
        self.renamed: list[str] = []
        """Points whose unit changed since the last start: their old samples are kept under another name."""
        self._table = table
        self._layouts: dict[bytes, tuple[bytes, bool]] = {}
        self._scan_id = self._entry_id = self._total = 0
        self._shares = np.array([spec.share for spec in table], np.bool_)
        with told_as_store_error(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(path)
            try:
                self._conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
                self._open(at, first_seq)
            except BaseException:
                self.close()
                raise

    def _open(self, at: Instant, first_seq: int) -> None:
        conn = self._conn
        conn.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # Has its say only before a file's first table.
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("PRAGMA synchronous = NORMAL")
        conn.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        _probe(conn, self.path)
        self._db = Database(conn, execute_plugins=False)
        migrate(self._db, self.path)
        with self._db.atomic():
            self._ids = np.array([self._point_id(spec) for spec in self._table], np.int32)
            started = {"started_unix_s": at.unix_s, "clock_set": int(at.is_set)}
            self._boot = int(self._db.table("boots").insert(started).last_pk)
            if first_seq > 1 and self.last_seq() == 0:
                conn.execute("INSERT INTO sqlite_sequence VALUES ('outbox', ?)", (first_seq - 1,))
                conn.execute(_COUNTER, ("acknowledged", first_seq - 1))
        newest = conn.execute("SELECT id, total FROM scans ORDER BY id DESC LIMIT 1").fetchone()
        self._scan_id, self._total = newest or (0, 0)
        (self._entry_id,) = conn.execute("SELECT coalesce(max(id), 0) FROM journal").fetchone()
        self._undated = not at.is_set

    def _point_id(self, spec: PointSpec) -> int:
        points = self._db.table("points")
        for row in points.rows_where("name = ?", [spec.id]):
            if row["unit"] == spec.unit:
                return int(row["id"])
            old = f"{spec.id} ({row['unit']}, until boot {self._boots() + 1})"
            points.update(row["id"], {"name": old})
            self.renamed.append(old)
        return int(points.insert({"name": spec.id, "unit": spec.unit, "kind": str(spec.kind)}).last_pk)

    def _boots(self) -> int:
        return int(self._conn.execute("SELECT coalesce(max(id), 0) FROM boots").fetchone()[0])

    def last_seq(self) -> int:
        """The highest seq ever given; 0 for none."""
        row = self._conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        return int(row[0]) if row else 0

    def counter(self, name: str) -> int:
        row = self._conn.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def commit(self, rows: Sequence[Scan | Entry], counters: Mapping[str, int]) -> int:
        """Rows, their outbox lines and counters in one transaction, in order. Returns the highest seq."""
        scan_id, entry_id, total = self._scan_id, self._entry_id, self._total
        scans: list[tuple[object, ...]] = []
        entries: list[tuple[object, ...]] = []
        outbox: list[tuple[str, int]] = []
        for row in rows:
            at = (row.at.unix_s, row.at.mono_s, int(row.at.is_set))
            if isinstance(row, Scan):
                scan_id, total = scan_id + 1, total + len(row)
                point_ids, is_shared = self._layout(row)
                scans.append((scan_id, self._boot, row.device, *at, len(row), total, point_ids, *pack(row)))
                if is_shared:
                    outbox.append(("scan", scan_id))
            else:
                entry_id += 1
                entries.append((entry_id, self._boot, *at, row.kind, row.subject, row.text, dump(row.data)))
                if self._leaves(row.subject):
                    outbox.append(("entry", entry_id))
        with self._transaction() as conn:
            conn.executemany(_SCAN, scans)
            conn.executemany(_JOURNAL, entries)
            conn.executemany(_OUTBOX, outbox)
            conn.executemany(_COUNTER, counters.items())
            self._date(rows)
        self._scan_id, self._entry_id, self._total = scan_id, entry_id, total
        return self.last_seq()

    def _layout(self, scan: Scan) -> tuple[bytes, bool]:
        """The packed points of a scan, and whether any may leave; remembered, since most polls ask for the same."""
        key = scan.handles.tobytes()
        if key not in self._layouts:
            if len(self._layouts) >= LAYOUTS:
                self._layouts.clear()
            self._layouts[key] = pack_ids(scan.handles, self._ids), bool(self._shares[scan.handles].any())
        return self._layouts[key]

    def _leaves(self, subject: str) -> bool:
        """Default-deny: entries leave only when something is shared at all, and none about a point that is not."""
        spec = self._table.get(subject)
        return bool(self._shares.any()) if spec is None else spec.share

    def _date(self, rows: Sequence[Scan | Entry]) -> None:
        """The clock was set meanwhile: what this boot wrote before is re-dated by the monotonic face."""
        if any(not row.at.is_set for row in rows):
            self._undated = True
        known = next((row.at for row in reversed(rows) if row.at.is_set), None)
        if not self._undated or known is None:
            return
        for table in ("scans", "journal"):
            self._conn.execute(
                f"UPDATE {table} SET unix_s = mono_s + ?, clock_set = 1 WHERE boot = ? AND clock_set = 0",
                (known.unix_s - known.mono_s, self._boot),
            )
        self._undated = False

    def acknowledge(self, seq: int) -> int:
        """Delete the outbox up to `seq`, never beyond what exists. Returns the seq now acknowledged."""
        with self._transaction() as conn:
            acknowledged = max(self.counter("acknowledged"), min(seq, self.last_seq()))
            conn.execute("DELETE FROM outbox WHERE seq <= ?", (acknowledged,))
            conn.execute(_COUNTER, ("acknowledged", acknowledged))
        return acknowledged

    def set_counter(self, name: str, value: int) -> None:
        with self._transaction() as conn:
            conn.execute(_COUNTER, (name, value))

    def put_parameters(self, equipment: str, at: Instant, fit: Mapping[str, object], values: object) -> int:
        """A new version; older ones stay. Returns its number, counted from 1."""
        with told_as_store_error(self.path), self._db.atomic():
            parameters = self._db.table("parameters")
            version = 1 + int(parameters.count_where("equipment = ?", [equipment]))
            parameters.insert(
                {
                    "equipment": equipment,
                    "version": version,
                    "fitted_unix_s": at.unix_s,
                    "fit": dump(fit),
                    "json": dump(values),
                }
            )
        return version

    def trim(self, before_unix_s: float, most: int) -> int:
        """Delete at most `most` rows of each table that are older and not waiting in the outbox. Returns how many."""
        gone = 0
        with self._transaction() as conn:
            for table, kind in (("scans", "scan"), ("journal", "entry")):
                # The newest row stays, so that ids and totals go on from it.
                gone += conn.execute(
                    f"DELETE FROM {table} WHERE unix_s < ?1 AND id IN (SELECT id FROM {table} ORDER BY id LIMIT ?2) "
                    "AND id < coalesce((SELECT ref FROM outbox WHERE kind = ?3 ORDER BY seq LIMIT 1), 1 << 62) "
                    f"AND id < (SELECT max(id) FROM {table})",
                    (before_unix_s, most, kind),
                ).rowcount
        return gone

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        try:
            conn = getattr(self, "_conn", None)
            if conn is not None:
                with told_as_store_error(self.path):
                    conn.close()
        finally:
            os.close(self._lock)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with told_as_store_error(self.path):
            self._conn.execute("BEGIN IMMEDIATE")
            try:
                yield self._conn
                self._conn.execute("COMMIT")
            except BaseException:
                if self._conn.in_transaction:  # A full disk may have rolled back already.
                    self._conn.execute("ROLLBACK")
                raise


def _lock(path: Path) -> int:
    """Two agents on one file would take each other's rows for their own."""
    handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise StoreRefused(
            f"{path} is in use by another hushwatt: stop that one, or give this one its own path"
        ) from None
    return handle


def _probe(conn: sqlite3.Connection, path: Path) -> None:
    """Raises sqlite3.DatabaseError, or DamagedError, if the file is no sound database."""
    conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if path.stat().st_size <= CHECK_BYTES:
        found = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise DamagedError(f"{path}: {found}")
