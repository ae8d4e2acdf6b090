"""The power is cut at random moments, over and over: each life goes on with the card that the cut before it left.

    python -m tests.soak power --kills 1000

A twentieth as many cuts as kills, for each of two loads. Needs the right to mount.
"""

import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.store.card import CannotMountError, Card
from tests.store.nursery import Nursery
from tests.store.test_power import MEMORY, cut_often

LOADS = ((0.0, 0.3), (1.0, 3.0))
"""`commit_s`, and the longest life."""


def main(kills=1000, seed=1):
    """0 when no more was lost than `commit_s` says, or nobody lets us mount."""
    dice, failed = random.Random(seed), False
    for commit_s, longest_s in LOADS:
        cuts, began_s = max(4, kills // 20), time.monotonic()
        with tempfile.TemporaryDirectory(dir=MEMORY) as folder, ExitStack() as stack, Nursery() as nursery:
            try:
                card = stack.enter_context(Card(Path(folder)))
            except CannotMountError as fault:
                print(f"not measured: {fault}")
                return 0
            wrong = cut_often(nursery, card, dice, commit_s, longest_s, cuts)
        told = wrong or f"nothing lost that was promised {commit_s:g} s before, no seq given twice"
        print(f"{cuts} cuts at commit_s {commit_s:g} in {time.monotonic() - began_s:.0f} s: {told}")
        failed |= wrong is not None
    return 1 if failed else 0
