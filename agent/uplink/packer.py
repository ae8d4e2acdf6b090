"""From records to a parcel: the site's policy decides which points leave to this sink, and how finely.

Means of a minute or an hour leave with the record that ends them, so that the same stretch of the order always makes
the same parcel, whoever asks and however often. That is why a lane that begins in the middle looks back first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from agent.core.points import Quality
from agent.store.outbox import Outbox
from agent.store.records import EntryRecord, Record, ScanRecord, Slice
from agent.uplink.parcel import Block, Layout, Parcel

LOOK_BACK = 2
"""Spans that a lane looks back when it begins. The mean of a device that was silent for longer is then left out."""
READ_BACK_RECORDS = 2_000
MOST_BACK_RECORDS = 200_000
"""Bounds on what it reads for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one sink may have."""

    spans_s: Mapping[str, int]
    """Point -> 0 for raw samples, or how many seconds a mean spans. A point that is not in it never leaves."""
    units: Mapping[str, str]
    """Of every point of the site."""

    @property
    def has_entries(self) -> bool:
        """The journal tells of raw values: it leaves only where some raw samples do."""
        return any(span_s == 0 for span_s in self.spans_s.values())

    @property
    def longest_s(self) -> int:
        return max(self.spans_s.values(), default=0)

    def lets_entry(self, subject: str) -> bool:
        """None about a point that may not leave as it is."""
        return self.has_entries and (subject not in self.units or self.spans_s.get(subject) == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """Which columns of a device's poll leave, and in which layout."""

    layout: Layout
    columns: npt.NDArray[np.intp]


@dataclass(slots=True, kw_only=True)
class _Cell:
    """A mean in the making."""

    cell: int
    total: npt.NDArray[np.float64]
    count: npt.NDArray[np.int64]
    worst: npt.NDArray[np.uint8]

    def add(self, values: npt.NDArray[np.float64], quality: npt.NDArray[np.uint8]) -> None:
        is_usable = np.isfinite(values) & (quality < Quality.BAD)
        self.total[is_usable] += values[is_usable]
        self.count[is_usable] += 1
        self.worst[is_usable] = np.maximum(self.worst[is_usable], quality[is_usable])

    def mean(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
        is_there = self.count > 0
        values = np.divide(self.total, self.count, out=np.full(len(self.total), np.nan), where=is_there)
        return values, np.where(is_there, self.worst, np.uint8(Quality.BAD)).astype(np.uint8)


@dataclass(slots=True)
class _Rows:
    """A block in the making."""

    seq: list[int] = field(default_factory=list)
    boot: list[int] = field(default_factory=list)
    unix_s: list[float] = field(default_factory=list)
    values: list[npt.NDArray[np.float64]] = field(default_factory=list)
    quality: list[npt.NDArray[np.uint8]] = field(default_factory=list)

    def add(
        self, record: ScanRecord, unix_s: float, values: npt.NDArray[np.float64], quality: npt.NDArray[np.uint8]
    ) -> None:
        self.seq.append(record.seq)
        self.boot.append(record.boot)
        self.unix_s.append(unix_s)
        self.values.append(values)
        self.quality.append(quality)

    def block(self, cut: _Cut, *, is_whole: bool) -> Block:
        values, quality = np.stack(self.values), np.stack(self.quality)
        return Block(
            layout=cut.layout,
            seq=np.array(self.seq, np.int64),
            boot=np.array(self.boot, np.int64),
            unix_s=np.array(self.unix_s, np.float64),
            values=values if is_whole else values[:, cut.columns],
            quality=quality if is_whole else quality[:, cut.columns],
        )


class Packer:
    """One lane's: it remembers the means that are not yet complete. Packs stretches that follow one another."""

    def __init__(self, rules: Rules, outbox: Outbox) -> None:
        self._rules = rules
        self._outbox = outbox
        self._cuts: dict[tuple[str, tuple[str, ...]], tuple[_Cut, ...]] = {}
        self._cells: dict[Layout, _Cell] = {}
        self.position = 0
        """The last record that it has seen."""

    async def look_back(self, position: int) -> None:
        """Begin behind `position`. Raises StoreError."""
        self._cells.clear()
        self.position = position
        if not self._rules.longest_s:
            return
        seen: list[Record] = []
        until = position
        while until > 0 and len(seen) < MOST_BACK_RECORDS:
            piece = await self._outbox.read(0, READ_BACK_RECORDS, until_seq=until, newest=True)
            seen = [*piece.records, *seen]
            times = [record.at.unix_s for record in piece.records if isinstance(record, ScanRecord)]
            newest_s = max((r.at.unix_s for r in seen if isinstance(r, ScanRecord)), default=0.0)
            if not piece.records or (times and min(times) < newest_s - LOOK_BACK * self._rules.longest_s):
                break
            until = piece.records[0].seq - 1
        await asyncio.get_running_loop().run_in_executor(None, self._blocks, seen)

    async def pack(self, piece: Slice, *, is_live: bool) -> Parcel:
        """The stretch behind `position`."""
        entries = [record for record in piece.records if isinstance(record, EntryRecord)]
        blocks = await asyncio.get_running_loop().run_in_executor(None, self._blocks, piece.records)
        self.position = piece.last_seq
        return Parcel(
            chain=self._outbox.chain,
            first_seq=piece.first_seq,
            last_seq=piece.last_seq,
            blocks=tuple(blocks),
            entries=tuple(record for record in entries if self._rules.lets_entry(record.entry.subject)),
            is_live=is_live,
        )

    def _blocks(self, records: Sequence[Record]) -> list[Block]:
        rows: dict[Layout, tuple[_Cut, _Rows]] = {}
        for record in records:
            if isinstance(record, ScanRecord):
                for cut in self._cuts_of(record):
                    self._take(record, cut, rows)
        return [told.block(cut, is_whole=bool(cut.layout.span_s)) for cut, told in rows.values() if told.seq]

    def _take(self, record: ScanRecord, cut: _Cut, rows: dict[Layout, tuple[_Cut, _Rows]]) -> None:
        layout = cut.layout
        if layout not in rows:
            rows[layout] = cut, _Rows()
        if not layout.span_s:
            rows[layout][1].add(record, record.at.unix_s, record.values, record.quality)
            return
        number = int(record.at.unix_s // layout.span_s)
        cell = self._cells.get(layout)
        if cell is not None and cell.cell != number:
            rows[layout][1].add(record, float(cell.cell * layout.span_s), *cell.mean())
        if cell is None or cell.cell != number:
            n = len(cut.columns)
            empty = np.zeros(n), np.zeros(n, np.int64), np.zeros(n, np.uint8)
            cell = self._cells[layout] = _Cell(cell=number, total=empty[0], count=empty[1], worst=empty[2])
        cell.add(record.values[cut.columns], record.quality[cut.columns])

    def _cuts_of(self, record: ScanRecord) -> tuple[_Cut, ...]:
        key = (record.device, record.points)
        if key not in self._cuts:
            self._cuts[key] = tuple(self._cut(*key))
        return self._cuts[key]

    def _cut(self, device: str, points: tuple[str, ...]) -> list[_Cut]:
        cuts = []
        for span_s in sorted({*self._rules.spans_s.values()}):
            columns = [place for place, point in enumerate(points) if self._rules.spans_s.get(point) == span_s]
            if columns:
                names = tuple(points[place] for place in columns)
                units = tuple(self._rules.units[name] for name in names)
                layout = Layout(device=device, points=names, units=units, span_s=span_s)
                cuts.append(_Cut(layout=layout, columns=np.array(columns, np.intp)))
        return cuts
