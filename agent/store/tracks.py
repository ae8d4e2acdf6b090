"""What stands in a frame: scans, entries and notes of the log itself; and scans read back as columns, by device.

A segment explains itself: its head and its layouts name points with their units, so that it can be read without the
database beside it.
"""

from __future__ import annotations

import json
import struct
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.journal import Entry
from agent.core.points import Quality
from agent.core.scan import Scan
from agent.store.jsonable import dump
from agent.store.records import EntryRecord

_SCAN = struct.Struct("<BIqddB")  # _IS_SCAN, layout, seq, unix_s, mono_s, flags; then values and, where told, qualities
_ENTRY = struct.Struct("<BqddBI")  # _IS_ENTRY, seq, unix_s, mono_s, flags, bytes of JSON
_TOLD = struct.Struct("<BI")  # _IS_LAYOUT or _IS_NOTE, bytes of JSON
_IS_SCAN, _IS_ENTRY, _IS_LAYOUT, _IS_NOTE = 1, 2, 3, 4
_CLOCK_SET, _HAS_QUALITY = 1, 2

NOTES = frozenset(
    {
        *("boot", "os_boot", "offset_s", "known_offset_s", "from_mono_s"),
        *("seq", "samples", "entries_before", "cursors", "dropped"),
    }
)
"""What the log tells of itself: all of them at the head of a segment, later those that changed."""

PointName = tuple[str, str]
"""A point's id and unit: when the unit changes, it is another point."""


def to_ms(unix_s: float) -> float:
    """Times are kept to the millisecond: finer is the clock's noise, and noise cannot be packed."""
    return round(unix_s, 3)


def scan_bytes(scan: Scan, layout: int, seq: int) -> bytes:
    at, quality = scan.at, scan.quality
    if not at.is_set:
        quality = np.maximum(quality, np.uint8(Quality.UNCERTAIN))  # Nobody knows yet when this was.
    codes = quality.astype(np.uint8, copy=False).tobytes()
    has_quality = bool(codes.strip(b"\0"))
    flags = _CLOCK_SET * at.is_set | _HAS_QUALITY * has_quality
    head = _SCAN.pack(_IS_SCAN, layout, seq, to_ms(at.unix_s), at.mono_s, flags)
    return head + scan.values.astype("<f8", copy=False).tobytes() + (codes if has_quality else b"")


def entry_bytes(entry: Entry, seq: int) -> bytes:
    at = entry.at
    told = dump([entry.kind, entry.subject, entry.text, entry.data]).encode()
    return _ENTRY.pack(_IS_ENTRY, seq, to_ms(at.unix_s), at.mono_s, _CLOCK_SET * at.is_set, len(told)) + told


def layout_bytes(layout: int, device: str, points: Sequence[PointName]) -> bytes:
    told = json.dumps([layout, device, points], ensure_ascii=False).encode()
    return _TOLD.pack(_IS_LAYOUT, len(told)) + told


def note_bytes(note: Mapping[str, object]) -> bytes:
    told = dump(note).encode()
    return _TOLD.pack(_IS_NOTE, len(told)) + told


