"""A damaged database: keep it for a person to look at, begin anew, and take over what can still be read."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from zlib import crc32

from agent.core.clock import Instant
from agent.core.points import PointTable
from agent.store.counts import stored_state
from agent.store.faults import told_as_store_error
from agent.store.head import PAGE_BYTES, mend_head
from agent.store.keeper import Keeper
from agent.store.schema import MIGRATIONS, migrate

log = logging.getLogger(__name__)

SEQ_A_SECOND = 100
"""More records than a gateway queues in a second, so unix seconds times this lies beyond any seq given so far."""
LOWEST_ROW_ID, HIGHEST_ROW_ID = 1, 2**62
"""SQLite counts from 1; the sum of all leaps stays below 2**63."""


def begin_anew(path: Path, table: PointTable, at: Instant, fault: Exception) -> tuple[Keeper, str]:
    """Salvage into a new file, set the damaged one aside. The new one, and a sentence for the journal.

    A kill in between leaves the damaged file in its place, and all begins again. Raises StoreError.
    """
    beside, mended = path.with_name(f"{path.name}.salvaged"), path.with_name(f"{path.name}.mended")
    rows = 0
    with told_as_store_error(path):
        _remove(beside)
        source = path
        try:
            source = mended if mend_head(path, mended) else path
            rows = salvage(source, beside)
        except (sqlite3.Error, OSError) as lost:
            log.error("store: nothing of %s could be taken over: %s", path, lost)
            _remove(beside)
        least_seq = first_seq_after(source, at)
        _remove(mended)
        aside = _set_aside(path, at)
        if rows:
            beside.rename(path)
        _remove(beside)
    log.error("store: %s was damaged and was set aside as %s; %d rows were taken over", path, aside.name, rows)
    keeper = Keeper(path, table, least_seq=least_seq)
    told = f"{rows} rows were taken over" if rows else "nothing in it could be read"
    return keeper, f"the store was damaged ({fault}) and is kept as {aside.name}; a new one was begun: {told}"


def salvage(damaged: Path, new: Path) -> int:
    """Every row that can still be read, into a new file of the same version. How many. Raises sqlite3.Error."""
    rows = 0
    with closing(_open(damaged)) as source, closing(sqlite3.connect(new, isolation_level=None)) as target:
        version = source.execute("PRAGMA user_version").fetchone()[0]
        if not 0 < version <= len(MIGRATIONS):
            return 0
        target.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        migrate(target, new, upto=version)
        tables = target.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        target.execute("BEGIN")
        for table, sql in tables:
            has_row_id = "WITHOUT ROWID" not in sql and table != "sqlite_sequence"
            for row in _by_row_id(source, table) if has_row_id else _by_key(source, table, _keys(target, table)):
                marks = ", ".join("?" * len(row))
                with suppress(sqlite3.IntegrityError):  # A row that lost a page may have lost its columns.
                    rows += target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row).rowcount
        if version > 1:
            _name_points(target)
            # Without its count, the order may begin anew: under another name, so that upstream takes nothing for known.
            target.execute("DELETE FROM state WHERE NOT EXISTS (SELECT 1 FROM state WHERE name = 'state')")
        target.execute("COMMIT")
    return rows


def _name_points(target: sqlite3.Connection) -> None:
    """Points whose own row is lost, as the layouts remember them."""
    for points, crc in target.execute("SELECT points, crc FROM layouts").fetchall():
        if crc32(points.encode()) != crc:
            continue
        rows = [(point_id, name, unit, "sensor") for point_id, name, unit in json.loads(points)]
        target.executemany("INSERT OR IGNORE INTO points (id, name, unit, kind) VALUES (?, ?, ?, ?)", rows)


def _by_row_id(source: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """From the front and, where something is spoiled, from the back as well; leaps over what is spoiled in between.

    A row may come twice.
    """
    if (yield from _leaping(source, table, LOWEST_ROW_ID, 1)):
        yield from _leaping(source, table, HIGHEST_ROW_ID, -1)


def _leaping(source: sqlite3.Connection, table: str, at: int, step: int) -> Generator[tuple[Any, ...], None, bool]:
    """Rows from row id `at` upwards (step 1) or downwards (-1). Whether anything was in the way."""
    sign, order = (">=", "ASC") if step > 0 else ("<=", "DESC")
    sql = f"SELECT rowid, * FROM {table} WHERE rowid {sign} ? ORDER BY rowid {order}"
    leap, is_spoiled = step, False
    while LOWEST_ROW_ID <= at <= HIGHEST_ROW_ID:
        try:
            for row in source.execute(sql, (at,)):
                yield row[1:]
                at, leap = row[0] + step, step
            return is_spoiled
        except sqlite3.DatabaseError:
            is_spoiled = True
            at, leap = at + leap, 2 * leap
    return is_spoiled


def _keys(conn: sqlite3.Connection, table: str) -> Sequence[str]:
    """Columns of the primary key."""
    found = conn.execute("SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (table,))
    return [name for (name,) in found]


def _by_key(source: sqlite3.Connection, table: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """From the front as far as it goes, then from the back. A row may come twice."""
    backwards = ", ".join(f"{key} DESC" for key in keys)
    for order in ("", f" ORDER BY {backwards}" if keys else ""):
        try:
            yield from source.execute(f"SELECT * FROM {table}{order}")
        except sqlite3.DatabaseError:
            continue
        return


def first_seq_after(damaged: Path, at: Instant) -> int:
    """A seq that the file cannot have gone beyond: its own count where it can be read, else one from the date."""
    try:
        with closing(_open(damaged)) as conn:
            found = stored_state(conn).seq
        if found:
            return found
    except (sqlite3.Error, TypeError, ValueError):
        pass
    return int(at.unix_s) * SEQ_A_SECOND if at.is_set else 0


def _set_aside(path: Path, at: Instant) -> Path:
    """Rename the file and its log; returns the new name. The hot log stays: it is sound by itself."""
    name = f"{path}.damaged-{at.utc.strftime('%Y%m%dT%H%M%SZ')}"
    aside = next(one for number in range(1000) if not (one := Path(name + "-" * number)).exists())
    path.rename(aside)
    wal = Path(f"{path}-wal")
    if wal.exists():
        wal.rename(f"{aside}-wal")
    Path(f"{path}-shm").unlink(missing_ok=True)
    return aside


def _remove(path: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def _open(damaged: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)
    conn.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return conn
