"""How fast the store is, against bare executemany in the same run; bytes written; the size of a batch.

    python tests/bench/bench_store.py [folder]

Both sides commit in WAL with synchronous=NORMAL, `GROUP` scans a transaction. The bare side is given finished tuples
and one table without an index; the store is given `Scan`s, packs them, keeps an index and the outbox, and hands the
work to its thread. Bytes are those of /proc/self/io (`write_bytes`: what this process caused to be sent to the disk).
"""

import asyncio
import sqlite3
import sys
import tempfile
from pathlib import Path

import numpy as np
from agent.uplink.payload import encode

from agent.core.clock import Instant, SystemClock, wall_s
from agent.core.points import Kind, PointSpec, PointTable
from agent.core.scan import Scan
from agent.store.store import Store

SCANS, POINTS, GROUP, ROUNDS = 20_000, 30, 500, 3
START = 1_750_000_000.0
DICE = np.random.default_rng(1)


def build_table(share):
    return PointTable(
        [
            PointSpec(
                id=f"zone{n}.zone_air_temperature", unit="degC", kind=Kind.SENSOR, poll_s=5, fresh_s=60, share=share
            )
            for n in range(POINTS)
        ]
    )


def build_scans(count):
    handles, quality = np.arange(POINTS, dtype=np.int32), np.zeros(POINTS, np.uint8)
    walk = 21 + np.cumsum(DICE.normal(0, 0.02, (count, POINTS)), axis=0).round(2)
    return [
        Scan(
            device="bms",
            handles=handles,
            values=walk[number],
            quality=quality,
            at=Instant(unix_s=START + 5 * number, mono_s=5.0 * number),
        )
        for number in range(count)
    ]


def written_bytes():
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


def bare(path, scans):
    """Scans a second of plain sqlite3."""
    ids = np.arange(POINTS, dtype="<i4").tobytes()
    rows = [
        (place, 1, scan.device, scan.at.unix_s, scan.at.mono_s, 1, POINTS, 0, ids, scan.values.tobytes(), None)
        for place, scan in enumerate(scans)
    ]
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA synchronous = NORMAL")
    conn.execute("CREATE TABLE scans (id INTEGER PRIMARY KEY, a, b, c, d, e, f, g, h, i, j)")
    began_s = wall_s()
    for first in range(0, len(rows), GROUP):
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany("INSERT INTO scans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows[first : first + GROUP])
        conn.execute("COMMIT")
    took_s = wall_s() - began_s
    conn.close()
    return len(rows) / took_s


async def ours(path, scans, share):
    """Scans a second of the store."""
    store = await Store.open(path, build_table(share), SystemClock())
    began_s = wall_s()
    for first in range(0, len(scans), GROUP):
        for scan in scans[first : first + GROUP]:
            store.append(scan)
        await store.flush()
    took_s = wall_s() - began_s
    await store.close()
    return len(scans) / took_s


async def bytes_a_sample(path, scans, share, group):
    """Bytes sent to the disk for a sample, `group` scans a commit, the last checkpoint included."""
    store = await Store.open(path, build_table(share), SystemClock())
    before = written_bytes()
    for first in range(0, len(scans), group):
        for scan in scans[first : first + group]:
            store.append(scan)
        await store.flush()
    await store.close()
    return (written_bytes() - before) / (len(scans) * POINTS)


async def batch_size(path, scans):
    store = await Store.open(path, build_table(True), SystemClock())
    for scan in scans:
        store.append(scan)
    await store.flush()
    began_s = wall_s()
    batch = await store.pending(0, 500)
    read_s = wall_s() - began_s
    payload = encode(batch, "tower", "gw1")
    took_s = wall_s() - began_s
    samples = sum(len(record["values"]) for record in batch.records)
    print(f"a batch of 500 scans: {len(payload) / samples:.2f} bytes a sample; read {1e3 * read_s:.1f} ms, ", end="")
    print(f"encoded {1e3 * (took_s - read_s):.1f} ms")
    began_s = wall_s()
    await store.grid([spec.id for spec in build_table(True)], START, START + 5 * len(scans), 300.0)
    print(f"a grid of {POINTS} points from {len(scans)} scans: {1e3 * (wall_s() - began_s):.0f} ms")
    await store.close()


def main(folder=None):
    scans = build_scans(SCANS)
    best = {}
    for number in range(ROUNDS):  # In turns, so that a slow minute hits both.
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            at = Path(temporary)
            for name, rate in (
                ("bare executemany", bare(at / "bare.db", scans)),
                ("store, nothing shared", asyncio.run(ours(at / "closed.db", scans, share=False))),
                ("store, all shared", asyncio.run(ours(at / "shared.db", scans, share=True))),
            ):
                best[name] = max(best.get(name, 0.0), rate)
            if number == 0:
                asyncio.run(batch_size(at / "batch.db", scans[:10_000]))
    for name, rate in best.items():
        share_ = rate / best["bare executemany"]
        print(f"{name:24s} {rate:9.0f} scans/s {rate * POINTS:11.0f} samples/s  ratio {share_:.2f}")
    for group, count in ((1, 2000), (12, 6000), (500, 20_000)):
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            size = asyncio.run(bytes_a_sample(Path(temporary) / "s.db", scans[:count], True, group))
            print(f"{group:4d} scans a commit: {size:7.1f} bytes written a sample")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
