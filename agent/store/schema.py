"""The tables, and how an older file becomes a newer one. Forward only.

The hot path writes `scans`, `journal` and `outbox` in one transaction; the rest is written seldom.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

from agent.store.faults import StoreRefused


def _first(db: Database) -> None:
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


MIGRATIONS: tuple[Callable[[Database], None], ...] = (_first,)
"""Number n takes a file from version n - 1 to n. Append only; never edit one that has shipped."""


def migrate(db: Database, path: Path) -> None:
    """Bring the file up to this version, each step in a transaction of its own. Raises StoreRefused for a newer one."""
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > len(MIGRATIONS):
        raise StoreRefused(
            f"{path} was written by a newer hushwatt (store version {found}, this one knows {len(MIGRATIONS)}): "
            "install that version again, or give this one another store path"
        )
    for number, step in enumerate(MIGRATIONS[found:], start=found + 1):
        with db.atomic():
            step(db)
            db.execute(f"PRAGMA user_version = {number}")
