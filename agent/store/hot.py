"""Reading the hot log: what was committed and not yet compacted, kept in memory as far as it was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.journal import Entry
from agent.store.columns import Series
from agent.store.log import frames, segment_numbers, segment_path
from agent.store.records import EntryRecord, Record, ScanRecord
from agent.store.tracks import State, Told, Track


class Vanished(Exception):  # noqa: N818  (not a fault: look again)
    """A segment was compacted meanwhile: the database has it now."""


class Hot:
    """Follows the log while somebody else writes it. For one thread. May raise OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told: dict[int, Told] = {}

    def look(self, after: int) -> list[Told]:
        """Every segment beyond number `after`, in order, as it is now. Raises Vanished."""
        numbers = [number for number in segment_numbers(self._path) if number > after]
        for number in list(self._told):
            if number <= after:
                del self._told[number]
            elif number not in numbers:
                self._told.clear()
                raise Vanished
        for number in numbers:
            told = self._told.setdefault(number, Told(number=number))
            try:
                read_on(self._path, told)
            except FileNotFoundError:
                self._told.clear()
                raise Vanished from None
        return [self._told[number] for number in numbers]


def read_on(path: Path, told: Told) -> None:
    """What the segment has now that was not there before."""
    with segment_path(path, told.number).open("rb") as file:
        file.seek(told.end)
        data = file.read()
    start = told.end
    for frame in frames(data):
        try:
            told.take(frame.body)
        except ValueError:
            told.skipped += len(frame.body)
        told.skipped += frame.skipped
        told.end = start + frame.end


def last_state(told: Sequence[Told]) -> State | None:
    """Where the log leaves off; None for no log. The highest of each count: a head may be spoiled."""
    states = [one.state() for one in told if one.end]  # A kill may leave a segment without even its head.
    if not states:
        return None
    last = states[-1]
    return State(
        boot=max(state.boot for state in states),
        seq=max(state.seq for state in states),
        samples=max(state.samples for state in states),
        entries=max(state.entries for state in states),
        dropped=max(state.dropped for state in states),
        cursors=next((state.cursors for state in reversed(states) if state.cursors), last.cursors),
    )


def clock_offsets(told: Sequence[Told]) -> dict[str, float]:
    """Life of the system -> wall clock minus monotonic clock, where the log knows it: to re-date what came before.

    The first that is known: a clock that jumps later moves nothing any more.
    """
    return {one.os_boot: one.known_offset_s for one in reversed(told) if one.known_offset_s is not None}


def hot_pieces(log: Sequence[Told], units: Mapping[str, str], pieces: dict[str, list[Series]]) -> None:
    """Add the log's samples of the points in `units` to their pieces."""
    offsets = clock_offsets(log)
    for told in log:
        for track in told.tracks.values():
            at = [place for place, (name, unit) in enumerate(track.points) if units.get(name) == unit]
            if at and len(track):
                unix_s = _dated(told, track, offsets)
                values, quality = track.values_of(at), track.quality_of(at)
                for column, place in enumerate(at):
                    pieces[track.points[place][0]].append(
                        Series(unix_s=unix_s, values=values[:, column], quality=quality[:, column])
                    )


def _dated(told: Told, track: Track, offsets: Mapping[str, float]) -> npt.NDArray[np.float64]:
    unix_s = np.array(track.unix_s)
    if told.os_boot in offsets:
        unix_s = np.where(track.is_set(), unix_s, np.round(np.array(track.mono_s) + offsets[told.os_boot], 3))
    return unix_s


def hot_entries(log: Sequence[Told]) -> list[EntryRecord]:
    """The log's journal, oldest first."""
    offsets = clock_offsets(log)
    return [_redated(record, offsets.get(told.os_boot)) for told in log for _, record in told.entries]


def _redated(record: EntryRecord, offset_s: float | None) -> EntryRecord:
    entry = record.entry
    if entry.at.is_set or offset_s is None:
        return record
    at = Instant(unix_s=entry.at.mono_s + offset_s, mono_s=entry.at.mono_s)
    dated = Entry(at=at, kind=entry.kind, subject=entry.subject, text=entry.text, data=entry.data)
    return EntryRecord(seq=record.seq, boot=record.boot, entry=dated)


def first_seqs(told: Told) -> Iterator[int]:
    """Among them the lowest seq of the segment, if it has any."""
    for track in told.tracks.values():
        yield from [seq for seq in track.seq if seq][:1]
    yield from [record.seq for _, record in told.entries if record.seq][:1]


def hot_records(log: Sequence[Told], after: int, until: int) -> list[Record]:
    """after < seq <= until, by seq."""
    offsets = clock_offsets(log)
    found: list[Record] = [record for record in hot_entries(log) if after < record.seq <= until]
    for told in log:
        for track in told.tracks.values():
            seqs = np.array(track.seq, np.int64)
            rows = np.flatnonzero((seqs > after) & (seqs <= until))
            if not len(rows):
                continue
            every = list(range(len(track.points)))
            names = tuple(name for name, _ in track.points)
            unix_s, is_set = _dated(told, track, offsets), track.is_set() | (told.os_boot in offsets)
            values, quality = track.values_of(every), track.quality_of(every)
            for row in rows.tolist():
                at = Instant(unix_s=float(unix_s[row]), mono_s=track.mono_s[row], is_set=bool(is_set[row]))
                found.append(
                    ScanRecord(
                        seq=track.seq[row],
                        boot=told.boot,
                        device=track.device,
                        at=at,
                        points=names,
                        values=values[row],
                        quality=quality[row],
                    )
                )
    return sorted(found, key=lambda record: record.seq)


def hot_spans(log: Sequence[Told], from_seq: int = 0) -> list[tuple[float, float]]:
    """When the first and last scans of each kind were taken that came at or after a seq; those with a date."""
    spans = []
    offsets = clock_offsets(log)
    for told in log:
        for track in told.tracks.values():
            taken = np.array(track.seq, np.int64) >= from_seq
            taken &= track.is_set() | (told.os_boot in offsets)
            if taken.any():
                unix_s = _dated(told, track, offsets)[taken]
                spans.append((float(unix_s.min()), float(unix_s.max())))
    return spans
