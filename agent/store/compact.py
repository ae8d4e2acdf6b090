"""From sealed segments of the log to columns a point, rollups and the journal: one run, in the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from agent.store.codec import pack_floats, pack_ints, seed_of
from agent.store.jsonable import dump
from agent.store.rollups import Rollups
from agent.store.tracks import PointName, Told, Track, lived_s

_BLOCK = "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CHUNK = "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, NULL)"
_JOURNAL = (
    "INSERT INTO journal (boot, unix_s, mono_s, clock_set, kind, subject, text, data, seq) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

Place = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One point's samples in one block."""

    point: PointName
    place: Place
    """int64 [k]: which of the block's scans."""
    values: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scans:
    """One device's scans of one life, in the order of arrival."""

    device: str
    is_set: bool
    """Else `times_s` are those of the monotonic clock."""
    times_s: npt.NDArray[np.float64]
    seqs: npt.NDArray[np.int64]
    columns: Callable[[], Iterator[Column]]
    """One after the other: never all of them at a time in memory."""
    points: tuple[PointName, ...]


class Compactor:
    """Writes runs. `resolve` gives the file's id of a point."""

    def __init__(self, conn: sqlite3.Connection, resolve: Callable[[PointName], int]) -> None:
        self._conn = conn
        self._resolve = resolve
        self._next = {
            table: 1 + int(conn.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0])
            for table in ("runs", "blocks", "chunks")
        }

    def compact(self, segments: Sequence[Told], offsets: Mapping[str, float]) -> None:
        """One run from segments in their order; `offsets` re-date what was read before the clock was set."""
        if not any(told.rows for told in segments):
            return
        run = self._take("runs")
        run_s = 0.0
        by_boot: dict[int, list[Told]] = defaultdict(list)
        for told in segments:
            by_boot[told.boot].append(told)
        for boot, lives in by_boot.items():
            run_s += lived_s(lives)
            offset_s = offsets.get(lives[0].os_boot)
            for scans in scans_of(lives, offset_s):
                self.put(run, boot, scans)
            self._put_entries(lives, offset_s)
        seqs = [seq for told in segments for seq in _seqs(told)]
        samples = sum(len(track) * len(track.points) for told in segments for track in told.tracks.values())
        self.put_run(run, min(seqs, default=0), max(seqs, default=0), samples, run_s)

    def put_run(self, run: int, first_seq: int, last_seq: int, samples: int, run_s: float) -> None:
        (before_s,) = self._conn.execute("SELECT coalesce(max(lived_s), 0) FROM runs").fetchone()
        row = (run, first_seq, last_seq, samples, before_s + run_s, 0)
        self._conn.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)", row)

    def put(self, run: int, boot: int, scans: Scans) -> None:
        """A block, its chunks, and what they add to the rollups."""
        ids = [self._resolve(point) for point in scans.points]
        count = len(scans.times_s)
        rollups = Rollups()
        first_chunk = self._next["chunks"]
        self._next["chunks"] += len(ids)
        for number, (point_id, column) in enumerate(zip(ids, scans.columns(), strict=True)):
            if len(column.values):
                chunk = first_chunk + number
                self._conn.execute(_CHUNK, (chunk, *_packed(column, count, seed_of(chunk))))
                if scans.is_set:
                    rollups.add(point_id, scans.times_s[column.place], column.values, column.quality)
        rollups.write(self._conn)
        layout = self._layout(scans.device, scans.points, ids)
        key = (run, boot, layout, first_chunk, count, int(scans.is_set))
        seed = seed_of(*key)
        span = (float(scans.times_s.min()), float(scans.times_s.max()))
        columns = (pack_floats(scans.times_s, seed), pack_ints(scans.seqs, seed))
        self._conn.execute(_BLOCK, (self._take("blocks"), *key, *span, *columns))

    def _put_entries(self, lives: Sequence[Told], offset_s: float | None) -> None:
        for told in lives:
            for _, record in told.entries:
                at, entry = record.entry.at, record.entry
                unix_s = at.unix_s if at.is_set or offset_s is None else at.mono_s + offset_s
                is_set = int(at.is_set or offset_s is not None)
                told_ = (entry.kind, entry.subject, entry.text, dump(entry.data), record.seq)
                self._conn.execute(_JOURNAL, (told.boot, unix_s, at.mono_s, is_set, *told_))

    def _layout(self, device: str, points: Sequence[PointName], ids: Sequence[int]) -> int:
        told = dump([(point_id, *point) for point_id, point in zip(ids, points, strict=True)])
        found = self._conn.execute("SELECT id FROM layouts WHERE device = ? AND points = ?", (device, told))
        row = found.fetchone()
        if row is None:
            new = (device, told, crc32(told.encode()))
            row = (self._conn.execute("INSERT INTO layouts VALUES (NULL, ?, ?, ?)", new).lastrowid,)
        return int(row[0])

    def _take(self, table: str) -> int:
        self._next[table] += 1
        return self._next[table] - 1


