"""The tables, and how an older file becomes a newer one. Forward only.

The hot path writes none of them: it appends to the log (`agent/store/log.py`), from which `agent/store/compact.py`
fills `runs`, `blocks`, `chunks`, `journal` and the rollups in one transaction. People read `minutes`, `hours` and
`journal` with any SQL tool; the views `minute_means` and `hour_means` have names and dates.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from agent.core.errors import StoreError
from agent.store.faults import StoreRefused


def _first(conn: sqlite3.Connection) -> None:
    from sqlite_utils import Database  # A quarter of a second on this machine: not at each start.

    db = Database(conn, execute_plugins=False)
    db.table("points").create(
        {"id": int, "name": str, "unit": str, "kind": str}, pk="id", not_null={"name", "unit", "kind"}
    )
    db.table("points").create_index(["name"], unique=True)
    db.table("boots").create({"id": int, "started_unix_s": float, "clock_set": int}, pk="id")
    db.table("counters").create({"name": str, "value": int}, pk="name", not_null={"value"})
    db.table("parameters").create(
        {"equipment": str, "version": int, "fitted_unix_s": float, "fit": str, "json": str},
        pk=("equipment", "version"),
    )
    db.table("scans").create(
        {
            "id": int,  # In order of arrival, never reused: the newest row is never deleted.
            "boot": int,
            "device": str,
            "unix_s": float,
            "mono_s": float,
            "clock_set": int,
            "n": int,  # Samples in this row.
            "total": int,  # Samples ever stored, this row included.
            "point_ids": bytes,  # int32 little-endian [n], `points.id`.
            # float64: an energy counter in kWh outgrows float32's 24 bits. A BLOB: SQLite keeps NaN as NULL.
            "sample_values": bytes,
            "qualities": bytes,  # uint8 [n]; NULL when all are GOOD.
        },
        pk="id",
    )
    db.table("scans").create_index(["unix_s"])
    db.table("journal").create(
        {
            "id": int,
            "boot": int,
            "unix_s": float,
            "mono_s": float,
            "clock_set": int,
            "kind": str,
            "subject": str,
            "text": str,
            "data": str,
        },
        pk="id",
    )
    # AUTOINCREMENT: a seq that was acknowledged and deleted must never be given again, or the receiver drops the new
    # record as one that it already has. sqlite-utils cannot say it.
    db.execute("CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, ref INTEGER NOT NULL)")


SECOND = """
ALTER TABLE points ADD COLUMN class INTEGER NOT NULL DEFAULT 0;
ALTER TABLE boots ADD COLUMN os_boot TEXT NOT NULL DEFAULT '';
ALTER TABLE boots ADD COLUMN offset_s REAL NOT NULL DEFAULT 0;
ALTER TABLE journal ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
CREATE INDEX journal_by_seq ON journal (seq) WHERE seq > 0;
CREATE INDEX journal_by_subject ON journal (kind, subject);
CREATE TABLE state (name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE layouts (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    points TEXT NOT NULL,  -- JSON: [points.id, name, unit], ..: should the page with the points be lost.
    crc INTEGER NOT NULL,  -- CRC-32 of that.
    UNIQUE (device, points)
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,      -- One compaction. In the order of arrival; a seq lies in one run only.
    first_seq INTEGER NOT NULL,  -- Of what may leave; 0 and 0 when nothing may.
    last_seq INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    lived_s REAL NOT NULL,       -- Seconds that the agent has lived on this store at its end: no clock can move it.
    thinned INTEGER NOT NULL     -- Bit n: class n holds minute means here.
);
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    layout INTEGER NOT NULL,
    first_chunk INTEGER NOT NULL,  -- The chunk of the layout's first point; the others follow.
    n INTEGER NOT NULL,            -- Scans.
    clock_set INTEGER NOT NULL,    -- 0: times are those of the monotonic clock, and boots.offset_s is to be added.
    first_s REAL NOT NULL,
    last_s REAL NOT NULL,
    times BLOB NOT NULL,           -- float64 [n], agent/store/codec.py
    seqs BLOB NOT NULL             -- int64 [n]; 0 for what never leaves
);
CREATE INDEX blocks_by_time ON blocks (last_s, first_s, layout);
CREATE INDEX blocks_by_run ON blocks (run);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,
    n INTEGER NOT NULL,
    data BLOB NOT NULL,  -- float64 [n]
    quality BLOB,        -- int [n]; NULL when all are GOOD
    place BLOB,          -- int [n]: which of the block's scans; NULL for all
    times BLOB           -- Of a chunk that was thinned out: float64 [n], its own times
);
CREATE TABLE minutes (
    unix_s INTEGER NOT NULL, point INTEGER NOT NULL,
    mean REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (unix_s, point)
) WITHOUT ROWID;
CREATE TABLE hours (
    unix_s INTEGER NOT NULL, point INTEGER NOT NULL,
    mean REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (unix_s, point)
) WITHOUT ROWID;
CREATE VIEW minute_means AS SELECT datetime(m.unix_s, 'unixepoch') AS utc, p.name AS point, mean, low, high, n, unit
    FROM minutes m JOIN points p ON p.id = m.point;
