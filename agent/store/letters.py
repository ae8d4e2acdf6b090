"""One thing that another process may change in the store: a dead letter that was delivered after all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from agent.store.faults import told_as_store_error

WAIT_S = 10.0
"""For the agent's own transaction to end."""


def drop_letter(path: Path, letter_id: int) -> None:
    """It is not needed any more. Raises StoreError."""
    with (
        told_as_store_error(path),
        closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=WAIT_S)) as conn,
        conn,
    ):
        conn.execute("DELETE FROM dead_letters WHERE id = ?", (letter_id,))
