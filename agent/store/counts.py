"""How much there is, and how long it would last."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.store.archive import BLOCK_KEY
from agent.store.codec import seed_of, unpack_floats, unpack_ints
from agent.store.hot import hot_spans, last_state
from agent.store.log import segment_path, size_of
from agent.store.tracks import State, Told, lived_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much there is."""

    samples: int
    """Ever stored, whether or not they have been dropped since."""
    entries: int
    """Journal entries ever stored."""
    outbox: int
    """Records that a sink still waits for."""
    acknowledged: int
    """Every sink has every record up to this seq."""
    last_seq: int
    """The highest seq ever given."""
    dropped: int
    """Scans and entries lost because the store could not write for too long."""
    unsaved: int
    """Scans and entries in memory only."""
    bytes: int
    """Size of the database and its logs."""
    holds_s: float
    """How long the agent ran while it took what is kept: no clock that jumps makes it longer."""
    unsent_s: float
    """From the oldest record that a sink still waits for to the newest sample."""
    unsent_unix_s: float | None
    """When that oldest record was taken."""
    thinned_samples: int
    """Samples that became minute means because space ran short."""
    shed_samples: int
    """Samples dropped for age or space after every sink had them, or that nobody waited for."""
    lost_samples: int
    """Samples dropped for space that a sink still waited for."""


def acked_by_all(state: State) -> int:
    """Every sink has all up to this seq; all, where there is no sink."""
    return min((cursor[0] for cursor in state.cursors.values()), default=state.seq)


def waiting(state: State) -> int:
    """Records that the sink with the most to come still waits for."""
    return max(
        (
            state.seq - acked - sum(last - first + 1 for first, last in islands)
            for acked, islands in state.cursors.values()
        ),
        default=0,
    )


def stored_state(conn: sqlite3.Connection) -> State:
    """As of the last compaction."""
    row = conn.execute("SELECT json FROM state WHERE name = 'state'").fetchone()
    return State(**json.loads(row[0])) if row else State()


def count(conn: sqlite3.Connection, path: Path, log: Sequence[Told]) -> Counts:
    """On a reading connection, inside the caller's transaction."""
    state = last_state(log) or stored_state(conn)
    acked = acked_by_all(state)
    shed = dict(conn.execute("SELECT name, json FROM state WHERE name IN ('thinned', 'shed', 'lost')"))
    unsent_first = _first_after(conn, log, acked) if acked < state.seq else None
    newest = _newest(conn, log)
    files = [path, Path(f"{path}-wal"), *(segment_path(path, told.number) for told in log)]
    return Counts(
        samples=state.samples,
        entries=state.entries,
        outbox=waiting(state),
        acknowledged=acked,
        last_seq=state.seq,
        dropped=state.dropped,
        unsaved=0,
        bytes=sum(size_of(file) for file in files),
        holds_s=_held_s(conn, log),
        unsent_s=0.0 if unsent_first is None or newest is None else max(0.0, newest - unsent_first),
        unsent_unix_s=unsent_first,
        thinned_samples=int(shed.get("thinned", 0)),
        shed_samples=int(shed.get("shed", 0)),
        lost_samples=int(shed.get("lost", 0)),
    )


def _held_s(conn: sqlite3.Connection, log: Sequence[Told]) -> float:
    """The runs of which something is left, and the log."""
    (runs_s,) = conn.execute(
        "SELECT coalesce(max(lived_s) - (SELECT coalesce(max(lived_s), 0) FROM runs WHERE id < "
        "(SELECT min(run) FROM blocks)), 0) FROM runs WHERE id IN (SELECT run FROM blocks)"
    ).fetchone()
    return float(runs_s) + sum(lived_s([told]) for told in log)


def _newest(conn: sqlite3.Connection, log: Sequence[Told]) -> float | None:
    (stored,) = conn.execute(
        "SELECT max(last_s) FROM blocks WHERE clock_set = 1 AND run = (SELECT max(run) FROM blocks)"
    ).fetchone()
    return max([last for _, last in hot_spans(log)] + ([] if stored is None else [stored]), default=None)


def _first_after(conn: sqlite3.Connection, log: Sequence[Told], seq: int) -> float | None:
    """When the first scan behind a seq was taken."""
    blocks = conn.execute(
        f"SELECT {BLOCK_KEY}, times, seqs FROM blocks WHERE clock_set = 1 "
        "AND run = (SELECT min(id) FROM runs WHERE last_seq > ? AND id IN (SELECT run FROM blocks))",
        (seq,),
    )
    begins = [first for first, _ in hot_spans(log, seq + 1)]
    for *key, times, seqs in blocks:
        seed = seed_of(*key)
        with suppress(ValueError):  # Spoiled: the others tell as well.
            begins += unpack_floats(times, seed)[unpack_ints(seqs, seed) > seq][:1].tolist()
    return min(begins, default=None)
