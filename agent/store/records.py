"""What the store gives back: scans and entries with their seq and boot, cursors, dead letters, parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.journal import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRecord:
    """One device's poll, as it was read."""

    seq: int
    """Place in the one order of all that may leave; 0 for what never leaves. Never given twice, never reordered."""
    boot: int
    """Counts the lives of the agent on this store, from 1."""
    device: str
    at: Instant
    """Re-dated where the clock was set after the poll; `is_set` is False where it never was."""
    points: tuple[str, ...]
    """All that was asked for, whether or not it may leave; the same tuple (`is`) for the same layout in a slice."""
    values: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRecord:
    """One line of the journal."""

    seq: int
    boot: int
    entry: Entry


Record = ScanRecord | EntryRecord


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
