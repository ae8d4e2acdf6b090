"""What can go wrong with the file, in the words of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.core.errors import StoreError

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class DamagedError(StoreError):
    """The file is no longer a sound database: it is set aside and a new one begun."""


class StoreRefused(Exception):  # noqa: N818  (a refusal, not a fault of the world)
    """A person has to mend this: the file is from a newer version, or another agent holds it."""


@contextmanager
def told_as_store_error(path: Path) -> Iterator[None]:
    """SQLite's and the file system's errors leave here as StoreError, or DamagedError, with the path."""
    try:
        yield
    except sqlite3.DatabaseError as fault:
        code = getattr(fault, "sqlite_errorcode", 0) & 0xFF  # The low byte is the primary code.
        kind = DamagedError if code in _DAMAGED else StoreError
        raise kind(f"{path}: {fault}") from fault
    except OSError as fault:
        raise StoreError(f"{path}: {fault.strerror or fault}") from fault
