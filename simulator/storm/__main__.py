"""`python -m simulator.storm --days 200 --seed 1`: so many seeded days, side by side; a failing seed is printed."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence

from simulator.storm.pool import Told, begin, one, run

MOST_TOLD = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints progress and figures; 1 when a law was broken."""
    ask = argparse.ArgumentParser(prog="python -m simulator.storm", description=__doc__)
    ask.add_argument("--days", type=int, default=200)
    ask.add_argument("--seed", type=int, default=1, help="of the first day")
    ask.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    told = ask.parse_args(arguments)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"
    if told.days == 1:
        begin()
    seeds = range(told.seed, told.seed + told.days)
    return _tell(run(seeds, told.jobs) if told.days > 1 else iter([one(told.seed)]), len(seeds))


def _tell(days: Iterator[Told], count: int) -> int:
    began, broken, done = time.perf_counter(), [], []
    memory_mb = 0.0
    for n, told in enumerate(days, start=1):
        memory_mb = max(memory_mb, told.memory_mb)
        if told.day is None:
            broken.append(told)
            _say(f"seed {told.seed}: {told.broken}\n  again: python -m simulator.storm --days 1 --seed {told.seed}")
        else:
            done.append(told.day)
        if n % 20 == 0 or n == count:
            _say(f"{n} of {count} days, {len(broken)} broken, {time.perf_counter() - began:.0f} s")
    if count == 1 and done:
        _say(repr(done[0]))
    _say(
        f"{len(done)} days kept every law: {sum(day.faults for day in done)} faults, "
        f"{sum(day.lives for day in done)} lives, {sum(day.orders for day in done)} orders, "
        f"{sum(day.samples for day in done)} samples kept upstream; peak memory of a worker {memory_mb:.0f} MB"
    )
    if broken:
        _say(f"{len(broken)} days broke a law: seeds {', '.join(str(told.seed) for told in broken[:MOST_TOLD])}")
    return 1 if broken else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