class Track:
    """The scans of one layout in one segment, in the order of their arrival, growing."""

    __slots__ = ("device", "flags", "mono_s", "order", "points", "quality", "seq", "unix_s", "values")

    def __init__(self, device: str, points: tuple[PointName, ...]) -> None:
        self.device = device
        self.points = points
        self.order, self.seq = array("q"), array("q")
        self.unix_s, self.mono_s = array("d"), array("d")
        self.flags, self.values, self.quality = bytearray(), bytearray(), bytearray()

    def __len__(self) -> int:
        return len(self.order)

    def is_set(self) -> npt.NDArray[np.bool_]:
        return (np.frombuffer(bytes(self.flags), np.uint8) & _CLOCK_SET).astype(np.bool_)

    def values_of(self, columns: Sequence[int]) -> npt.NDArray[np.float64]:
        """float64 [n, columns], a copy: the track may grow."""
        return np.frombuffer(bytes(self.values), "<f8").reshape(len(self), len(self.points))[:, list(columns)]

    def quality_of(self, columns: Sequence[int]) -> npt.NDArray[np.uint8]:
        return np.frombuffer(bytes(self.quality), np.uint8).reshape(len(self), len(self.points))[:, list(columns)]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where the counting goes on."""

    boot: int = 0
    seq: int = 0
    samples: int = 0
    entries: int = 0
    dropped: int = 0
    cursors: Mapping[str, Any] = field(default_factory=dict)
    """Sink -> [acked, [[first, last], ..]]."""


@dataclass(slots=True, kw_only=True)
class Told:
    """What a segment holds, as far as it was read."""

    number: int
    boot: int = 0
    os_boot: str = ""
    offset_s: float = 0.0
    """Wall clock minus monotonic clock when the segment began."""
    known_offset_s: float | None = None
    """The same, once the clock was set."""
    from_mono_s: float | None = None
    """Where this life's segment before it ended."""
    seq: int = 0
    samples: int = 0
    entries_before: int = 0
    cursors: dict[str, Any] = field(default_factory=dict)
    dropped: int = 0
    tracks: dict[int, Track] = field(default_factory=dict)
    entries: list[tuple[int, EntryRecord]] = field(default_factory=list)
    """With their place in the segment's order."""
    rows: int = 0
    end: int = 0
    """Bytes read."""
    skipped: int = 0
    """Bytes that were no frame."""

    def state(self) -> State:
        """At its end."""
        return State(
            boot=self.boot,
            seq=self.seq,
            samples=self.samples,
            entries=self.entries_before + len(self.entries),
            dropped=self.dropped,
            cursors=self.cursors,
        )

    def take(self, body: bytes) -> None:
        """One frame more. Raises ValueError for a body that was never written by us."""
        at = 0
        try:
            while at < len(body):
                at = self._take_one(body, at)
        except (struct.error, KeyError, UnicodeDecodeError) as fault:
            raise ValueError(f"a frame of another version: {fault!r}") from fault

    def _take_one(self, body: bytes, at: int) -> int:
        kind = body[at]
        if kind == _IS_SCAN:
            return self._take_scan(body, at)
        if kind == _IS_ENTRY:
            return self._take_entry(body, at)
        size: int = _TOLD.unpack_from(body, at)[1]
        at += _TOLD.size
        told = json.loads(body[at : at + size])
        if kind == _IS_LAYOUT:
            self.tracks[told[0]] = Track(told[1], tuple((name, unit) for name, unit in told[2]))
        elif kind == _IS_NOTE:
            for name, value in told.items():
                if name not in NOTES:
                    raise KeyError(name)
                setattr(self, name, value)
        else:
            raise KeyError(kind)
        return at + size

    def _take_scan(self, body: bytes, at: int) -> int:
        _, layout, seq, unix_s, mono_s, flags = _SCAN.unpack_from(body, at)
        track = self.tracks[layout]
        count = len(track.points)
        at += _SCAN.size
        track.order.append(self.rows)
        track.seq.append(seq)
        track.unix_s.append(unix_s)
        track.mono_s.append(mono_s)
        track.flags.append(flags)
        track.values += body[at : at + 8 * count]
        at += 8 * count
        if flags & _HAS_QUALITY:
            track.quality += body[at : at + count]
            at += count
        else:
            track.quality += bytes(count)
        self.rows += 1
        self.samples += count
        self.seq = max(self.seq, seq)
        return at

    def _take_entry(self, body: bytes, at: int) -> int:
        size: int
        _, seq, unix_s, mono_s, flags, size = _ENTRY.unpack_from(body, at)
        at += _ENTRY.size
        kind, subject, text, data = json.loads(body[at : at + size])
        instant = Instant(unix_s=unix_s, mono_s=mono_s, is_set=bool(flags & _CLOCK_SET))
        entry = Entry(at=instant, kind=kind, subject=subject, text=text, data=data)
        self.entries.append((self.rows, EntryRecord(seq=seq, boot=self.boot, entry=entry)))
        self.rows += 1
        self.seq = max(self.seq, seq)
        return at + size


def lived_s(lives: Sequence[Told]) -> float:
    """Between the first and the last row of one life, by the clock that never jumps."""
    edges = [edge for told in lives for track in told.tracks.values() if len(track) for edge in _edges(track)]
    edges += [record.entry.at.mono_s for told in lives for _, record in told.entries]
    edges += [told.from_mono_s for told in lives if told.from_mono_s is not None]
    return max(edges) - min(edges) if edges else 0.0


def _edges(track: Track) -> tuple[float, float]:
    return min(track.mono_s), max(track.mono_s)
