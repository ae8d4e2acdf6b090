"""When the store is too old or too large: thin out, drop what upstream has, drop the oldest; the least dear first.

Age is that of the agent's own life on this store, not of the calendar: a clock that jumps ten years deletes nothing.
Compaction has come before (`Store.tidy`). Each step is a transaction of its own over one run, so that no commit waits.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agent.store.archive import BLOCK_KEY
from agent.store.classes import Class
from agent.store.codec import seed_of
from agent.store.keeper import Keeper
from agent.store.log import segment_numbers, segment_path, size_of
from agent.store.thinning import thin_chunk

DAY_S = 86_400.0
MINUTES_KEPT_DAYS = 30.0
"""Minute means are asked of the samples as well; the table is for people with SQL, who look at the last weeks (our
assumption). Four bytes a sample at a poll each 5 s, more than the samples themselves."""
DOWN_TO = 0.95
"""Once the bound is reached, room for some days more is made (our assumption)."""
LEAST_FREE_SHARE, LEAST_FREE_MB, MOST_FREE_MB = 0.2, 3.0, 32.0
"""With less than this share of the disk free (between so many MB) the store gives way as if `max_mb` were reached:
SQLite needs room to make room (our assumption; a checkpoint needs two MB)."""
SAMPLED = (Class.REST, Class.COMFORT, Class.ENERGY)
ROWS_AT_ONCE = 5000
"""Rows of the journal and of the rollups dropped at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much may be kept; None is without a bound."""

    keep_days: float | None = None
    max_mb: float | None = None


def retain(keeper: Keeper, bounds: Bounds, acked: int) -> dict[str, int]:
    """Make the store fit its bounds; `acked`: every sink has all up to there. Raises StoreError.

    Samples let go of: `thinned` became minute means, `shed` nobody waited for, `lost` a sink still waited for.
    """
    shears = Shears(keeper, acked)
    shears.trim_minutes()
    if bounds.keep_days is not None:
        shears.drop_older(bounds.keep_days)
    bound = _bound_bytes(keeper, bounds)
    if bound is not None and used_bytes(keeper) > bound:
        goal = DOWN_TO * bound
        for step in shears.steps():
            if used_bytes(keeper) <= goal:
                break
            step()
    shears.write_counts()
    return {name: count for name, count in shears.counts.items() if count}


WORDS = {
    "thinned": "{:,} samples became minute means",
    "shed": "{:,} samples that nobody waited for were dropped",
    "lost": "{:,} samples were dropped that upstream does not have",
}


def shed_text(counts: Mapping[str, int]) -> str:
    """A sentence for the journal."""
    return "age or space: " + "; ".join(WORDS[name].format(count) for name, count in counts.items())


def used_bytes(keeper: Keeper) -> int:
    """What the store needs: pages in use, and the log."""
    pages, free, size = (
        int(keeper.conn.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    log = (segment_path(keeper.path, number) for number in segment_numbers(keeper.path))
    return (pages - free) * size + sum(size_of(file) for file in log)


def _bound_bytes(keeper: Keeper, bounds: Bounds) -> float | None:
    disk = os.statvfs(Path(keeper.path).parent)
    least = min(MOST_FREE_MB * 1e6, max(LEAST_FREE_MB * 1e6, LEAST_FREE_SHARE * disk.f_blocks * disk.f_frsize))
    short = least - disk.f_bavail * disk.f_frsize
    bound = None if bounds.max_mb is None else bounds.max_mb * 1e6
    if short <= 0:
        return bound
    # Pages that we let go of stay in our file, but we take no more from the disk: what is written next goes there.
    free = int(keeper.conn.execute("PRAGMA freelist_count").fetchone()[0]) * 4096
    giving_way = used_bytes(keeper) - max(0.0, short - free)
    return giving_way if bound is None else min(bound, giving_way)


class Shears:
    """The steps, from the cheapest loss to the dearest."""

    def __init__(self, keeper: Keeper, acked: int) -> None:
        self._keeper = keeper
        self._conn = keeper.conn
        self._acked = acked
        self.counts: Counter[str] = Counter()

    def steps(self) -> Iterator[Callable[[], None]]:
        """Each a call that makes a little room. The newest run stays whole."""
        while self._rows("minutes"):  # Nothing is lost: the samples tell them.
            yield partial(self._drop_rows, "minutes")
        for kind in SAMPLED:
            for run, last_seq, thinned in self._runs():
                if last_seq <= self._acked and not thinned >> kind & 1:
                    yield partial(self._thin, run, kind)
        for is_waited_for in (False, True):
            for kind in SAMPLED:
                for run, last_seq, _ in self._runs():
                    if (last_seq > self._acked) == is_waited_for:
                        yield partial(self._drop, run, kind)
        for run, _, _ in self._runs():
            yield partial(self._drop, run, Class.ALARM)
        for table in ("hours", "journal"):
            while self._rows(table):
                yield partial(self._drop_rows, table)

    def _runs(self) -> list[tuple[int, int, int]]:
        return self._conn.execute(
            "SELECT id, last_seq, thinned FROM runs WHERE id < (SELECT max(id) FROM runs) "
            "AND id IN (SELECT run FROM blocks) ORDER BY id"
        ).fetchall()

    def drop_older(self, keep_days: float) -> None:
        """All samples of runs that ended so long ago, of every class. Hour means and the journal stay."""
        old = self._conn.execute(
            "SELECT id FROM runs WHERE lived_s < (SELECT max(lived_s) FROM runs) - ? "
            "AND id IN (SELECT run FROM blocks)",
            (keep_days * DAY_S,),
        ).fetchall()
        for (run,) in old:
            for kind in Class:
                self._drop(run, kind)

    def trim_minutes(self) -> None:
        """Against the newest minute, which a clock that jumped cannot make newer than one compaction."""
        with self._keeper.transaction() as conn:
            conn.execute(
                "DELETE FROM minutes WHERE (unix_s, point) IN (SELECT unix_s, point FROM minutes "
                "WHERE unix_s < (SELECT max(unix_s) FROM minutes) - ? ORDER BY unix_s LIMIT ?)",
                (MINUTES_KEPT_DAYS * DAY_S, 20 * ROWS_AT_ONCE),
            )

    def _chunks(self, run: int, kind: Class) -> Iterator[tuple[int, bytes, int]]:
        """Id of each chunk of one class in one run, its block's times and their seed."""
        classes = dict(self._conn.execute("SELECT id, class FROM points"))
        layouts = self._keeper.layouts()
        blocks = self._conn.execute(
            f"SELECT {BLOCK_KEY}, times FROM blocks WHERE run = ? ORDER BY id", (run,)
        ).fetchall()
        for *key, times in blocks:
            _, _, layout, first_chunk, _, _ = key
            for at, point_id in enumerate(layouts[layout].ids):
                if classes.get(point_id, 0) == kind:
                    yield first_chunk + at, times, seed_of(*key)

    def _thin(self, run: int, kind: Class) -> None:
        with self._keeper.transaction() as conn:
            for chunk, times, seed in self._chunks(run, kind):
                self.counts["thinned"] += thin_chunk(conn, chunk, times, seed)
            conn.execute("UPDATE runs SET thinned = thinned | ? WHERE id = ?", (1 << kind, run))
            self._close_ranks(run)

    def _drop(self, run: int, kind: Class) -> None:
        with self._keeper.transaction() as conn:
            (last_seq,) = conn.execute("SELECT last_seq FROM runs WHERE id = ?", (run,)).fetchone()
            what = "lost" if last_seq > self._acked else "shed"
            for chunk, _, _ in self._chunks(run, kind):
                (count,) = conn.execute("SELECT coalesce(sum(n), 0) FROM chunks WHERE id = ?", (chunk,)).fetchone()
                self.counts[what] += count
                conn.execute("DELETE FROM chunks WHERE id = ?", (chunk,))
            for block, first, size in self._sizes(run):
                held = "SELECT 1 FROM chunks WHERE id >= ? AND id < ? LIMIT 1"
                if conn.execute(held, (first, first + size)).fetchone() is None:
                    conn.execute("DELETE FROM blocks WHERE id = ?", (block,))
            self._close_ranks(run)

    def _close_ranks(self, run: int) -> None:
        """Write the run's chunks anew: what became small leaves holes in its pages, and only whole pages are free."""
        ranges = [(first, first + size) for _, first, size in self._sizes(run)]
        span = (min((first for first, _ in ranges), default=0), max((end for _, end in ranges), default=0))
        rows = self._conn.execute("SELECT * FROM chunks WHERE id >= ? AND id < ? ORDER BY id", span).fetchall()
        self._conn.execute("DELETE FROM chunks WHERE id >= ? AND id < ?", span)
        self._conn.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?)", rows)

    def _sizes(self, run: int) -> list[tuple[int, int, int]]:
        """Blocks of a run: id, first chunk, how many."""
        layouts = self._keeper.layouts()
        rows = self._conn.execute("SELECT id, first_chunk, layout FROM blocks WHERE run = ?", (run,)).fetchall()
        return [(block, first, len(layouts[layout].ids)) for block, first, layout in rows]

    def _rows(self, table: str) -> bool:
        return self._conn.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None

    def _drop_rows(self, table: str) -> None:
        """The oldest of a plain table."""
        key = "id" if table == "journal" else "(unix_s, point)"
        oldest = f"SELECT {key.strip('()')} FROM {table} ORDER BY {key.strip('()')} LIMIT {ROWS_AT_ONCE}"
        with self._keeper.transaction() as conn:
            conn.execute(f"DELETE FROM {table} WHERE {key} IN ({oldest})")

    def write_counts(self) -> None:
        if self.counts:
            with self._keeper.transaction() as conn:
                for name, count in self.counts.items():
                    conn.execute(
                        "INSERT INTO state VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET json = json + excluded.json",
                        (name, str(count)),
                    )
