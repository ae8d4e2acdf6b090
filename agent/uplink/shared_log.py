"""What left the site, written down: how many samples of which point went to whom. `hushwatt shared` reads it."""

from __future__ import annotations

from collections import Counter

from agent.core.clock import Clock
from agent.core.journal import Entry
from agent.core.protocols import Journal
from agent.uplink.parcel import Layout, Parcel

WRITE_EVERY_S = 3600.0
"""What a killed agent has not written down yet is at most this old; the sink's cursor still says how far it was."""
KIND = "shared"


class SharedLog:
    """One sink's."""

    def __init__(self, sink: str, journal: Journal, clock: Clock) -> None:
        self._sink = sink
        self._journal = journal
        self._clock = clock
        self._rows: Counter[Layout] = Counter()
        self._entries = 0
        self._bytes = 0
        self._since_s: float | None = None

    def left(self, parcel: Parcel, sent: int) -> None:
        """The far end has kept it."""
        now_s = self._clock.read().mono_s
        if self._since_s is None:
            self._since_s = now_s
        for block in parcel.blocks:
            self._rows[block.layout] += len(block.seq)
        self._entries += len(parcel.entries)
        self._bytes += sent
        if now_s - self._since_s >= WRITE_EVERY_S:
            self.write()

    def write(self) -> None:
        """Into the journal, what has not been written yet."""
        if not self._rows and not self._entries:
            return
        points = Counter[str]()
        for layout, rows in self._rows.items():
            points.update(dict.fromkeys(layout.points, rows))
        what = f"{points.total()} samples of {len(points)} points and {self._entries} journal lines"
        data = {"sink": self._sink, "points": dict(points), "entries": self._entries, "bytes": self._bytes}
        text = f"{what} left to {self._sink}"
        self._journal.write(Entry(at=self._clock.read(), kind=KIND, subject=self._sink, text=text, data=data))
        self._rows.clear()
        self._entries = self._bytes = 0
        self._since_s = None
