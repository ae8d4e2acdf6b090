"""What a search needs of `Worlds` beyond living: to go back in time, and to see which part spent what."""

from __future__ import annotations

import copy

import numpy as np

from simulator.books import OWN_SOURCES
from simulator.parts import SUB_STEP_S, Array
from simulator.world import Worlds


def copy_of(worlds: Worlds) -> Worlds:
    """The same instant once more, to be lived in another way; the sky is shared, for it never changes."""
    sky = worlds._sky
    twin = copy.deepcopy(worlds, {id(sky): sky})
    # Each part's rows are a view of what is held, and a copied view no longer looks at the copied whole.
    ends = np.cumsum([len(part.writable) for part in twin.parts])
    twin._held_of = [twin._held[end - len(p.writable) : end] for end, p in zip(ends, twin.parts, strict=True)]
    return twin


def spent_j(worlds: Worlds) -> Array:
    """Since the books began: electricity by part, and gas in the last row, [parts + 1, worlds]."""
    rows = []
    first = 0
    for part in worlds.parts:
        bought = [first + n for n, use in enumerate(part.uses) if use not in OWN_SOURCES]
        rows.append(worlds._joules[bought].sum(axis=0))
        first += len(part.uses)
    return SUB_STEP_S * np.stack([*rows, worlds._gas_j])
