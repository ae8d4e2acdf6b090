"""The store: speed against bare executemany, bytes written and at rest a sample, one point over 30 days, memory.

    python -m tests.bench store

Speed: both sides commit `GROUP` scans at a time and wait for the card at each commit (SQLite in WAL with
synchronous=FULL; the store with a sync a commit). The bare side is given finished tuples and one table without an
index; the store is given `Scan`s, packs them and hands the work to its thread. Bytes written are `write_bytes` of
/proc/self/io: whole pages that this process made dirty, compaction and checkpoints included.
"""

import asyncio
import resource
import sqlite3
import tempfile
from pathlib import Path

import numpy as np

from agent.core.clock import Instant, SystemClock, wall_s
from agent.core.points import Kind, PointSpec, PointTable
from agent.core.scan import Scan
from agent.store.reader import open_reader
from agent.store.store import Store
from tests.bench.store_day import day

SCANS, POINTS, GROUP, ROUNDS = 20_000, 30, 100, 3
START = 1_750_000_000.0
DICE = np.random.default_rng(1)
LOADS = (  # name, devices of 30 points, poll_s, commit_s, commits
    ("1,000 points each second, commit_s 1", 33, 1.0, 1.0, 900),
    ("1,000 points each 5 s, commit_s 1", 33, 5.0, 1.0, 3000),
    ("30 points each 5 s, commit_s 1", 1, 5.0, 1.0, 2000),
    ("30 points each 5 s, commit_s 30", 1, 5.0, 30.0, 600),
)
FLOORS = {"speed": 0.5, "written": 20.0, "at rest": 3.0, "query ms": 100.0, "memory MB": 20.0}


def build_table(points=POINTS):
    return PointTable(
        [
            PointSpec(
                id=f"zone{n}.zone_air_temperature", unit="degC", kind=Kind.SENSOR, poll_s=5, fresh_s=60, share=True
            )
            for n in range(points)
        ]
    )