CREATE VIEW hour_means AS SELECT datetime(h.unix_s, 'unixepoch') AS utc, p.name AS point, mean, low, high, n, unit
    FROM hours h JOIN points p ON p.id = h.point;
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY, sink TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    put_unix_s REAL NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL
);
"""


def _second(conn: sqlite3.Connection) -> None:
    """From a row a scan to columns a point; all that waited for upstream waits on, under the same seqs."""
    from agent.store.first_version import carry_over

    run_sql(conn, SECOND)
    carry_over(conn)
    for table in ("scans", "outbox", "counters"):
        conn.execute(f"DROP TABLE {table}")


def run_sql(conn: sqlite3.Connection, text: str) -> None:
    """Statement by statement: `executescript` would commit first."""
    statement = ""
    for line in text.splitlines():
        statement += line.partition("--")[0] + "\n"
        if sqlite3.complete_statement(statement):
            conn.execute(statement)
            statement = ""


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first, _second)
"""Number n takes a file from version n - 1 to n. Append only; never edit one that has shipped."""


def check_version(conn: sqlite3.Connection, path: Path) -> None:
    """For those who only read. Raises StoreError for a file of another version."""
    found = int(conn.execute("PRAGMA user_version").fetchone()[0])
    if found > len(MIGRATIONS):
        raise StoreError(_newer(path, found))
    if found == 0:
        raise StoreError(f"{path}: there is no store here yet")
    if found < len(MIGRATIONS):
        raise StoreError(
            f"{path} is of an earlier hushwatt (store version {found}, this one reads {len(MIGRATIONS)}): "
            "`hushwatt run` brings it up to date when it starts"
        )


def _newer(path: Path, found: int) -> str:
    return (
        f"{path} was written by a newer hushwatt (store version {found}, this one knows {len(MIGRATIONS)}): "
        "install that version again, or give this one another store path"
    )


def migrate(conn: sqlite3.Connection, path: Path, *, upto: int = len(MIGRATIONS)) -> None:
    """Bring the file up to a version, each step in a transaction of its own. Raises StoreRefused for a newer one."""
    found = int(conn.execute("PRAGMA user_version").fetchone()[0])
    if found > len(MIGRATIONS):
        raise StoreRefused(_newer(path, found))
    for number, step in enumerate(MIGRATIONS[found:upto], start=found + 1):
        conn.execute("BEGIN IMMEDIATE")
        try:
            step(conn)
            conn.execute(f"PRAGMA user_version = {number}")
            conn.execute("COMMIT")
        except BaseException:
            if conn.in_transaction:
                conn.execute("ROLLBACK")
            raise
