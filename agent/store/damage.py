"""A damaged file: keep it for a person to look at, and begin anew without giving a seq twice."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from agent.core.clock import Instant
from agent.store.faults import told_as_store_error

log = logging.getLogger(__name__)

SEQ_A_SECOND = 100
"""More records than a gateway queues in a second, so unix seconds times this lies beyond any seq given so far."""


def set_aside(path: Path, at: Instant) -> Path:
    """Rename the file and its log; returns the new name. Raises StoreError."""
    aside = Path(f"{path}.damaged-{at.utc.strftime('%Y%m%dT%H%M%SZ')}")
    with told_as_store_error(path):
        path.rename(aside)
        wal = Path(f"{path}-wal")
        if wal.exists():
            wal.rename(f"{aside}-wal")
        Path(f"{path}-shm").unlink(missing_ok=True)
    log.error("store: %s is damaged and was set aside as %s", path, aside.name)
    return aside


def first_seq_after(path: Path, at: Instant) -> int:
    """A seq that the damaged file cannot have given: one from the date, or its own counter where that is higher."""
    by_date = int(at.unix_s) * SEQ_A_SECOND if at.is_set else 1
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as conn:
            row = conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
            return max(by_date, int(row[0]) + 1 if row else 1)
    except (sqlite3.Error, TypeError, ValueError):
        return by_date
