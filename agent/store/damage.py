"""A damaged database: keep it for a person to look at, begin anew, and take over what can still be read."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from agent.core.clock import Instant
from agent.core.points import PointTable
from agent.store.counts import stored_state
from agent.store.faults import told_as_store_error
from agent.store.keeper import PAGE_BYTES, Keeper
from agent.store.schema import MIGRATIONS, migrate

log = logging.getLogger(__name__)

SEQ_A_SECOND = 100
"""More records than a gateway queues in a second, so unix seconds times this lies beyond any seq given so far."""
STEP = 256
"""Row ids asked for at a time; where a page between them is spoiled, one by one."""
PATIENCE = 64
"""So many steps without a row are the end of a table whose last row nobody can find."""


def begin_anew(path: Path, table: PointTable, at: Instant, fault: Exception) -> tuple[Keeper, str]:
    """Salvage into a new file, set the damaged one aside. The new one, and a sentence for the journal.

    A kill in between leaves the damaged file in its place, and all begins again. Raises StoreError.
    """
    beside = path.with_name(f"{path.name}.salvaged")
    rows = 0
    with told_as_store_error(path):
        _remove(beside)
        try:
            rows = salvage(path, beside)
        except (sqlite3.Error, OSError) as lost:
            log.error("store: nothing of %s could be taken over: %s", path, lost)
            _remove(beside)
        least_seq = first_seq_after(path, at)
        aside = _set_aside(path, at)
        if rows:
            beside.rename(path)
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
        migrate(Database(target, execute_plugins=False), new, upto=version)
        tables = target.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        target.execute("BEGIN")
        for table, sql in tables:
            read = _by_key if "WITHOUT ROWID" in sql or table == "sqlite_sequence" else _by_row_id
            for row in read(source, table):
                marks = ", ".join("?" * len(row))
                with suppress(sqlite3.IntegrityError):  # A row that lost a page may have lost its columns.
                    rows += target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row).rowcount
        if version > 1:
            _name_points(target)
        target.execute("COMMIT")
    return rows


def _name_points(target: sqlite3.Connection) -> None:
    """Points whose own row is lost, as the layouts remember them."""
    for (points,) in target.execute("SELECT points FROM layouts").fetchall():
        rows = [(point_id, name, unit, "sensor") for point_id, name, unit in json.loads(points)]
        target.executemany("INSERT OR IGNORE INTO points (id, name, unit, kind) VALUES (?, ?, ?, ?)", rows)


def _by_row_id(source: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """Each step finds its own way down the tree, past what is spoiled."""
    sql = f"SELECT * FROM {table} WHERE rowid BETWEEN ? AND ?"
    last, empty, first = _last_row_id(source, table), 0, 1
    while first <= last if last is not None else empty < PATIENCE:
        rows = _some(source, sql, (first, first + STEP - 1))
        if rows is None:
            one_by_one = (_some(source, sql, (row_id, row_id)) for row_id in range(first, first + STEP))
            rows = [row for found in one_by_one if found for row in found]
        empty = 0 if rows else empty + 1
        yield from rows
        first += STEP


def _last_row_id(source: sqlite3.Connection, table: str) -> int | None:
    found = _some(source, f"SELECT coalesce(max(rowid), 0) FROM {table}", ())
    return int(found[0][0]) if found else None


def _by_key(source: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """From the front as far as it goes. (A rollup behind the damage is not in there any more; its samples are.)"""
    try:
        yield from source.execute(f"SELECT * FROM {table}")
    except sqlite3.DatabaseError:
        return


def _some(source: sqlite3.Connection, sql: str, args: tuple[int, ...]) -> list[tuple[Any, ...]] | None:
    try:
        return source.execute(sql, args).fetchall()
    except sqlite3.DatabaseError:
        return None


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
