"""What one sink gets in one go: a stretch of the order, with what the site's policy lets through, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from agent.store.records import EntryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the columns of a block mean."""

    device: str
    points: tuple[str, ...]
    units: tuple[str, ...]
    span_s: int = 0
    """0: samples as they were read. Else each value is the mean of so many seconds from its instant on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Rows of one layout, in order; a row came from one record, and there is at most one a record and span."""

    layout: Layout
    seq: npt.NDArray[np.int64]
    """int64 [k]"""
    boot: npt.NDArray[np.int64]
    """int64 [k]"""
    unix_s: npt.NDArray[np.float64]
    """float64 [k]"""
    values: npt.NDArray[np.float64]
    """float64 [k, n]; NaN where the device gave none."""
    quality: npt.NDArray[np.uint8]
    """uint8 [k, n]"""

    def rows(self, first_seq: int, last_seq: int) -> Block:
        """Those of a range of records."""
        mask = (self.seq >= first_seq) & (self.seq <= last_seq)
        return replace(
            self,
            seq=self.seq[mask],
            boot=self.boot[mask],
            unix_s=self.unix_s[mask],
            values=self.values[mask],
            quality=self.quality[mask],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A stretch of the order for one sink. The same stretch always holds the same."""

    chain: str
    """Names the store that counts: a gateway whose store is lost counts from 1 again, in another chain."""
    first_seq: int
    last_seq: int
    blocks: tuple[Block, ...] = ()
    entries: tuple[EntryRecord, ...] = ()
    is_live: bool = False
    """False for the backlog: it was late when it was sent."""

    @property
    def samples(self) -> int:
        return sum(block.values.size for block in self.blocks)

    @property
    def is_empty(self) -> bool:
        return not self.blocks and not self.entries

    def halves(self) -> tuple[Parcel, Parcel] | None:
        """To find what a sink refuses; None for a single record."""
        seqs = sorted({*self._seqs()})
        if len(seqs) < 2:
            return None
        middle = seqs[len(seqs) // 2]
        return self._part(self.first_seq, middle - 1), self._part(middle, self.last_seq)

    def _seqs(self) -> Sequence[int]:
        return [seq for block in self.blocks for seq in block.seq.tolist()] + [entry.seq for entry in self.entries]

    def _part(self, first_seq: int, last_seq: int) -> Parcel:
        blocks = [block.rows(first_seq, last_seq) for block in self.blocks]
        return replace(
            self,
            first_seq=first_seq,
            last_seq=last_seq,
            blocks=tuple(block for block in blocks if len(block.seq)),
            entries=tuple(entry for entry in self.entries if first_seq <= entry.seq <= last_seq),
        )