def _packed(column: Column, count: int, seed: int) -> tuple[int, bytes, bytes | None, bytes | None]:
    quality = pack_ints(column.quality.astype(np.int64), seed) if column.quality.any() else None
    place = None if np.array_equal(column.place, np.arange(count)) else pack_ints(column.place, seed)
    return len(column.values), pack_floats(column.values, seed), quality, place


def scans_of(lives: Sequence[Told], offset_s: float | None) -> Iterator[Scans]:
    """The scans of one life by device; what was read before the clock was set is apart, unless it can be dated."""
    by_device: dict[str, list[tuple[int, Track]]] = defaultdict(list)
    for number, told in enumerate(lives):
        for track in told.tracks.values():
            if len(track):
                by_device[track.device].append((number, track))
    for device, tracks in by_device.items():
        order = np.concatenate([np.array(track.order, np.int64) + (number << 40) for number, track in tracks])
        is_set = np.concatenate([track.is_set() for _, track in tracks])
        unix_s = np.concatenate([np.array(track.unix_s) for _, track in tracks])
        mono_s = np.concatenate([np.array(track.mono_s) for _, track in tracks])
        seqs = np.concatenate([np.array(track.seq, np.int64) for _, track in tracks])
        if offset_s is not None:
            unix_s = np.where(is_set, unix_s, np.round(mono_s + offset_s, 3))
            is_set = np.ones(len(is_set), np.bool_)
        for wanted in (False, True):
            taken = is_set == wanted
            if taken.any():
                rank = np.full(len(order), -1, np.int64)
                sort = np.argsort(order[taken], kind="stable")
                chosen = np.flatnonzero(taken)[sort]
                rank[chosen] = np.arange(len(chosen))
                times_s = (unix_s if wanted else mono_s)[chosen]
                points = tuple(dict.fromkeys(point for _, track in tracks for point in track.points))
                columns = _columns_of([track for _, track in tracks], rank, points)
                yield Scans(
                    device=device, is_set=wanted, times_s=times_s, seqs=seqs[chosen], columns=columns, points=points
                )


def _columns_of(tracks: Sequence[Track], rank: Place, points: Sequence[PointName]) -> Callable[[], Iterator[Column]]:
    starts = np.cumsum([0, *(len(track) for track in tracks)])

    def columns() -> Iterator[Column]:
        for point in points:
            places, values, codes = [], [], []
            for start, track in zip(starts, tracks, strict=False):
                for at in [at for at, name in enumerate(track.points) if name == point]:
                    places.append(rank[start : start + len(track)])
                    values.append(track.values_of([at])[:, 0])
                    codes.append(track.quality_of([at])[:, 0])
            place = np.concatenate(places)
            sort = np.argsort(place, kind="stable")
            sort = sort[place[sort] >= 0]
            yield Column(
                point=point, place=place[sort], values=np.concatenate(values)[sort], quality=np.concatenate(codes)[sort]
            )

    return columns


def _seqs(told: Told) -> Iterator[int]:
    for track in told.tracks.values():
        some = np.array(track.seq, np.int64)
        some = some[some > 0]
        if len(some):
            yield int(some.min())
            yield int(some.max())
    for _, record in told.entries:
        if record.seq:
            yield record.seq
