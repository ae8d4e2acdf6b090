"""The hot log's one writer. It lives on the store's writing thread and is as plain as it can be.

A commit is one write of one frame, then a sync: neither a kill nor a power cut takes what was committed. The sync waits
for the card (5 ms here) and costs it a block, so it comes at most once in `sync_s` of real time, however fast steered
time runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from agent.core.clock import Instant, wall_s
from agent.core.journal import Entry
from agent.core.points import PointTable
from agent.core.scan import Scan
from agent.store.faults import told_as_store_error
from agent.store.log import Segment, segment_numbers, sync_folder
from agent.store.tracks import PointName, State, entry_bytes, layout_bytes, note_bytes, scan_bytes

SEGMENT_BYTES = 2**20
"""A segment is compacted when it is this large (some 500,000 samples: 5 MB of columns while it is packed) ..."""
SEGMENT_SAMPLES = 1_000_000
""".. or holds so many, as of values that hardly move: a reader keeps nine bytes of each in memory ..."""
SEGMENT_S = 14_400.0
""".. or this old: a column of 240 samples packs well, and a reader has not much to go through (our assumption)."""
LAYOUTS = 1000
"""Sets of points remembered in one segment; a device that reports by exception makes many."""


class Writer:
    """Sync; every method may raise StoreError, and then nothing of what it was given is kept."""

    def __init__(
        self, path: Path, table: PointTable, at: Instant, *, state: State, compacted: int, sync_s: float
    ) -> None:
        """`state`: where an earlier life left off; its `boot` is this one's. `compacted`: its numbers are taken."""
        self.path = path
        self.state = state
        self._table = table
        self._sync_s = sync_s
        self._synced_wall_s = -math.inf
        self._began_mono_s: float | None = None
        self._began_samples = state.samples
        self._offset_s = at.unix_s - at.mono_s
        self._known_offset_s = self._offset_s if at.is_set else None
        self._is_undated = not at.is_set
        """Something was written before the clock was set."""
        self._is_dated = False
        """The clock was set in this segment: what was compacted before it waits for its date."""
        self._last_mono_s: float | None = None
        """Of the last row that was committed."""
        self._os_boot = _os_boot()
        self._layouts: dict[tuple[str, bytes], tuple[int, bool]] = {}
        self._names: list[PointName] = [(spec.id, spec.unit) for spec in table]
        self._shares = np.array([spec.share for spec in table], np.bool_)
        self._segment: Segment | None = None
        self._number = max([compacted, *segment_numbers(path)])

    @property
    def sealed(self) -> int:
        """Every segment up to this number will not change any more."""
        return self._number - 1 if self._segment is not None else self._number

    def commit(self, rows: Sequence[Scan | Entry], notes: Mapping[str, object]) -> State:
        """Rows and notes in one frame, in order. Returns where the counting stands."""
        with told_as_store_error(self.path):
            segment = self._segment or self._begin()
            layouts = dict(self._layouts)
            body, state = self._body(rows, notes, layouts)
            segment.append(body)
            self._layouts, self.state = layouts, state
            self._last_mono_s = rows[-1].at.mono_s if rows else self._last_mono_s
            now_s = wall_s()
            if now_s - self._synced_wall_s >= self._sync_s:
                segment.sync()
                self._synced_wall_s = now_s
        return state

    def _body(
        self,
        rows: Sequence[Scan | Entry],
        notes: Mapping[str, object],
        layouts: dict[tuple[str, bytes], tuple[int, bool]],
    ) -> tuple[bytes, State]:
        parts: list[bytes] = []
        seq, samples, entries = self.state.seq, self.state.samples, self.state.entries
        for row in rows:
            if isinstance(row, Scan):
                layout, is_shared = self._layout(row, layouts, parts)
                seq += is_shared
                samples += len(row)
                parts.append(scan_bytes(row, layout, seq * is_shared))
            else:
                is_shared = self._leaves(row.subject)
                seq += is_shared
                entries += 1
                parts.append(entry_bytes(row, seq * is_shared))
        told = dict(notes)
        self._is_undated |= any(not row.at.is_set for row in rows)
        if self._is_undated and (known := next((row.at for row in reversed(rows) if row.at.is_set), None)):
            self._known_offset_s = told["known_offset_s"] = known.unix_s - known.mono_s
            self._is_undated, self._is_dated = False, True
        if told:
            parts.append(note_bytes(told))
        return b"".join(parts), replace(self.state, seq=seq, samples=samples, entries=entries, **_kept(notes))

    def _layout(
        self, scan: Scan, layouts: dict[tuple[str, bytes], tuple[int, bool]], parts: list[bytes]
    ) -> tuple[int, bool]:
        """The number of a scan's set of points in this segment, and whether any of them may leave."""
        key = (scan.device, scan.handles.tobytes())
        found = layouts.get(key)
        if found is None:
            found = layouts[key] = len(layouts), bool(self._shares[scan.handles].any())
            parts.append(layout_bytes(found[0], scan.device, [self._names[handle] for handle in scan.handles.tolist()]))
        return found

    def _leaves(self, subject: str) -> bool:
        """Default-deny: entries leave only when something is shared at all, and none about a point that is not."""
        spec = self._table.get(subject)
        return bool(self._shares.any()) if spec is None else spec.share

    def seal_if_due(self, at: Instant) -> int | None:
        """End a segment that is large or old enough. As `seal`, or None."""
        return self.seal() if self._is_due(at) else None

    def _is_due(self, at: Instant) -> bool:
        if self._segment is None:
            return False
        if self._began_mono_s is None:
            self._began_mono_s = at.mono_s
        is_old = at.mono_s - self._began_mono_s >= SEGMENT_S
        is_large = self._segment.size >= SEGMENT_BYTES or self.state.samples - self._began_samples >= SEGMENT_SAMPLES
        return is_old or is_large or self._is_dated or len(self._layouts) >= LAYOUTS

    def seal(self) -> int:
        """End the segment; the next commit begins a new one. Returns the highest number that will not change."""
        segment, self._segment = self._segment, None
        self._layouts = {}
        self._is_dated = False
        if segment is not None:
            with told_as_store_error(self.path):
                try:
                    segment.sync()
                finally:
                    segment.close()
        return self._number

    def sync(self) -> None:
        """All that was committed is on the card when this returns."""
        if self._segment is not None:
            with told_as_store_error(self.path):
                self._segment.sync()

    def begin(self) -> None:
        """Begin a segment now, so that this life is on the disk before its first row."""
        with told_as_store_error(self.path):
            if self._segment is None:
                self._begin()

    def _begin(self) -> Segment:
        segment = Segment(self.path, self._number + 1)
        state = self.state
        head = {
            "os_boot": self._os_boot,
            "offset_s": self._offset_s,
            "known_offset_s": self._known_offset_s,
            "from_mono_s": self._last_mono_s,
            "entries_before": state.entries,
            **{name: value for name, value in asdict(state).items() if name != "entries"},
        }
        try:
            segment.append(note_bytes(head))
            segment.sync()
            sync_folder(self.path)
        except OSError:
            segment.close()
            segment.path.unlink(missing_ok=True)
            raise
        self._number += 1
        self._segment = segment
        self._began_mono_s = None
        self._began_samples = state.samples
        return segment

    def close(self) -> None:
        self.seal()


def _kept(notes: Mapping[str, object]) -> dict[str, Any]:
    return {name: notes[name] for name in ("cursors", "dropped") if name in notes}


def _os_boot() -> str:
    """Lives of the agent within one life of the system share its monotonic clock."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return uuid4().hex
