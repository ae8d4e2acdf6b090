"""`kill -9` of the store's writer at random instants, over and over on one file: what it promised is there, once.

    python -m tests.soak store --kills 1000

A life ends at a random moment of its first 0.12 s: while it opens, commits, compacts or thins. After each, what was
promised last is looked for; every hundredth time, and at the end, all that was ever written is read and compared.
"""

import random
import tempfile
import time
from pathlib import Path

from agent.core.errors import StoreError
from agent.store.reader import open_reader
from tests.store.nursery import Nursery, cold_start_s

LONGEST_LIFE_S = 0.12
"""Opening takes 10 to 20 ms of it here (our assumption for the rest: some ten commits and two compactions)."""
ALL_EACH = 100
OPEN_BAR_S = 2.0
POINT = "a.b"


def main(kills=1000, seed=1):
    """0 when nothing was missing or doubled and each start was fast."""
    dice = random.Random(seed)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Nursery() as nursery:
        path = Path(folder) / "s.db"
        first = promised = seq = acked = 0
        opened_s, faults = [], []
        for kill in range(1, kills + 1):
            mode = dice.choice(("keep", "ack"))
            life = nursery.life(path, first, mode, after_s=dice.uniform(0, LONGEST_LIFE_S))
            opened_s += [] if life.open_s is None else [life.open_s]
            for told in life.promises[-1:]:
                promised, seq, acked = told.number, max(seq, told.seq), max(acked, told.acked)
            if promised or path.exists():
                first, fault = look(path, first, (promised, seq, acked), is_whole=kill % ALL_EACH == 0 or kill == kills)
                faults += [f"kill {kill}: {fault}"] if fault else []
        cold_s = cold_start_s(path, first)
    took_s = time.monotonic() - began_s
    print(f"{kills} kills in {took_s:.0f} s, seed {seed}: {first} scans kept, {promised + 1} of them promised")
    print(f"starts: {len(opened_s)} seen, slowest {max(opened_s, default=0):.3f} s; a cold process {cold_s:.2f} s")
    print(*faults or ["nothing missing, nothing doubled"], sep="\n")
    return 1 if faults or max([*opened_s, cold_s]) > OPEN_BAR_S else 0


def look(path, first, told, *, is_whole):
    """How many scans there are, and what is wrong."""
    promised, seq, acked = told
    if not promised and not is_begun(path):
        return 0, None
    with open_reader(path) as reader:
        counts = reader.counts()
        since = 0 if is_whole else first
        numbers = reader.history([POINT], 2e9 + since, 3e9)[POINT].values.tolist()
        if numbers != list(range(since, since + len(numbers))):
            return since + len(numbers), f"not in order, or twice, from {since}: {numbers[:20]} .."
        count = since + len(numbers)
        if count <= promised and promised:
            return count, f"{promised} was promised, {count} are there"
        if counts.samples != count or counts.last_seq != count or counts.last_seq < seq or counts.acknowledged < acked:
            return count, f"counts are {counts}, wanted {count} samples, {seq} seqs, {acked} acknowledged"
        if is_whole:
            seqs = [record.seq for record in reader.records(0, 10**7, count, newest=False).records]
            if seqs != list(range(1, count + 1)):
                return count, "a seq is missing, or was given twice"
    return count, None


def is_begun(path):
    """Else the first life was killed before it had made its tables."""
    try:
        open_reader(path).close()
    except StoreError:
        return False
    return True
