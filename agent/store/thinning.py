"""A column of samples becomes a column of minute means."""

from __future__ import annotations

import sqlite3

import numpy as np

from agent.core.points import Quality
from agent.store.codec import pack_floats, seed_of, unpack_floats, unpack_ints
from agent.store.rollups import MINUTE_S, means


def thin_chunk(conn: sqlite3.Connection, chunk: int, block_times: bytes, block_seed: int) -> int:
    """Only the GOOD samples' means stay, each at the time of its minute's last sample. How many samples went."""
    row = conn.execute("SELECT data, quality, place, times FROM chunks WHERE id = ?", (chunk,)).fetchone()
    if row is None or row[3] is not None:
        return 0
    data, quality, place, _ = row
    seed = seed_of(chunk)
    try:
        values, times = unpack_floats(data, seed), unpack_floats(block_times, block_seed)
        times = times if place is None else times[unpack_ints(place, seed)]
        good = np.isfinite(values)
        if quality is not None:
            good &= unpack_ints(quality, seed) == Quality.GOOD
    except (ValueError, IndexError):
        return 0  # Spoiled: it goes when its run goes.
    if not good.any():
        return 0
    period, mean, _, _, count = means(times[good], values[good], MINUTE_S)
    if 2 * len(period) > len(values):
        return 0  # Polled about once a minute: nothing would be won.
    last = np.sort(times[good])[np.cumsum(count.astype(np.int64)) - 1]
    # A mean has the digits of its samples and two more: more of them would be noise, and noise cannot be packed.
    packed = pack_floats(np.round(mean, 3), seed), pack_floats(last, seed)
    conn.execute(
        "UPDATE chunks SET n = ?, data = ?, quality = NULL, place = NULL, times = ? WHERE id = ?",
        (len(period), *packed, chunk),
    )
    return len(values) - len(period)
