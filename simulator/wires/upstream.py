"""The far end of the uplink: keeps every record once, in its own SQLite file, and says what it has kept.

A gateway sends at least once and forgets only what we said we have, so we say it after the commit, never before. What
we have is told as ranges: live data may come before the backlog that it overtook.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import aiomqtt

from agent.runtime.sockets import NO_DELAY
from agent.uplink.answers import Answer, encode_answer
from agent.uplink.columns import BrokenPayload, Opened, UnknownLayout, decode, layout_id
from agent.uplink.parcel import Layout, Parcel
from agent.uplink.ranges import Range, Ranges

log = logging.getLogger(__name__)

CLIENT_ID = "hushwatt-receiver"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
MOST_RANGES = 100
"""Told in one answer at most, those around what has just come."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    site TEXT NOT NULL, gateway TEXT NOT NULL, chain TEXT NOT NULL, seq INTEGER NOT NULL, layout TEXT NOT NULL,
    kind TEXT NOT NULL, unix_s REAL, body TEXT NOT NULL,
    PRIMARY KEY (site, gateway, chain, seq, layout)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (
    site TEXT NOT NULL, gateway TEXT NOT NULL, chain TEXT NOT NULL, ranges TEXT NOT NULL,
    PRIMARY KEY (site, gateway, chain)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS layouts (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
COUNTERS = ("records", "samples", "duplicates", "conflicts", "broken", "batches")
"""`conflicts` are duplicates that say something else than what we kept: the same record was not sent the same twice."""


P = ParamSpec("P")
T = TypeVar("T")


def rows_of(parcel: Parcel) -> Iterator[dict[str, Any]]:
    """Every record of a parcel by itself, JSON-able: `seq`, `kind` (scan or entry), `unix_s`, and its columns."""
    for block in parcel.blocks:
        layout = {"device": block.layout.device, "points": list(block.layout.points)}
        values, quality = block.values.tolist(), block.quality.tolist()
        for row, (seq, unix_s) in enumerate(zip(block.seq.tolist(), block.unix_s.tolist(), strict=True)):
            yield {
                "seq": seq,
                "kind": "scan",
                "layout": layout_id(block.layout),
                "unix_s": unix_s,
                **layout,
                "values": [None if math.isnan(value) else value for value in values[row]],
                "quality": quality[row],
            }
    for record in parcel.entries:
        entry = record.entry
        told = {"subject": entry.subject, "text": entry.text, "entry": entry.kind, "data": dict(entry.data)}
        yield {"seq": record.seq, "kind": "entry", "layout": "", "unix_s": entry.at.unix_s, **told}


class Ledger:
    """The file: what was kept, once each. Not for two threads at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)
        self._kept = {tuple(row[:3]): Ranges(json.loads(row[3])) for row in self._db.execute("SELECT * FROM kept")}
        self._layouts = {name: _layout(json.loads(told)) for name, told in self._db.execute("SELECT * FROM layouts")}
        self.counters = dict.fromkeys(COUNTERS, 0) | dict(self._db.execute("SELECT name, value FROM counters"))

    def close(self) -> None:
        self._db.close()

    def layout_of(self, name: str) -> Layout | None:
        """One that was explained in an earlier batch."""
        return self._layouts.get(name)

    def keep(self, opened: Opened) -> list[Range]:
        """Keep what is new, on the disk when this returns; the ranges that we have around it."""
        parcel = opened.parcel
        key = (opened.site, opened.gateway, parcel.chain)
        kept = Ranges(self._kept.get(key, ()))
        kept.add(parcel.first_seq, parcel.last_seq)
        with self._db:
            for name, layout in opened.layouts.items():
                told = json.dumps([layout.device, layout.points, layout.units, layout.span_s])
                self._db.execute("INSERT OR IGNORE INTO layouts VALUES (?, ?)", (name, told))
            for record in rows_of(parcel):
                self._keep_one(key, record)
            self.counters["batches"] += 1
            self._db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", (*key, json.dumps(list(kept))))
            self._write_counters()
        self._kept[key] = kept
        self._layouts |= opened.layouts
        return kept.near(parcel.last_seq, MOST_RANGES)

    def count_broken(self) -> None:
        with self._db:
            self.counters["broken"] += 1
            self._write_counters()

    def _keep_one(self, key: tuple[str, str, str], record: dict[str, Any]) -> None:
        body = json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        place = (*key, record["seq"], record["layout"])
        row = (*place, record["kind"], record["unix_s"], body)
        if self._db.execute("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).rowcount:
            self.counters["records"] += 1
            self.counters["samples"] += len(record["values"]) if record["kind"] == "scan" else 0
            return
        self.counters["duplicates"] += 1
        where = "SELECT body FROM records WHERE site = ? AND gateway = ? AND chain = ? AND seq = ? AND layout = ?"
        self.counters["conflicts"] += self._db.execute(where, place).fetchone()[0] != body

    def _write_counters(self) -> None:
        self._db.executemany("INSERT OR REPLACE INTO counters VALUES (?, ?)", self.counters.items())


def _layout(told: list[Any]) -> Layout:
    device, points, units, span_s = told
    return Layout(device=device, points=tuple(points), units=tuple(units), span_s=span_s)


class Receiver:
    """Listens to every gateway below a prefix. `run` is its task; use as a context manager, which closes the file."""

    def __init__(self, path: Path, *, host: str, port: int, prefix: str = "hushwatt") -> None:
        self._host, self._port, self._prefix = host, port, prefix
        self._ledger = Ledger(path)
        self.listening = asyncio.Event()
        """Set while subscribed."""

    @property
    def counters(self) -> dict[str, int]:
        """records, samples, duplicates, conflicts, broken, batches: since the file began."""
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
            answer = await self._kept(topic, payload if isinstance(payload, bytes) else b"")
        except UnknownLayout as fault:
            answer = Answer(chain=fault.chain, unknown=tuple(fault.ids))
        except BrokenPayload as fault:
            log.warning("receiver: %s: broken: %s", topic, fault)
            await _finish(self._ledger.count_broken)
            if fault.stretch is None:
                return
            answer = Answer(chain=fault.chain, refused=fault.stretch, reason=str(fault))
        await client.publish(f"{topic.removesuffix('batch')}answer", encode_answer(answer))

    async def _kept(self, topic: str, payload: bytes) -> Answer:
        opened = decode(payload, self._ledger.layout_of)
        if topic.split("/")[-3:-1] != [opened.site, opened.gateway]:
            raise BrokenPayload("site and gateway are not those of the topic")
        kept = await _finish(self._ledger.keep, opened)
        return Answer(chain=opened.parcel.chain, kept=tuple(kept))


async def _finish(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Off the loop, and to its end even when we are canceled: the file must not be closed under a running commit."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
