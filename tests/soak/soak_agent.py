"""`kill -9` of the true agent at random moments of its first seconds: it is up again at once, with all its samples.

    python -m tests.soak agent --kills 1000

A process takes a second to begin, so there are a fiftieth as many kills as of the store alone.
"""

import random
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.end_to_end.gateway import Gateway

LONGEST_LIFE_S = 3.0
START_BAR_S = 2.0
"""From a bare process to a house that is up."""


def main(kills=1000, seed=1):
    """0 when each start was fast and no sample that was seen in the store went away."""
    dice, starts_s, faults, seen = random.Random(seed), [], [], np.empty(0)
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder))
        for kill in range(1, max(4, kills // 50) + 1):
            began_s = time.monotonic()
            gateway.start()
            starts_s.append(time.monotonic() - began_s)
            time.sleep(dice.uniform(0, LONGEST_LIFE_S))
            before = gateway.polls_s() if gateway.stored() else np.empty(0)
            gateway.process.kill()
            gateway.process.wait()
            after = gateway.polls_s() if gateway.stored() else np.empty(0)
            if not set(seen) | set(before) <= set(after) or len(after) != len(set(after)):
                faults.append(f"kill {kill}: {len(before)} samples were there, {len(after)} are")
            seen = after
    print(f"{len(starts_s)} kills of the agent, seed {seed}: {len(seen)} polls kept")
    print(f"from process to house: slowest {max(starts_s):.2f} s, median {np.median(starts_s):.2f} s")
    print(*faults or ["nothing missing, nothing doubled"], sep="\n")
    return 1 if faults or max(starts_s) > START_BAR_S else 0
