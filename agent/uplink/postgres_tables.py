"""Parcels into PostgreSQL's tables, each record once: COPY beside, then insert what is not there yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import asyncpg

from agent.store.jsonable import dump
from agent.uplink.columns import layout_id
from agent.uplink.parcel import Block, Layout, Parcel
from agent.uplink.ranges import Range

_CHAIN = """
INSERT INTO hushwatt.chains (site, gateway, chain) VALUES ($1, $2, $3)
ON CONFLICT (site, gateway, chain) DO UPDATE SET chain = excluded.chain RETURNING id
"""
_KEPT = "UPDATE hushwatt.chains SET kept = kept + $2::int8multirange WHERE id = $1"
_RANGES = "SELECT lower(r), upper(r) - 1 FROM hushwatt.chains, unnest(kept) AS r WHERE id = $1 ORDER BY 1"
_LAYOUT = """
INSERT INTO hushwatt.layouts (code, device, span_s, points, units) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (code) DO UPDATE SET code = excluded.code RETURNING id
"""
_BESIDE = """
CREATE TEMP TABLE IF NOT EXISTS new_scans (LIKE hushwatt.scans) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS new_entries (LIKE hushwatt.entries) ON COMMIT DELETE ROWS;
"""
_TAKE = "INSERT INTO hushwatt.{0} SELECT * FROM new_{0} ON CONFLICT DO NOTHING"
_CREATE_LOCK = 4_870_291
"""Two that create the same tables at once would stumble over each other (PostgreSQL's IF NOT EXISTS is not atomic)."""
FAULTS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    ValueError,
    OverflowError,
)
"""All that a row or the way to the server can raise; the third when a server is killed in the middle of a question."""
REFUSALS = ("22", "23")
"""Classes of SQLSTATE (PostgreSQL, appendix A): data exception, integrity constraint violation."""
MOST_RANGES = 100
"""Told in one answer at most, those around the newest parcel."""


def is_refusal(fault: Exception) -> bool:
    """It is the row, not the way: it would be the same next time."""
    if isinstance(fault, asyncpg.PostgresError):
        return (fault.sqlstate or "").startswith(REFUSALS)
    return isinstance(fault, ValueError | OverflowError)


@dataclass(slots=True, kw_only=True)
class TableCounts:
    """Since this process began."""

    parcels: int = 0
    rows: int = 0
    samples: int = 0
    """Repeats included."""
    repeats: int = 0
    """Rows that were there already."""


