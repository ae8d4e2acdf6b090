"""The least Python that reads, keeps and sends: what `bench_acquisition` measures the agent against.

    python -m tests.bench.floor TOLD.json

One connection a device, one request each period at its own phase. All answers of a second go into SQLite in one
transaction with the agent's durability, are packed as columns, sent to a broker at QoS 1, and deleted once the broker
has them. No names, no units, no qualities, no limits, no live image, nothing is retried: no product could do less.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import signal
import sqlite3
import struct
import sys
import time
from pathlib import Path

import aiomqtt
import numpy as np

COMMIT_S = 1.0
REQUEST = struct.Struct(">HHHBBHH")


async def read(port: int, registers: int, period_s: float, phase_s: float, out: list[tuple[float, int, bytes]]) -> None:
    """One device for ever."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    due_s = time.monotonic() + phase_s
    while True:
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        due_s += period_s
        writer.write(REQUEST.pack(1, 0, 6, 1, 3, 0, registers))
        header = await reader.readexactly(9)
        words = np.frombuffer(await reader.readexactly(header[8]), ">i2")
        out.append((time.time(), port, (words * 0.01).tobytes()))


async def forward(told: dict[str, object], fresh: list[tuple[float, int, bytes]]) -> None:
    """Each second: to the disk, to the broker, off the disk."""
    db = sqlite3.connect(str(told["db"]), isolation_level=None, check_same_thread=False)
    db.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "CREATE TABLE kept (id INTEGER PRIMARY KEY, unix_s REAL, device INTEGER, columns BLOB)"
    )

    def keep(rows: list[tuple[float, int, bytes]]) -> None:
        db.execute("BEGIN")
        db.executemany("INSERT INTO kept (unix_s, device, columns) VALUES (?, ?, ?)", rows)
        db.execute("COMMIT")

    def packed(rows: list[tuple[float, int, bytes]]) -> bytes:
        table = [[unix_s, device, np.frombuffer(columns).tolist()] for unix_s, device, columns in rows]
        return gzip.compress(json.dumps(table, separators=(",", ":")).encode(), 1)

    async with aiomqtt.Client("127.0.0.1", int(str(told["broker"])), identifier="floor") as client:
        while True:
            await asyncio.sleep(COMMIT_S)
            rows = fresh[:]
            fresh.clear()
            if rows:
                await asyncio.to_thread(keep, rows)
                await client.publish("floor/batch", await asyncio.to_thread(packed, rows), qos=1)
                await asyncio.to_thread(db.execute, "DELETE FROM kept")


async def main(told: dict[str, object]) -> None:
    ports, period_s = list(told["ports"]), float(str(told["period_s"]))  # type: ignore[call-overload]
    fresh: list[tuple[float, int, bytes]] = []
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)  # type: ignore[union-attr]
    readers = [
        read(port, int(str(told["registers"])), period_s, period_s * n / len(ports), fresh)
        for n, port in enumerate(ports)
    ]
    await asyncio.gather(forward(told, fresh), *readers)


if __name__ == "__main__":
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(main(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
