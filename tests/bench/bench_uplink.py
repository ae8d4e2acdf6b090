"""A backlog drains while live data goes on: how fast, how late the live data is, and how many bytes a sample takes.

    python -m tests.bench uplink

The store, the tape and the MQTT sink run here as the agent wires them; broker and receiver are processes of their own,
and the receiver commits each batch to its SQLite file before it answers. The backlog is there before the link comes
up: 20 devices of 50 points, values with one digit that move in a third of the seconds. Live scans come each 0.1 s.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from agent.core.clock import Instant, SystemClock
from agent.core.points import Kind, PointSpec, PointTable
from agent.core.scan import Scan
from agent.runtime.mqtt_client import Broker as Place
from agent.store.store import Store
from agent.uplink.mqtt import MqttSink
from agent.uplink.packer import Rules
from agent.uplink.tape import Feeding
from agent.uplink.uplink import Uplink, Way
from simulator.wires.broker import Broker
from simulator.wires.upstream import Receiver

DEVICES, POINTS = 20, 50
BACKLOG = 10_000_000
"""Samples."""
LIVE_S, LOOK_S = 0.1, 0.01
MOST_LATE_S, LEAST_RATE, MOST_BYTES = 1.0, 200_000.0, 3.0
START_UNIX_S = 1_750_000_000.0
FEEDING = Feeding(gather_s=0.1)
SPAWN = multiprocessing.get_context("spawn")


def far_end(pipe: Connection, folder: Path) -> None:
    """Broker and receiver until told to end."""

    async def run() -> None:
        broker = Broker(folder / "broker")
        await broker.start()
        receiver = Receiver(folder / "upstream.db", host="127.0.0.1", port=broker.port)
        task = asyncio.ensure_future(receiver.run())
        await receiver.listening.wait()
        pipe.send(broker.port)
        await asyncio.to_thread(pipe.recv)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await broker.stop()

    asyncio.run(run())


def table() -> PointTable:
    names = [f"meter{device}_{n}.electric_power" for device in range(DEVICES) for n in range(POINTS)]
    told = {"unit": "kW", "kind": Kind.SENSOR, "poll_s": 1.0, "fresh_s": 60.0, "share": True}
    return PointTable([PointSpec(id=name, **told) for name in names])  # type: ignore[arg-type]


class Site:
    """What its devices say."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)
        self._tenths = self._random.integers(0, 1000, (DEVICES, POINTS))
        self._second = 0

    def second(self, clock: SystemClock) -> list[Scan]:
        """A scan a device."""
        moves = self._random.random(self._tenths.shape) < 0.3
        self._tenths += moves * self._random.integers(-3, 4, self._tenths.shape)
        self._second += 1
        at = Instant(unix_s=START_UNIX_S + self._second, mono_s=clock.read().mono_s)
        good = np.zeros(POINTS, np.uint8)
        return [
            Scan(
                device=f"device{n}",
                handles=np.arange(n * POINTS, (n + 1) * POINTS, dtype=np.int32),
                values=self._tenths[n] * 0.1,
                quality=good,
                at=at,
            )
            for n in range(DEVICES)
        ]


async def drain(folder: Path, port: int) -> tuple[float, float, list[float], float, int]:
    """Seconds to fill and to drain, how late each live record was kept, bytes a sample, the last record."""
    clock, points, site = SystemClock(), table(), Site()
    store = await Store.open(folder / "store.db", points, clock)
    writing = asyncio.ensure_future(store.run())
    began_s = time.perf_counter()
    for second in range(BACKLOG // (DEVICES * POINTS)):
        for scan in site.second(clock):
            store.append(scan)
        if second % 100 == 0:
            await store.flush()
    await store.flush()
    filled_s = time.perf_counter() - began_s
    place = Place(host="127.0.0.1", port=port)
    sink = MqttSink(place, clock, prefix="hushwatt", site="here", gateway="gw", newest=lambda: store.outbox.last_seq)
    rules = Rules(spans_s={spec.id: 0 for spec in points}, units={spec.id: spec.unit for spec in points})
    ways = {"upstream": Way(sink=sink, rules=rules, feeding=FEEDING)}
    uplink = Uplink(ways, store.outbox, store, clock, site="here", gateway="gw")
    backlog, began_s = store.outbox.last_seq, time.perf_counter()
    tasks = [asyncio.ensure_future(work) for _, work in uplink.tasks()]
    late_s: list[float] = []
    while store.outbox.cursor("upstream").acked < backlog:
        for scan in site.second(clock):
            store.append(scan)
        sent_s = time.perf_counter()
        await store.flush()
        newest = store.outbox.last_seq
        while not _has(store, newest):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        late_s.append(time.perf_counter() - sent_s)
        await asyncio.sleep(LIVE_S)
    drained_s = time.perf_counter() - began_s
    await uplink.drain(60.0)
    counts, last = uplink.tapes["upstream"].counts, store.outbox.last_seq
    for task in (*tasks, writing):
        task.cancel()
    await asyncio.gather(*tasks, writing, return_exceptions=True)
    await store.close()
    return filled_s, drained_s, late_s, counts.bytes / counts.samples, last


def _has(store: Store, seq: int) -> bool:
    """Whether the far end has kept this record."""
    cursor = store.outbox.cursor("upstream")
    return seq <= cursor.acked or any(first <= seq <= last for first, last in cursor.islands)


def main() -> int:
    """1 when a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="hushwatt-uplink-") as name:
        folder = Path(name)
        here, there = SPAWN.Pipe()
        process = SPAWN.Process(target=far_end, args=(there, folder), daemon=True)
        process.start()
        filled_s, drained_s, late_s, size, last = asyncio.run(drain(folder, here.recv()))
        here.send("end")
        process.join(20)
        with closing(sqlite3.connect(folder / "upstream.db")) as db:
            kept = db.execute("SELECT count(*), count(DISTINCT seq), min(seq), max(seq) FROM records").fetchone()
            doubled = dict(db.execute("SELECT name, value FROM counters"))["duplicates"]
    rate, slow_s = BACKLOG / drained_s, max(late_s)
    is_whole = kept == (last, last, 1, last)
    print(f"{BACKLOG:,} samples stored in {filled_s:.1f} s, drained in {drained_s:.1f} s: {rate:,.0f} samples/s")
    print(f"live data beside it: kept after {statistics.median(late_s):.2f} s in the median, {slow_s:.2f} s at most")
    print(f"upstream: {size:.2f} bytes a sample; {kept[0]} records kept of {last}, {doubled} came twice")
    good = rate >= LEAST_RATE and statistics.median(late_s) < MOST_LATE_S and size <= MOST_BYTES and is_whole
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