def build_scans(count, step_s=5.0, points=POINTS, devices=1):
    """Each device has points of its own; their polls are spread over the step."""
    handles, quality = np.arange(points, dtype=np.int32), np.zeros(points, np.uint8)
    walk = 21 + np.cumsum(DICE.normal(0, 0.02, (count, points)), axis=0).round(2)
    return [
        Scan(
            device=f"bms{number % devices}",
            handles=handles + points * (number % devices),
            values=walk[number],
            quality=quality,
            at=Instant(unix_s=START + step_s * number / devices, mono_s=step_s * number / devices),
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
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("CREATE TABLE scans (id INTEGER PRIMARY KEY, a, b, c, d, e, f, g, h, i, j)")
    began_s = wall_s()
    for first in range(0, len(rows), GROUP):
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany("INSERT INTO scans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows[first : first + GROUP])
        conn.execute("COMMIT")
    took_s = wall_s() - began_s
    conn.close()
    return len(rows) / took_s


async def ours(path, scans):
    """Scans a second of the store."""
    store = await Store.open(path, build_table(), SystemClock(), commit_s=0.0)
    began_s = wall_s()
    for first in range(0, len(scans), GROUP):
        for scan in scans[first : first + GROUP]:
            store.append(scan)
        await store.flush()
    took_s = wall_s() - began_s
    await store.close()
    return len(scans) / took_s


def speed(folder):
    scans, best = build_scans(SCANS), {}
    for _ in range(ROUNDS):  # In turns, so that a slow minute hits both.
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            at = Path(temporary)
            for name, rate in (("bare", bare(at / "bare.db", scans)), ("ours", asyncio.run(ours(at / "s.db", scans)))):
                best[name] = max(best.get(name, 0.0), rate)
    ratio = best["ours"] / best["bare"]
    for name, rate in best.items():
        print(f"{name}: {rate:.0f} scans/s, {rate * POINTS:.0f} samples/s, a sync each {GROUP} scans")
    print(f"ratio {ratio:.2f}")
    return ratio


async def written(path, devices, poll_s, commit_s, commits):
    """Bytes written a sample, from the first commit to the end of the compaction, with a sync a commit."""
    a_commit = max(1.0, devices * commit_s / poll_s)
    count = int(a_commit * commits)
    scans = build_scans(count, poll_s, devices=devices)
    store = await Store.open(path, build_table(POINTS * devices), SystemClock(), commit_s=0.0)
    before, taken = written_bytes(), 0
    for commit in range(1, commits + 1):
        until = int(a_commit * commit)
        for scan in scans[taken:until]:
            store.append(scan)
        taken = until
        await store.flush()
        await store.tidy()
    await store.seal()
    await store.tidy()
    await store.close()
    all_bytes = written_bytes() - before
    return all_bytes / (count * POINTS), all_bytes / (scans[-1].at.unix_s - START) * 86_400 / 1e6


async def fill(path, table, scans, runs):
    store = await Store.open(path, table, SystemClock(), commit_s=60.0)
    size = -(-len(scans) // runs)
    for first in range(0, len(scans), size):
        for scan in scans[first : first + size]:
            store.append(scan)
        await store.seal()
        await store.tidy()
    await store.close()


def at_rest(folder, days=10):
    """Bytes a sample of the simulator's days, compacted each 4 h as in life; the samples' own tables, and the file."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary) / "s.db"
        table, scans, samples = day(days=days)
        asyncio.run(fill(path, table, scans, 6 * days))
        conn = sqlite3.connect(path)
        size = dict(conn.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
        conn.close()
        own = sum(size[name] for name in size if name.startswith(("chunks", "blocks", "layouts", "runs")))
        print(f"{days} days of office-tower, {len(table)} points: {samples} samples, a poll each 300 s")
        print(f"at rest: samples {own / samples:.2f} bytes each; hour means {size['hours'] / samples:.2f}; ", end="")
        print(f"all of the file {path.stat().st_size / samples:.2f}")
        return own / samples


def one_point(folder, days=30, step_s=60.0):
    """Milliseconds to read one point of 30 over 30 days, and the grid that the learner asks for."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary) / "s.db"
        scans = build_scans(int(days * 86_400 / step_s), step_s)
        asyncio.run(fill(path, build_table(), scans, 6 * days))
        took = []
        name = "zone7.zone_air_temperature"
        for _ in range(5):
            with open_reader(path) as reader:
                began_s = wall_s()
                series = reader.history([name], START, START + days * 86_400)[name]
                took.append(1e3 * (wall_s() - began_s))
        assert len(series) == len(scans)
        print(f"one point over {days} days, {len(series)} samples: {min(took):.1f} ms, first time {took[0]:.1f} ms")
        with open_reader(path) as reader:
            names = list(reader.names())
            began_s = wall_s()
            reader.grid(names, START, START + 14 * 86_400, 300.0, 180.0)
            print(f"a grid of {POINTS} points over 14 days: {1e3 * (wall_s() - began_s):.0f} ms")
        return max(took)


def memory(folder):
    """MB more at the peak while full segments are compacted."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        return asyncio.run(_memory(Path(temporary) / "s.db"))


async def _memory(path):
    store = await Store.open(path, build_table(), SystemClock(), commit_s=60.0)
    for piece in range(6):
        for scan in build_scans(5000):
            store.append(scan)
        await store.flush()
        if piece == 0:
            await store.tidy()
    del scan
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await store.tidy()
    await store.seal()
    await store.tidy()
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    print(f"memory while 900,000 samples are compacted: {more:.1f} MB more")
    await store.close()
    return more


def main(folder=None):
    """False when a figure is beyond its bar."""
    found = {"memory MB": memory(folder), "speed": speed(folder)}
    for name, *load in LOADS:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            size, mb_a_day = asyncio.run(written(Path(temporary) / "s.db", *load))
            print(f"{name}: {size:.1f} bytes written a sample, {mb_a_day:.0f} MB a day")
            found.setdefault("written", size)
    found["at rest"] = at_rest(folder)
    found["query ms"] = one_point(folder)
    bad = [name for name, bar in FLOORS.items() if (found[name] < bar if name == "speed" else found[name] > bar)]
    for name in bad:
        print(f"beyond its bar: {name} {found[name]:.2f}, wanted {FLOORS[name]:g}")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
