"""Reading, on a connection of its own: for the agent's own questions, and for people while the agent runs."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from agent.core.batch import Batch
from agent.core.clock import Instant
from agent.core.errors import StoreError
from agent.core.journal import Entry
from agent.core.points import Quality
from agent.store.columns import Columns, Grid, Series, join, on_grid, unpack
from agent.store.faults import told_as_store_error

_CHUNK = 2000
_COLUMNS = "unix_s, point_ids, sample_values, qualities"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much there is."""

    samples: int
    """Ever stored, whether or not they have been deleted since."""
    entries: int
    """Journal entries ever stored."""
    outbox: int
    """Records that wait for upstream."""
    acknowledged: int
    """Upstream has kept every record up to this seq."""
    sent: int
    """The highest seq ever sent."""
    last_seq: int
    """The highest seq ever given."""
    dropped: int
    """Scans and entries lost because the store could not write for too long."""
    unsaved: int
    """Scans and entries in memory only."""
    bytes: int
    """Size of the file and its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredParameters:
    """What was learned of one equipment."""

    equipment: str
    version: int
    fitted_unix_s: float
    fit: Mapping[str, Any]
    """How well it fits, and on what."""
    values: Any
    """As put, through JSON."""


class Reader:
    """Sync and read-only; every method may raise StoreError. Never blocks the writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with told_as_store_error(path):
            self._conn = _connect(path)
        self._names: dict[int, tuple[str, str]] = {}
        self._points()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._conn.close()

    def _all(self, sql: str, *args: object) -> list[Any]:
        with told_as_store_error(self.path):
            return self._conn.execute(sql, args).fetchall()

    def _points(self) -> dict[int, tuple[str, str]]:
        """File's point id -> name, unit; read anew, since a running agent may add some."""
        self._names = {row[0]: (row[1], row[2]) for row in self._all("SELECT id, name, unit FROM points")}
        return self._names

    def names(self) -> tuple[str, ...]:
        """Every point that the file has known."""
        return tuple(name for name, _ in self._points().values())

    def _ids(self, points: Sequence[str]) -> dict[str, int]:
        known = {name: point_id for point_id, (name, _) in self._points().items()}
        return {name: known[name] for name in points if name in known}

    def _chunks(self, since_unix_s: float, until_unix_s: float, wanted: Sequence[int]) -> Iterator[Columns]:
        """since <= time < until, by time; only the wanted points' samples."""
        want = np.zeros(max(self._names, default=0) + 1, np.bool_)
        want[list(wanted)] = True
        sql = f"SELECT {_COLUMNS} FROM scans WHERE unix_s >= ? AND unix_s < ? ORDER BY unix_s, id"
        with told_as_store_error(self.path):
            cursor = self._conn.execute(sql, (since_unix_s, until_unix_s))
            while rows := cursor.fetchmany(_CHUNK):
                columns = unpack(rows)
                yield columns.take(want[columns.ids])

    def history(self, points: Sequence[str], since_unix_s: float, until_unix_s: float) -> dict[str, Series]:
        """Every point asked for, with its samples since <= time < until; empty for none."""
        ids = self._ids(points)
        columns = join(list(self._chunks(since_unix_s, until_unix_s, list(ids.values()))))
        return {name: columns.of(ids.get(name, -1)) for name in points}

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

    def entries(self, *, kind: str | None = None, subject: str | None = None, limit: int = 100) -> list[Entry]:
        """The journal, newest first."""
        rows = self._all(
            "SELECT unix_s, mono_s, clock_set, kind, subject, text, data FROM journal "
            "WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR subject = ?2) ORDER BY id DESC LIMIT ?3",
            kind,
            subject,
            limit,
        )
        return [
            Entry(
                at=Instant(unix_s=unix_s, mono_s=mono_s, is_set=bool(clock_set)),
                kind=kind_,
                subject=subject_,
                text=text,
                data=json.loads(data),
            )
            for unix_s, mono_s, clock_set, kind_, subject_, text, data in rows
        ]

    def parameters(self, equipment: str) -> StoredParameters | None:
        """The newest version."""
        rows = self._all(
            "SELECT version, fitted_unix_s, fit, json FROM parameters WHERE equipment = ? "
            "ORDER BY version DESC LIMIT 1",
            equipment,
        )
        for version, fitted_unix_s, fit, values in rows:
            return StoredParameters(
                equipment=equipment,
                version=version,
                fitted_unix_s=fitted_unix_s,
                fit=json.loads(fit),
                values=json.loads(values),
            )
        return None

    def first_unix_s(self) -> float | None:
        """When the oldest sample was taken; None for a new site."""
        ((unix_s,),) = self._all("SELECT min(unix_s) FROM scans WHERE clock_set = 1")
        return None if unix_s is None else float(unix_s)

    def counts(self) -> Counts:
        counters = dict(self._all("SELECT name, value FROM counters"))
        ((samples, entries, outbox, last_seq),) = self._all(
            "SELECT (SELECT total FROM scans ORDER BY id DESC LIMIT 1), (SELECT max(id) FROM journal), "
            "(SELECT count(*) FROM outbox), (SELECT seq FROM sqlite_sequence WHERE name = 'outbox')"
        )
        files = [self.path, Path(f"{self.path}-wal")]
        return Counts(
            samples=samples or 0,
            entries=entries or 0,
            outbox=outbox,
            acknowledged=counters.get("acknowledged", 0),
            sent=counters.get("sent", 0),
            last_seq=last_seq or 0,
            dropped=counters.get("dropped", 0),
            unsaved=0,
            bytes=sum(file.stat().st_size for file in files if file.exists()),
        )

    def samples_csv(
        self, points: Sequence[str] | None = None, since_unix_s: float = 0.0, until_unix_s: float = np.inf
    ) -> Iterator[str]:
        """Lines of CSV with their header, by time: UTC, point, value, unit, quality. Never the whole file in memory."""
        yield "utc,point,value,unit,quality\n"
        names = self._points()
        wanted = list(names) if points is None else list(self._ids(points).values())
        words = {int(quality): quality.name.lower() for quality in Quality}
        for columns in self._chunks(since_unix_s, until_unix_s, wanted):
            for unix_s, point_id, value, quality in zip(
                columns.unix_s.tolist(),
                columns.ids.tolist(),
                columns.values.tolist(),
                columns.quality.tolist(),
                strict=True,
            ):
                name, unit = names[point_id]
                shown = "" if value != value else f"{value:.10g}"
                utc = datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")
                yield f"{utc},{name},{shown},{unit},{words.get(quality, quality)}\n"

    def pending(self, after_seq: int, limit: int, shared: frozenset[str], entries: bool) -> Batch:
        """The next records for upstream, only `shared` points' columns; and on the card before anyone sees them.

        A power cut may take back commits (see `agent/store/writer.py`). If it took back a seq that upstream has kept
        already, the next record would get that same seq and be dropped there as a duplicate: so the log is synced.
        """
        rows = self._all(
            f"SELECT seq, o.kind, coalesce(s.unix_s, j.unix_s), device, {_COLUMNS.partition(', ')[2]}, "
            "j.kind, subject, text, data FROM (SELECT * FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?) o "
            "LEFT JOIN scans s ON o.kind = 'scan' AND s.id = ref "
            "LEFT JOIN journal j ON o.kind = 'entry' AND j.id = ref ORDER BY seq",
            after_seq,
            limit,
        )
        if not rows:
            return Batch(first_seq=after_seq + 1, last_seq=after_seq, records=())
        self._sync()
        names = self._points()
        private = {name for name, _ in names.values()} - shared
        records = [
            _scan_record(row, names, shared)
            if row[1] == "scan"
            else _entry_record(row, entries and row[8] not in private)
            for row in rows
        ]
        return Batch(first_seq=rows[0][0], last_seq=rows[-1][0], records=records)

    def _sync(self) -> None:
        # Of the -wal file no process holds POSIX locks (they are on the file itself and on -shm, SQLite's wal format,
        # section 2.3): opening and closing it here cannot drop one.
        try:
            handle = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # Folded into the file, which a checkpoint syncs.
        try:
            with told_as_store_error(self.path):
                os.fdatasync(handle)
        finally:
            os.close(handle)


