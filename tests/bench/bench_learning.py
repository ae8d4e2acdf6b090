"""How long a site of 20 machines takes to learn from 14 days, and what memory it needs: under 60 s and 60 MB more."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agent.core.features import Features
from agent.equipment.systems import Systems
from agent.learn.site import learn
from tests.bench.closed_loop import SYSTEMS, history_of

COPIES = 7
"""Of an office floor, a data room and a lift group: 21 machines, 28 zones."""
DAYS = 14
MOST_S, MOST_MB = 60.0, 60.0


def grown(history: Features) -> tuple[Features, Systems]:
    """The site with its machines several times over; each copy's sensors tremble by themselves."""
    rng = np.random.default_rng(1)
    shared = ("site.", "meter")
    own = [place for place, name in enumerate(history.names) if not name.startswith(shared)]
    names, blocks = list(history.names), [history.values]
    for copy in range(1, COPIES):
        parts = [history.names[place].split(".", 1) for place in own]
        names += [f"{_named(equipment, copy)}.{role}" for equipment, role in parts]
        block = history.values[:, own]
        blocks.append((block + 0.01 * rng.standard_normal(block.shape)).astype(np.float32))
    values = np.concatenate(blocks, axis=1)
    every = replace(history, names=tuple(names), units=("",) * len(names), values=values, mask=np.isfinite(values))
    return every, _systems()


def _named(equipment: str, copy: int) -> str:
    return equipment if copy == 0 else f"{equipment}x{copy}"


def _systems() -> Systems:
    copies = range(COPIES)
    ahu, room, lifts = SYSTEMS.ahus[0], SYSTEMS.rooms[0], SYSTEMS.lifts[0]
    return Systems(
        ahus=tuple(
            replace(ahu, ahu=_named(ahu.ahu, n), zones=tuple(_named(zone, n) for zone in ahu.zones)) for n in copies
        ),
        rooms=tuple(
            replace(room, room=_named(room.room, n), cracs=tuple(_named(crac, n) for crac in room.cracs))
            for n in copies
        ),
        lifts=tuple(replace(lifts, lifts=_named(lifts.lifts, n)) for n in copies),
    )


def main(arguments: Sequence[str] = ()) -> int:
    """Prints both figures; returns 1 when one of them is beyond its limit."""
    from simulator.scenarios import load

    history, systems = grown(history_of(load("office-tower", seed=4), DAYS))
    start = time.perf_counter()
    learned = learn(history, systems)
    took_s = time.perf_counter() - start
    tracemalloc.start()  # It slows: the time was taken before.
    learn(history, systems)
    more_mb = tracemalloc.get_traced_memory()[1] / 1e6
    fits = [fit.is_fit for group in (learned.ahus, learned.rooms, learned.lifts) for fit in group]
    print(f"{len(fits)} machines from {DAYS} days: {took_s:.1f} s, {more_mb:.1f} MB more, {sum(fits)} understood")
    return 0 if took_s <= MOST_S and more_mb <= MOST_MB else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
