"""What the first version of the store kept, a row a scan, into columns. Used once, when such a file is opened."""

from __future__ import annotations

import json
import sqlite3

import numpy as np

from agent.store.compact import Compactor
from agent.store.tracks import PointName, Told, Track

ROWS_A_RUN = 5000
"""Scans held in memory at a time (our assumption)."""
SINK = "upstream"
"""The name of the only sink that there was."""


def carry_over(conn: sqlite3.Connection) -> None:
    """Scans, counts and the cursor; in the caller's transaction."""
    names: dict[int, PointName] = {
        row[0]: (row[1], row[2]) for row in conn.execute("SELECT id, name, unit FROM points")
    }
    ids = {name: point_id for point_id, name in names.items()}
    conn.execute("CREATE INDEX outbox_by_ref ON outbox (kind, ref)")
    conn.execute(
        "UPDATE journal SET seq = coalesce((SELECT seq FROM outbox WHERE kind = 'entry' AND ref = journal.id), 0)"
    )
    conn.execute(
        "UPDATE boots SET offset_s = coalesce("
        "(SELECT unix_s - mono_s FROM scans WHERE boot = boots.id ORDER BY clock_set DESC, id LIMIT 1), 0)"
    )
    compactor = Compactor(conn, ids.__getitem__)
    after = samples = 0
    while told := _segments(conn, names, after):
        compactor.compact([one for _, one in told], {})
        after = told[-1][0]
    (samples,) = conn.execute("SELECT coalesce(max(total), 0) FROM scans").fetchone()
    counters = dict(conn.execute("SELECT name, value FROM counters"))
    last = conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    state = {
        "boot": conn.execute("SELECT coalesce(max(id), 0) FROM boots").fetchone()[0],
        "seq": last[0] if last else 0,
        "samples": samples,
        "entries": conn.execute("SELECT coalesce(max(id), 0) FROM journal").fetchone()[0],
        "dropped": counters.get("dropped", 0),
        "cursors": {SINK: [counters.get("acknowledged", 0), []]} if last else {},
    }
    conn.execute("INSERT INTO state VALUES ('state', ?)", (json.dumps(state),))


def _segments(conn: sqlite3.Connection, names: dict[int, PointName], after: int) -> list[tuple[int, Told]]:
    """The next scans behind row `after`, as the log would tell them, one for each life; with the last row of each."""
    rows = conn.execute(
        "SELECT id, boot, device, unix_s, mono_s, clock_set, point_ids, sample_values, qualities, coalesce(seq, 0) "
        "FROM scans LEFT JOIN outbox ON kind = 'scan' AND ref = id WHERE id > ? ORDER BY id LIMIT ?",
        (after, ROWS_A_RUN),
    )
    lives: dict[int, tuple[int, Told]] = {}
    layouts: dict[tuple[int, str, bytes], Track] = {}
    for row_id, boot, device, unix_s, mono_s, clock_set, point_ids, values, quality, seq in rows:
        told = lives[boot][1] if boot in lives else Told(number=0, boot=boot, os_boot=str(boot))
        lives[boot] = row_id, told
        key = (boot, device, point_ids)
        if key not in layouts:
            points = tuple(names[point_id] for point_id in np.frombuffer(point_ids, "<i4").tolist())
            layouts[key] = told.tracks[len(told.tracks)] = Track(device, points)
        track = layouts[key]
        track.order.append(told.rows)
        track.seq.append(seq)
        track.unix_s.append(unix_s)
        track.mono_s.append(mono_s)
        track.flags.append(clock_set)
        track.values += values
        track.quality += quality or bytes(len(track.points))
        told.rows += 1
    return sorted(lives.values(), key=lambda life: life[0])
