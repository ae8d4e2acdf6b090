"""What waits for upstream: one order of records, a cursor for each sink, and what a sink refused.

A record gets a seq when something in it may leave at all (`PointSpec.share`, or an entry of a site that shares). Nothing
is copied for a sink: the records stand in the store anyway, and a sink's cursor says which of them it has. A seq is on the
disk before `read` gives it away, so that it is never given to another record, not even after a power cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.store.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Which records a sink has."""

    acked: int
    """All up to and including this seq."""
    islands: tuple[tuple[int, int], ...] = ()
    """Ranges beyond it, first and last seq, disjoint and ascending: live data that overtook the backlog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A stretch of the order."""

    first_seq: int
    last_seq: int
    """What to acknowledge when all of it was kept. Below `first_seq` when there is nothing."""
    records: Sequence[Record]
    """Ascending. Fewer than the stretch has seqs where retention has dropped some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What a sink refused for good."""

    id: int
    sink: str
    first_seq: int
    last_seq: int
    put_unix_s: float
    reason: str
    payload: bytes
    """As it was sent: retention cannot take it away."""


class Outbox(Protocol):
    """`Store.outbox`. Every async method may raise StoreError."""

    @property
    def last_seq(self) -> int:
        """The highest seq committed."""

    def open(self, sink: str, *, after_seq: int = 0) -> Cursor:
        """The sink's cursor; a sink that is new begins behind `after_seq` (0: all that is kept)."""

    def forget(self, sink: str) -> None:
        """A sink that left the config: what only it waited for counts as acknowledged."""

    def sinks(self) -> tuple[str, ...]:
        """Every sink ever opened and not forgotten."""

    def cursor(self, sink: str) -> Cursor: ...

    def ack(self, sink: str, last_seq: int, *, first_seq: int = 1) -> Cursor:
        """The sink has kept (or set aside) this range; written with the next commit. Beyond `last_seq`: ValueError."""

    async def read(self, after_seq: int, limit: int, *, until_seq: int | None = None, newest: bool = False) -> Slice:
        """At most `limit` records with after_seq < seq <= until_seq, from the oldest, or the newest such `limit`."""

    async def wait(self, after_seq: int) -> None:
        """Return when a record beyond `after_seq` is committed. For any number of waiters."""

    async def put_dead(self, sink: str, first_seq: int, last_seq: int, reason: str, payload: bytes) -> int:
        """Set a refused batch aside, on the disk when this returns. Its id. The sink acknowledges the range after."""

    async def dead(self, sink: str | None = None) -> list[DeadLetter]:
        """Oldest first."""

    async def drop_dead(self, letter_id: int) -> None:
        """It was replayed, or a person gave it up."""