class Tables:
    """On one connection; not for two transactions at a time."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._db = connection
        self._chains: dict[tuple[str, str, str], int] = {}
        self._layouts: dict[Layout, int] = {}
        self._is_ready = False
        self.counts = TableCounts()

    async def create(self) -> None:
        """The schema, where it is not there yet."""
        async with self._db.transaction():
            await self._db.execute("SELECT pg_advisory_xact_lock($1)", _CREATE_LOCK)
            is_there = await self._db.fetchval("SELECT to_regclass('hushwatt.samples') IS NOT NULL")
            if not is_there:
                sql = resources.files("agent.uplink").joinpath("schema.sql").read_text("utf-8")
                await self._db.execute(sql)

    async def layouts(self) -> dict[str, Layout]:
        """All that were ever explained, by their id upstream."""
        rows = await self._db.fetch("SELECT code, device, span_s, points, units FROM hushwatt.layouts")
        return {
            row["code"]: Layout(
                device=row["device"], span_s=row["span_s"], points=tuple(row["points"]), units=tuple(row["units"])
            )
            for row in rows
        }

    async def keep(self, parcels: Sequence[tuple[str, str, Parcel]]) -> None:
        """(site, gateway, parcel) each; all are committed when this returns, or none."""
        if not self._is_ready:
            await self._db.execute(_BESIDE)
            self._is_ready = True
        try:
            async with self._db.transaction():
                scans = [row for told in parcels for row in await self._scans(*told)]
                entries = [row for told in parcels for row in await self._entries(*told)]
                new = await self._copy("scans", scans) + await self._copy("entries", entries)
                for chain, ranges in (await self._stretches(parcels)).items():
                    await self._db.execute(_KEPT, chain, [asyncpg.Range(first, last + 1) for first, last in ranges])
        except BaseException:
            self._chains.clear()  # What was given an id in here has none any more.
            self._layouts.clear()
            raise
        self.counts.parcels += len(parcels)
        self.counts.rows += new
        self.counts.repeats += len(scans) + len(entries) - new
        self.counts.samples += sum(len(row[5]) for row in scans)

    async def kept(self, site: str, gateway: str, parcel: Parcel) -> list[Range]:
        """The ranges of this chain that are here, those around the parcel."""
        rows = await self._db.fetch(_RANGES, await self._chain(site, gateway, parcel.chain))
        ranges = [(int(first), int(last)) for first, last in rows]
        place = sum(last < parcel.first_seq for _, last in ranges)
        start = max(0, min(place - MOST_RANGES // 2, len(ranges) - MOST_RANGES))
        return ranges[start : start + MOST_RANGES]

    async def put_broken(self, subject: str, reason: str, payload: bytes) -> None:
        sql = "INSERT INTO hushwatt.broken (subject, reason, payload) VALUES ($1, $2, $3)"
        await self._db.execute(sql, subject, reason, payload)

    async def _copy(self, table: str, rows: Sequence[tuple[object, ...]]) -> int:
        """How many were new."""
        if not rows:
            return 0
        await self._db.copy_records_to_table(f"new_{table}", records=rows)
        done = await self._db.execute(_TAKE.format(table))
        return int(done.rpartition(" ")[2])

    async def _stretches(self, parcels: Sequence[tuple[str, str, Parcel]]) -> Mapping[int, list[Range]]:
        of: dict[int, list[Range]] = {}
        for site, gateway, parcel in parcels:
            chain = await self._chain(site, gateway, parcel.chain)
            of.setdefault(chain, []).append((parcel.first_seq, parcel.last_seq))
        return of

    async def _chain(self, *key: str) -> int:
        if key not in self._chains:
            self._chains[key] = await self._db.fetchval(_CHAIN, *key)  # type: ignore[index]
        return self._chains[key]  # type: ignore[index]

    async def _layout(self, layout: Layout) -> int:
        if layout not in self._layouts:
            told = (layout_id(layout), layout.device, layout.span_s, list(layout.points), list(layout.units))
            self._layouts[layout] = await self._db.fetchval(_LAYOUT, *told)
        return self._layouts[layout]

    async def _scans(self, site: str, gateway: str, parcel: Parcel) -> list[tuple[Any, ...]]:
        chain = await self._chain(site, gateway, parcel.chain)
        return [row for block in parcel.blocks for row in _scan_rows(chain, await self._layout(block.layout), block)]

    async def _entries(self, site: str, gateway: str, parcel: Parcel) -> list[tuple[Any, ...]]:
        chain = await self._chain(site, gateway, parcel.chain)
        return [
            (
                chain,
                record.seq,
                record.boot,
                datetime.fromtimestamp(record.entry.at.unix_s, UTC),
                *(_text(told) for told in (record.entry.kind, record.entry.subject, record.entry.text)),
                _text(dump(record.entry.data).replace("\\u0000", "")),
            )
            for record in parcel.entries
        ]


def _scan_rows(chain: int, layout: int, block: Block) -> list[tuple[Any, ...]]:
    qualities = block.quality.tolist() if block.quality.any() else None
    columns = zip(block.seq.tolist(), block.boot.tolist(), block.unix_s.tolist(), block.values.tolist(), strict=True)
    return [
        (
            chain,
            seq,
            layout,
            boot,
            datetime.fromtimestamp(unix_s, UTC),
            values,
            None if qualities is None or not any(qualities[place]) else qualities[place],
        )
        for place, (seq, boot, unix_s, values) in enumerate(columns)
    ]


def _text(told: str) -> str:
    return told.replace("\0", "")  # PostgreSQL's text cannot hold it.
