"""The far end of the uplink: keeps every record once, in its own SQLite file, and says what it has kept.

A gateway sends at least once and forgets only what we acknowledged, so we acknowledge after the commit, never before.
The chain of a gateway begins with the first record of it that we ever saw: what it sent before us is not missed. A
gateway goes back to its first unacknowledged record when we make no progress. When it comes back to the same place
behind a gap again and again, the gap will never be filled (its store was lost and counts on from further up), and we
go on there.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import logging
import sqlite3
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import aiomqtt

from agent.runtime.sockets import NO_DELAY

log = logging.getLogger(__name__)

VERSION = 1
CLIENT_ID = "hushwatt-receiver"
MOST_BYTES = 64 * 1024 * 1024
"""An unpacked batch that is larger counts as broken."""
PATIENCE = 3
"""A gap is believed when a batch behind it came so often without progress."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    site TEXT NOT NULL, gateway TEXT NOT NULL, seq INTEGER NOT NULL,
    kind TEXT NOT NULL, unix_s REAL, body TEXT NOT NULL,
    PRIMARY KEY (site, gateway, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chains (
    site TEXT NOT NULL, gateway TEXT NOT NULL, acked INTEGER NOT NULL,
    PRIMARY KEY (site, gateway)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
COUNTERS = ("records", "samples", "duplicates", "conflicts", "broken", "batches", "gaps")
"""`conflicts` are duplicates that say something else than what we kept: a gateway that counts from 1 again."""


P = ParamSpec("P")
T = TypeVar("T")


class BrokenPayload(Exception):  # noqa: N818 - counted, never fatal
    """Not a batch, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A batch that was read and checked."""

    site: str
    gateway: str
    records: Sequence[Mapping[str, Any]]


def open_parcel(topic: str, payload: bytes) -> Parcel:
    """Unpack a batch that came on `PREFIX/SITE/GATEWAY/batch`. Raises BrokenPayload."""
    body = _unpack(payload)
    if not isinstance(body, dict) or body.get("v") != VERSION:
        raise BrokenPayload(f"not a batch of version {VERSION}")
    site, gateway = topic.split("/")[-3:-1]
    if (body.get("site"), body.get("gateway")) != (site, gateway):
        raise BrokenPayload("site and gateway are not those of the topic")
    records = body.get("records")
    if not isinstance(records, list) or not all(_is_record(record) for record in records):
        raise BrokenPayload("records that are none")
    seqs = [record["seq"] for record in records]
    if seqs and (min(seqs), max(seqs)) != (body.get("first_seq"), body.get("last_seq")):
        raise BrokenPayload("first_seq or last_seq is not that of the records")
    return Parcel(site=site, gateway=gateway, records=records)


def _unpack(payload: bytes) -> Any:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(payload)) as packed:
            text = packed.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise BrokenPayload("too large")
        return json.loads(text)
    # zlib.error is no OSError; deep nesting is a RecursionError.
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as fault:
        raise BrokenPayload(str(fault) or type(fault).__name__) from fault


def _is_record(record: Any) -> bool:
    if not isinstance(record, dict) or type(record.get("seq")) is not int or not 0 < record["seq"] < 2**63:
        return False
    if not isinstance(record.get("unix_s"), int | float | None):
        return False
    if record.get("kind") == "entry":
        return True
    columns = [column for name in ("points", "values", "quality") if isinstance(column := record.get(name), list)]
    return record.get("kind") == "scan" and len(columns) == 3 and len({len(column) for column in columns}) == 1


class Ledger:
    """The file: what was kept, once each, and how far without a gap. Not for two threads at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)
        self._stalls: dict[tuple[str, str, int], int] = {}
        """How often a batch with this first seq came behind a gap."""
        self.counters = dict.fromkeys(COUNTERS, 0) | dict(self._db.execute("SELECT name, value FROM counters"))

    def close(self) -> None:
        self._db.close()

    def keep(self, parcel: Parcel) -> int:
        """Keep what is new, on the disk when this returns; the largest seq without a gap before it."""
        with self._db:
            for record in parcel.records:
                self._keep_one(parcel, record)
            self.counters["batches"] += 1
            acked = self._advance(parcel)
            self._write_counters()
        return acked

    def count_broken(self) -> None:
        with self._db:
            self.counters["broken"] += 1
            self._write_counters()

    def acked(self, site: str, gateway: str) -> int | None:
        """None for a gateway that was never heard."""
        where = "SELECT acked FROM chains WHERE site = ? AND gateway = ?"
        row = self._db.execute(where, (site, gateway)).fetchone()
        return None if row is None else int(row[0])

    def _keep_one(self, parcel: Parcel, record: Mapping[str, Any]) -> None:
        body = json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        key = (parcel.site, parcel.gateway, record["seq"])
        row = (*key, record["kind"], record.get("unix_s"), body)
        if self._db.execute("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?, ?)", row).rowcount:
            self.counters["records"] += 1
            self.counters["samples"] += len(record["values"]) if record["kind"] == "scan" else 0
            return
        self.counters["duplicates"] += 1
        where = "SELECT body FROM records WHERE site = ? AND gateway = ? AND seq = ?"
        self.counters["conflicts"] += self._db.execute(where, key).fetchone()[0] != body

    def _advance(self, parcel: Parcel) -> int:
        key = (parcel.site, parcel.gateway)
        first = min((record["seq"] for record in parcel.records), default=1)
        acked = self.acked(*key)
        if acked is None:
            acked = first - 1
        if first > acked + 1 and self._is_gap_for_good(key, first):
            self.counters["gaps"] += 1
            acked = first - 1
        acked = self._unbroken_from(key, acked)
        if parcel.records:
            self._db.execute("INSERT OR REPLACE INTO chains VALUES (?, ?, ?)", (*key, acked))
        return acked

    def _is_gap_for_good(self, key: tuple[str, str], first: int) -> bool:
        times = self._stalls.get((*key, first), 0) + 1
        self._stalls[*key, first] = times
        return times >= PATIENCE

    def _unbroken_from(self, key: tuple[str, str], acked: int) -> int:
        later = "SELECT seq FROM records WHERE site = ? AND gateway = ? AND seq > ? ORDER BY seq"
        start = acked
        with closing(self._db.execute(later, (*key, acked))) as rows:
            for (seq,) in rows:
                if seq != acked + 1:
                    break
                acked = seq
        if acked > start:
            self._stalls = {place: times for place, times in self._stalls.items() if place[:2] != key}
        return acked

    def _write_counters(self) -> None:
        self._db.executemany("INSERT OR REPLACE INTO counters VALUES (?, ?)", self.counters.items())


class Receiver:
    """Listens to every gateway below a prefix. `run` is its task; use as a context manager, which closes the file."""

    def __init__(self, path: Path, *, host: str, port: int, prefix: str = "hushwatt") -> None:
        self._host, self._port, self._prefix = host, port, prefix
        self._ledger = Ledger(path)
        self.listening = asyncio.Event()
        """Set while subscribed."""

    @property
    def counters(self) -> dict[str, int]:
        """records, samples, duplicates, conflicts, broken, batches, gaps: since the file began."""
        return dict(self._ledger.counters)

    def close(self) -> None:
        self._ledger.close()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def run(self) -> None:
        """Until canceled; a broker that went away is waited for."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._listen()
            except (aiomqtt.MqttError, OSError) as fault:
                log.warning("receiver: the broker went away: %s", fault)
            pause_s = FIRST_PAUSE_S if self.listening.is_set() else min(2.0 * pause_s, LONGEST_PAUSE_S)
            self.listening.clear()
            await asyncio.sleep(pause_s)

    async def _listen(self) -> None:
        """One connection; the session persists, so what comes while we are away waits at the broker."""
        place = {"hostname": self._host, "port": self._port, "socket_options": [NO_DELAY]}
        async with aiomqtt.Client(identifier=CLIENT_ID, clean_session=False, **place) as client:
            await client.subscribe(f"{self._prefix}/+/+/batch", qos=1)
            self.listening.set()
            async for message in client.messages:
                await self._take(client, str(message.topic), message.payload)

    async def _take(self, client: aiomqtt.Client, topic: str, payload: object) -> None:
        try:
            parcel = open_parcel(topic, payload if isinstance(payload, bytes) else b"")
        except BrokenPayload as fault:
            log.warning("receiver: %s: broken: %s", topic, fault)
            await _finish(self._ledger.count_broken)
            return
        acked = await _finish(self._ledger.keep, parcel)
        answer = json.dumps({"acked": acked}).encode()
        await client.publish(f"{topic.removesuffix('batch')}ack", answer)


async def _finish(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Off the loop, and to its end even when we are canceled: the file must not be closed under a running commit."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