def _scan_record(row: Sequence[Any], names: Mapping[int, tuple[str, str]], shared: frozenset[str]) -> dict[str, Any]:
    seq, _, unix_s, device, *blobs = row[:7]
    columns = unpack([(unix_s or 0.0, *(blobs if blobs[0] is not None else (b"", b"", b"")))])
    point_names = [names[point_id][0] for point_id in columns.ids.tolist()]
    keep = [place for place, name in enumerate(point_names) if name in shared]
    values = np.where(np.isfinite(columns.values), columns.values, np.nan)[keep].tolist()
    return {
        "seq": seq,
        "kind": "scan",
        "unix_s": unix_s,
        "device": device,
        "points": [point_names[place] for place in keep],
        "values": [None if value != value else value for value in values],
        "quality": columns.quality[keep].tolist(),
    }


def _entry_record(row: Sequence[Any], may_leave: bool) -> dict[str, Any]:
    # The owner may have closed the door since it was queued: then the seq goes alone, so that no gap is seen.
    kind, subject, text, data = row[7:11] if may_leave else ("", "", "", "{}")
    return {
        "seq": row[0],
        "kind": "entry",
        "unix_s": row[2],
        "subject": subject,
        "text": text,
        "entry": kind,
        "data": json.loads(data or "{}"),
    }


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
    return conn


def open_reader(path: str | Path) -> Reader:
    """For status, explain and export, while an agent runs or not. Raises StoreError when there is none."""
    return Reader(Path(path))
