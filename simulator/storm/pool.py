"""Storm days side by side, each in a worker process of one thread."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.runtime.usage import read_usage
from simulator.storm.day import Day, folder_of, live
from simulator.storm.laws import LawBroken


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a worker says of a day."""

    seed: int
    day: Day | None
    broken: str
    memory_mb: float
    """The worker's peak so far."""


def one(seed: int) -> Told:
    """A day in this process, in a folder that is gone afterwards."""
    day, broken = None, ""
    with folder_of(seed) as folder:
        try:
            day = live(seed, folder)
        except LawBroken as law:
            broken = str(law)
        except Exception as fault:  # Whatever unwound the agent is a finding, and is told with its seed.
            logging.getLogger(__name__).debug("seed %d", seed, exc_info=fault)
            broken = f"{type(fault).__name__}: {fault}"
    return Told(seed=seed, day=day, broken=broken, memory_mb=read_usage().memory_peak_mb)


def run(seeds: Sequence[int], jobs: int) -> Iterator[Told]:
    """Days as they end."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, initializer=begin) as pool:
        yield from pool.imap_unordered(one, seeds, chunksize=1)


def begin() -> None:
    """One thread a worker, and no word of what the agent logs."""
    logging.disable(logging.CRITICAL)
