"""Reading, on a connection of its own: for the agent's own questions, and for people while the agent runs.

The hot log and the database are joined: a segment is looked at only as long as its run is not in the database.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from agent.core.clock import Instant
from agent.core.errors import StoreError
from agent.core.journal import Entry
from agent.store.archive import Archive
from agent.store.columns import Grid, Series, join, on_grid
from agent.store.counts import Counts, count
from agent.store.faults import told_as_store_error
from agent.store.hot import Hot, Vanished, clock_offsets, first_seqs, hot_entries, hot_pieces, hot_records, hot_spans
from agent.store.log import sync_segments
from agent.store.records import DeadLetter, EntryRecord, Record, ScanRecord, Slice, StoredParameters
from agent.store.rollups import HOUR_S, Rolled, good_means, merge
from agent.store.schema import check_version
from agent.store.tracks import Told

LOOKS = 20
"""A run may be written between our look at the database and the one at the log: look again, at most so often."""
_ENTRIES = (
    "SELECT unix_s, mono_s, clock_set, kind, subject, text, data, seq, boot FROM journal "
    "WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR subject = ?2) ORDER BY id DESC LIMIT ?3"
)
_QUEUED = (
    "SELECT unix_s, mono_s, clock_set, kind, subject, text, data, seq, boot FROM journal WHERE seq > ? AND seq <= ? "
    "ORDER BY seq"
)


class Reader:
    """Sync and read-only; every method may raise StoreError. Never blocks the writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with told_as_store_error(path):
            self._conn = _connect(path)
        self._hot = Hot(path)
        self._archive = Archive(self._conn)
        self._names: dict[int, tuple[str, str]] = {}
        self._run: tuple[int, int, list[ScanRecord]] = (0, -1, [])
        """The run that was read last, from seq to seq: whoever drains the outbox comes back for more of it."""

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._conn.close()

    @property
    def damaged(self) -> int:
        """Columns that could not be read since this reader was opened."""
        return self._archive.damaged

    @contextmanager
    def _look(self) -> Iterator[list[Told]]:
        """One moment of both the database and the log."""
        with told_as_store_error(self.path):
            for _ in range(LOOKS):
                self._conn.execute("BEGIN")
                try:
                    told = self._hot.look(self._compacted())
                    break
                except Vanished:
                    self._conn.execute("COMMIT")
                except BaseException:
                    self._conn.execute("ROLLBACK")
                    raise
            else:
                raise StoreError(f"{self.path}: its log changes faster than it can be read")
            try:
                yield told
            finally:
                self._conn.execute("COMMIT")

    def _compacted(self) -> int:
        row = self._conn.execute("SELECT json FROM state WHERE name = 'compacted'").fetchone()
        return int(row[0]) if row else 0

    def _points(self) -> dict[int, tuple[str, str]]:
        """File's point id -> name, unit; read anew, since a running agent may add some."""
        self._names = {row[0]: (row[1], row[2]) for row in self._conn.execute("SELECT id, name, unit FROM points")}
        return self._names

    def names(self) -> tuple[str, ...]:
        """Every point that the file has known."""
        return tuple(self.units())

    def units(self) -> dict[str, str]:
        """Every point that the file has known, and its unit."""
        with self._look():
            return dict(self._points().values())

    # --- samples ---

    def history(self, points: Sequence[str], since_unix_s: float, until_unix_s: float) -> dict[str, Series]:
        """Every point asked for, with its samples since <= time < until; empty for none."""
        with self._look() as log:
            ids = {name: point_id for point_id, (name, _) in self._points().items()}
            known = {ids[name]: name for name in points if name in ids}
            pieces: dict[str, list[Series]] = defaultdict(list)
            for point_id, piece in self._archive.series(list(known), since_unix_s, until_unix_s, self._offsets(log)):
                pieces[known[point_id]].append(piece)
            units = dict(self._names.values())
            hot_pieces(log, {name: units[name] for name in known.values()}, pieces)
            return {name: join(pieces[name], since_unix_s, until_unix_s) for name in points}

    def hours(self, points: Sequence[str], since_unix_s: float, until_unix_s: float) -> dict[str, Rolled]:
        """Means of the GOOD samples of the hours that begin in the span, also where samples were thinned or dropped.

        Points without any are not in the answer.
        """
        with self._look() as log:
            units, pieces = dict(self._points().values()), defaultdict[str, list[Series]](list)
            hot_pieces(log, {name: units[name] for name in points if name in units}, pieces)
            found = {}
            for name, parts in pieces.items():
                series = join(parts, np.ceil(since_unix_s / HOUR_S) * HOUR_S, np.ceil(until_unix_s / HOUR_S) * HOUR_S)
                rolled = good_means(series.unix_s, series.values, series.quality, HOUR_S)
                if rolled is not None:
                    found[name] = rolled
            sql = (
                "SELECT h.unix_s, mean, low, high, n FROM hours h JOIN points p ON p.id = point "
                "WHERE h.unix_s >= ? AND h.unix_s < ? AND name = ? ORDER BY h.unix_s"
            )
            for name in points:
                rows = np.array(self._conn.execute(sql, (since_unix_s, until_unix_s, name)).fetchall(), np.float64)
                if len(rows):
                    stored = (rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 4])
                    found[name] = merge(stored, found[name]) if name in found else stored
            return found

    def spans(self) -> list[tuple[float, float]]:
        """Stretches of time in which there are samples, in no order, overlapping."""
        with self._look() as log:
            dated = self._conn.execute("SELECT DISTINCT first_s, last_s FROM blocks WHERE clock_set = 1")
            undated = self._conn.execute("SELECT DISTINCT boot, first_s, last_s FROM blocks WHERE clock_set = 0")
            offsets = self._offsets(log)
            redated = [(first + offsets.get(boot, 0.0), last + offsets.get(boot, 0.0)) for boot, first, last in undated]
            return [*dated, *redated, *hot_spans(log)]

    def grid(
        self,
        points: Sequence[str],
        since_unix_s: float,
        until_unix_s: float,
        grid_s: float,
        fresh_s: Mapping[str, float] | float,
    ) -> Grid:
        """Rows at since, since + grid_s, .. <= until. Each holds the last GOOD sample at or before it, if fresh."""
        fresh = {name: fresh_s if isinstance(fresh_s, int | float) else fresh_s[name] for name in points}
        longest_s = max(fresh.values(), default=0.0)
        history = self.history(points, since_unix_s - longest_s, np.nextafter(until_unix_s, np.inf))
        return on_grid([(name, history[name], fresh[name]) for name in points], since_unix_s, until_unix_s, grid_s)

    def _offsets(self, log: Sequence[Told]) -> dict[int, float]:
        """Life -> wall minus monotonic clock, as far as anybody knows it."""
        known = clock_offsets(log)
        rows = self._conn.execute("SELECT id, offset_s, clock_set, os_boot FROM boots")
        return {boot: offset_s if is_set else known.get(os_boot, offset_s) for boot, offset_s, is_set, os_boot in rows}

    def first_unix_s(self) -> float | None:
        """When the oldest sample was taken; None for a new site."""
        with self._look() as log:
            (oldest,) = self._conn.execute("SELECT min(first_s) FROM blocks WHERE clock_set = 1").fetchone()
            return min([*(first for first, _ in hot_spans(log)), *([] if oldest is None else [oldest])], default=None)

    # --- the journal and what was learned ---

    def entries(self, *, kind: str | None = None, subject: str | None = None, limit: int = 100) -> list[Entry]:
        """The journal, newest first."""
        with self._look() as log:
            found = [
                record.entry
                for record in hot_entries(log)[::-1]
                if kind in (None, record.entry.kind) and subject in (None, record.entry.subject)
            ][:limit]
            if len(found) < limit:
                rows = self._conn.execute(_ENTRIES, (kind, subject, limit - len(found)))
                found += [_entry(row).entry for row in rows]
            return found

    def parameters(self, equipment: str) -> StoredParameters | None:
        """The newest version."""
        with self._look():
            row = self._conn.execute(
                "SELECT version, fitted_unix_s, fit, json FROM parameters WHERE equipment = ? ORDER BY version DESC",
                (equipment,),
            ).fetchone()
        if row is None:
            return None
        version, fitted_unix_s, fit, values = row
        return StoredParameters(
            equipment=equipment,
            version=version,
            fitted_unix_s=fitted_unix_s,
            fit=json.loads(fit),
            values=json.loads(values),
        )

    def counts(self) -> Counts:
        with self._look() as log:
            return count(self._conn, self.path, log)

    # --- the outbox ---

    def records(self, after_seq: int, limit: int, until_seq: int, newest: bool) -> Slice:
        """After which seq, at most how many, up to which seq; the oldest or the newest such. On the card meanwhile."""
        with self._look() as log:
            if newest:
                after_seq = max(after_seq, until_seq - limit)
            sync_segments(self.path, [told.number for told in log])
            found: list[Record] = []
            end = after_seq
            first_hot = min((seq for told in log for seq in first_seqs(told)), default=until_seq + 1)
            while len(found) < limit and end < until_seq and end < first_hot - 1:
                start, end = end, self._archived(end, min(until_seq, first_hot - 1), log, found)
                if end == start:
                    break
            if len(found) < limit and until_seq >= first_hot:
                found += hot_records(log, max(end, after_seq), until_seq)
                end = until_seq
        if len(found) > limit:
            found = found[:limit]
            end = found[-1].seq
        return Slice(first_seq=after_seq + 1, last_seq=end, records=found)

    def _archived(self, after: int, until: int, log: Sequence[Told], found: list[Record]) -> int:
        start, end, scans = self._run
        if not start <= after < end:
            names = {point_id: name for point_id, (name, _) in self._points().items()}
            scans, end = self._archive.scans(after, until, names, self._offsets(log))
            self._run = after, end, scans
        end = min(end, until)
        entries = [_entry(row) for row in self._conn.execute(_QUEUED, (after, end))]
        some: list[Record] = [*(record for record in scans if after < record.seq <= end), *entries]
        found += sorted(some, key=lambda record: record.seq)
        return end

    def dead(self, sink: str | None) -> list[DeadLetter]:
        """What sinks refused, oldest first."""
        names = ("id", "sink", "first_seq", "last_seq", "put_unix_s", "reason", "payload")
        with self._look():
            rows = self._conn.execute("SELECT * FROM dead_letters WHERE ?1 IS NULL OR sink = ?1 ORDER BY id", (sink,))
            return [DeadLetter(**dict(zip(names, row, strict=True))) for row in rows]


def _entry(row: Sequence[Any]) -> EntryRecord:
    unix_s, mono_s, clock_set, kind, subject, text, data, seq, boot = row
    at = Instant(unix_s=unix_s, mono_s=mono_s, is_set=bool(clock_set))
    entry = Entry(at=at, kind=kind, subject=subject, text=text, data=json.loads(data))
    return EntryRecord(seq=seq, boot=boot, entry=entry)


def _connect(path: Path) -> sqlite3.Connection:
    """Read-only; also where even the log's index cannot be made (a copied file in a read-only folder)."""
    if not path.exists():
        raise StoreError(f"{path}: there is no store here")
    uri = path.absolute().as_uri()
    conn = sqlite3.connect(f"{uri}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    try:
        conn.execute("SELECT count(*) FROM points").fetchone()
    except sqlite3.OperationalError:
        conn.close()
        if Path(f"{path}-wal").exists():
            raise
        conn = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None, check_same_thread=False)
    try:
        check_version(conn, path)
    except BaseException:
        conn.close()
        raise
    return conn


def open_reader(path: str | Path) -> Reader:
    """For status, explain and export, while an agent runs or not. Raises StoreError when there is none."""
    return Reader(Path(path))
