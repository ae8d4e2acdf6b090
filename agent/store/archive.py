"""Reading what was compacted: one point's columns over a span, or all that stands between two seqs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.store.codec import seed_of, unpack_floats, unpack_ints
from agent.store.columns import Series
from agent.store.records import ScanRecord

BLOCK_KEY = "run, boot, layout, first_chunk, n, clock_set"
"""What a block's own columns are seeded with."""
_BLOCKS = (
    f"SELECT {BLOCK_KEY}, times FROM blocks "
    "WHERE layout IN (SELECT value FROM json_each(?1)) AND (clock_set = 0 OR last_s >= ?2 AND first_s < ?3) ORDER BY id"
)
"""What was read before the clock was set may have got its date since: the log knows."""
_CHUNK = "SELECT data, quality, place, times FROM chunks WHERE id = ?"

Floats = npt.NDArray[np.float64]
_Picked = tuple[int, tuple[str, ...], Floats, npt.NDArray[np.uint8]]
"""Row, points, values, qualities of one scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One device's set of points, in their order."""

    device: str
    ids: tuple[int, ...]


class Archive:
    """On a reading connection, inside the caller's transaction. `damaged` counts columns that could not be read."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._layouts: dict[int, Layout] = {}
        self.damaged = 0

    def layouts(self) -> Mapping[int, Layout]:
        newest = max(self._layouts, default=0)
        for number, device, points, crc in self._conn.execute(
            "SELECT id, device, points, crc FROM layouts WHERE id > ?", (newest,)
        ):
            is_sound = crc32(points.encode()) == crc
            ids = tuple(point[0] for point in json.loads(points)) if is_sound else ()
            self._layouts[number] = Layout(device=device, ids=ids)
        return self._layouts

    def series(
        self, ids: Sequence[int], since_unix_s: float, until_unix_s: float, offsets: Mapping[int, float]
    ) -> Iterator[tuple[int, Series]]:
        """Pieces of each point's samples that overlap the span, in the order of arrival; a caller cuts them.

        `offsets`: life -> wall minus monotonic clock, for what was read before the clock was set.
        """
        wanted = set(ids)
        layouts = {number: one for number, one in self.layouts().items() if wanted.intersection(one.ids)}
        numbers = f"[{','.join(map(str, layouts))}]"
        rows = self._conn.execute(_BLOCKS, (numbers, since_unix_s, until_unix_s)).fetchall()
        for *key, packed in rows:
            _, boot, number, first_chunk, _, clock_set = key
            times = self._times(packed, seed_of(*key))
            if times is None:
                continue
            if not clock_set:
                times = np.round(times + offsets.get(boot, 0.0), 3)
            for at, point_id in enumerate(layouts[number].ids):
                if point_id in wanted:
                    found = self._chunk(first_chunk + at, times)
                    if found is not None:
                        yield point_id, found[1]

    def _times(self, packed: bytes, seed: int) -> Floats | None:
        try:
            return unpack_floats(packed, seed)
        except ValueError:
            self.damaged += 1
            return None

    def _seqs(self, packed: bytes, seed: int) -> npt.NDArray[np.int64] | None:
        try:
            return unpack_ints(packed, seed)
        except ValueError:
            self.damaged += 1
            return None

    def _chunk(self, chunk: int, times: Floats) -> tuple[npt.NDArray[np.int64] | None, Series] | None:
        """Places in the block (None for samples that were thinned out) and samples; None when there are none."""
        row = self._conn.execute(_CHUNK, (chunk,)).fetchone()
        if row is None:
            return None
        data, quality, place, own_times = row
        seed = seed_of(chunk)
        try:
            values = unpack_floats(data, seed)
            codes = np.zeros(len(values), np.uint8) if quality is None else unpack_ints(quality, seed).astype(np.uint8)
            if own_times is not None:
                return None if len(own_times) == 0 else (None, _series(unpack_floats(own_times, seed), values, codes))
            places = np.arange(len(times)) if place is None else unpack_ints(place, seed)
            return places, _series(times[places], values, codes)
        except (ValueError, IndexError):
            self.damaged += 1
            return None

    def scans(
        self, after_seq: int, until_seq: int, names: Mapping[int, str], offsets: Mapping[int, float]
    ) -> tuple[list[ScanRecord], int]:
        """The next run's scans behind `after_seq`, by seq, and where they end: `until_seq` when there is no more.

        A scan whose every sample was dropped is no more.
        """
        run = self._conn.execute(
            "SELECT id, last_seq FROM runs WHERE last_seq > ? AND first_seq <= ? ORDER BY id LIMIT 1",
            (after_seq, until_seq),
        ).fetchone()
        if run is None:
            return [], until_seq
        sql = (
            f"SELECT {BLOCK_KEY.replace('clock_set', 'b.clock_set')}, times, seqs, coalesce(o.offset_s, 0) "
            "FROM blocks b LEFT JOIN boots o ON o.id = boot WHERE run = ?"
        )
        found: list[ScanRecord] = []
        for *key, packed, packed_seqs, offset_s in self._conn.execute(sql, (run[0],)):
            _, boot, number, first_chunk, _, clock_set = key
            times, seqs = self._times(packed, seed_of(*key)), self._seqs(packed_seqs, seed_of(*key))
            if times is not None and seqs is not None:
                mono = times - offset_s
                if not clock_set:
                    mono, times = times, np.round(times + offsets.get(boot, 0.0), 3)
                layout = self.layouts()[number]
                clock = (times, mono, bool(clock_set))
                found += self._block_scans(layout, first_chunk, boot, clock, seqs, names)
        found.sort(key=lambda record: record.seq)
        return [record for record in found if after_seq < record.seq <= until_seq], min(run[1], until_seq)

    def _block_scans(
        self,
        layout: Layout,
        first_chunk: int,
        boot: int,
        clock: tuple[Floats, Floats, bool],
        seqs: npt.NDArray[np.int64],
        names: Mapping[int, str],
    ) -> Iterator[ScanRecord]:
        times, mono, is_set = clock
        columns = [
            (names[point_id], *found)
            for at, point_id in enumerate(layout.ids)
            if (found := self._chunk(first_chunk + at, times)) is not None and found[0] is not None
        ]
        full = [column for column in columns if column[1] is not None and len(column[1]) == len(times)]
        if len(full) == len(columns) and columns:
            points = tuple(column[0] for column in columns)
            values = np.column_stack([column[2].values for column in columns])
            quality = np.column_stack([column[2].quality for column in columns])
            picked: Iterator[_Picked] = ((row, points, values[row], quality[row]) for row in range(len(times)))
        else:
            picked = _sparse(columns, len(times))
        for row, points, some, codes in picked:
            if seqs[row]:
                at = Instant(unix_s=float(times[row]), mono_s=float(mono[row]), is_set=is_set)
                yield ScanRecord(
                    seq=int(seqs[row]),
                    boot=boot,
                    device=layout.device,
                    at=at,
                    points=points,
                    values=some,
                    quality=codes,
                )


def _series(unix_s: Floats, values: Floats, quality: npt.NDArray[np.uint8]) -> Series:
    return Series(unix_s=unix_s, values=values, quality=quality)


def _sparse(columns: Sequence[tuple[str, npt.NDArray[np.int64] | None, Series]], count: int) -> Iterator[_Picked]:
    """Scans that did not all hold the same points."""
    if not columns:
        return
    rows = np.concatenate([column[1] for column in columns if column[1] is not None])
    which = np.concatenate([np.full(len(column[2]), number) for number, column in enumerate(columns)])
    values = np.concatenate([column[2].values for column in columns])
    quality = np.concatenate([column[2].quality for column in columns])
    sort = np.argsort(rows, kind="stable")
    ends = np.searchsorted(rows[sort], np.arange(count + 1))
    seen: dict[bytes, tuple[str, ...]] = {}
    for row in range(count):
        taken = sort[ends[row] : ends[row + 1]]
        if len(taken):
            key = which[taken].tobytes()
            if key not in seen:
                seen[key] = tuple(columns[number][0] for number in which[taken])
            yield row, seen[key], values[taken], quality[taken]
