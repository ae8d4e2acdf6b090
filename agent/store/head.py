"""A copy of the database's first page: without that page nobody finds the tables of a file that is sound otherwise."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

PAGE_BYTES = 4096
_CHANGES = ((24, 40), (92, 96))
"""Of the header (https://www.sqlite.org/fileformat.html, 1.3): counters, page count, list of free pages, version."""
_COOKIE = slice(40, 44)
"""Counts the changes of the tables."""


def keep_head(conn: sqlite3.Connection, path: Path) -> None:
    """Beside the database, whenever its tables have changed. May raise OSError, sqlite3.Error."""
    (cookie,) = conn.execute("PRAGMA schema_version").fetchone()
    kept = _kept(path)
    if kept is not None and kept[_COOKIE] == cookie.to_bytes(4, "big") and _lasting(_page(path)) == _lasting(kept):
        return
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    page = _page(path)
    beside = _name(path).with_suffix(".new")
    beside.write_bytes(page)
    beside.replace(_name(path))


def mend_head(path: Path, copy: Path) -> bool:
    """A copy of a file whose first page is spoiled, with the page that was kept. False when it is not spoiled."""
    kept = _kept(path)
    if kept is None or _lasting(_page(path)) == _lasting(kept):
        return False
    shutil.copyfile(path, copy)
    wal = Path(f"{path}-wal")
    if wal.exists():
        shutil.copyfile(wal, f"{copy}-wal")
    mended = bytearray(kept)
    mended[32:40] = bytes(8)  # Free pages are of no interest.
    mended[92:96] = b"\xff\xff\xff\xff"  # So that SQLite counts the pages itself.
    with copy.open("r+b") as file:
        file.write(mended)
    return True


def _name(path: Path) -> Path:
    return Path(f"{path}.page1")


def _page(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(PAGE_BYTES)


def _kept(path: Path) -> bytes | None:
    try:
        found = _name(path).read_bytes()
    except OSError:
        return None
    return found if len(found) == PAGE_BYTES else None


def _lasting(page: bytes) -> bytes:
    blanked = bytearray(page)
    for first, end in _CHANGES:
        blanked[first:end] = bytes(len(blanked[first:end]))
    return bytes(blanked)
