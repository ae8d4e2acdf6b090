"""What the store gives back of what it took: scans and journal entries with their seq and their boot."""

from __future__ import annotations

from dataclasses import dataclass

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
    """All that the poll asked for, whether or not it may leave. The same tuple (`is`) for the same layout in a slice."""
    values: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRecord:
    """One line of the journal."""

    seq: int
    boot: int
    entry: Entry


Record = ScanRecord | EntryRecord
