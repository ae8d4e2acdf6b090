"""What a stretch of a plan costs a part of a site: its energy, and steeply whatever is worse than under own control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simulator.books import J_PER_KWH, WAIT_BIN_S, WAIT_BINS
from simulator.parts import Array, Part
from simulator.world import Worlds


class Term(NamedTuple):
    """One entry of `Books` that must not get worse."""

    book: str
    per_hour: float
    """Its unit's seconds in what is priced: 3600 for kelvin-hours and hours."""
    kwh: float
    """Price of one unit more than own control has: so steep that no saving is worth it (our choice)."""


TERMS = (
    Term("zone_hi_ks", 3600.0, 1000.0),
    Term("zone_lo_ks", 3600.0, 1000.0),
    Term("unvent_s", 3600.0, 1000.0),
    Term("humid_ks", 3600.0, 1000.0),
    Term("inlet_ks", 3600.0, 1000.0),
    Term("short_s", 3600.0, 1000.0),
)
WAIT_KWH_S = 100.0
"""A second more of the mean wait, or of its 90th percentile."""
ROUNDING = 1e-6
"""Differences below this, relative, are none."""


class Reading(NamedTuple):
    """The books so far; every array ends with [worlds]."""

    spent_j: Array
    """[parts + 1, worlds]."""
    terms: Array
    """[parts, terms, worlds]."""
    waits: Array
    """[lift parts, bins + 1, worlds]: passengers by wait, and all their waiting in s."""

    def since(self, before: Reading) -> Reading:
        return Reading(self.spent_j - before.spent_j, self.terms - before.terms, self.waits - before.waits)

    @property
    def signature(self) -> Array:
        """All that a part can be told by, [parts + 1, numbers, worlds]."""
        terms = np.concatenate([self.terms, np.zeros((1, *self.terms.shape[1:]))])
        return np.concatenate([self.spent_j[:, None], terms], axis=1)


def read_books(worlds: Worlds) -> Reading:
    terms = np.zeros((len(worlds.parts), len(TERMS), worlds.worlds))
    waits = np.zeros((len(lifts_of(worlds.parts)), WAIT_BINS + 1, worlds.worlds))
    for row, part in enumerate(worlds.parts):
        sums = part.books.sums
        for column, term in enumerate(TERMS):
            if term.book in sums:
                terms[row, column] = sums[term.book].reshape(-1, worlds.worlds).sum(axis=0)
    for place, row in enumerate(lifts_of(worlds.parts)):
        sums = worlds.parts[row].books.sums
        if "wait_hist" in sums:
            waits[place, :-1], waits[place, -1] = sums["wait_hist"], sums["wait_s"]
    return Reading(worlds.spent_j(), terms, waits)


def lifts_of(parts: Sequence[Part]) -> list[int]:
    """Rows of the parts that have people waiting."""
    return [row for row, part in enumerate(parts) if "lifts" in part.uses]


def toll_kwh(used: Reading, own: Reading, rows: Sequence[int], lifts: Sequence[int]) -> Array:
    """Of the parts `rows` in a stretch, [worlds]: `used` against `own`, the same stretch under own control [1].

    `lifts`: which of the lift parts are among them.
    """
    parts = [row for row in rows if row < len(used.terms)]
    price = np.array([term.kwh / term.per_hour for term in TERMS])[:, None]
    excess = np.maximum(0.0, used.terms[parts] - own.terms[parts] * (1.0 + ROUNDING))
    kwh = used.spent_j[list(rows)].sum(axis=0) / J_PER_KWH + (price * excess).sum(axis=(0, 1))
    for lift in lifts:
        slower = np.maximum(0.0, _waiting_s(used.waits[lift]) - _waiting_s(own.waits[lift]))
        kwh = kwh + WAIT_KWH_S * slower.sum(axis=0)
    return kwh


def _waiting_s(waits: Array) -> Array:
    """Mean wait and its 90th percentile over passengers, s, [2, worlds]."""
    crowd = np.cumsum(waits[:-1], axis=0)
    everyone = np.maximum(crowd[-1], 1e-9)
    ninety = (crowd < 0.9 * everyone).sum(axis=0) + 0.5
    return np.stack((waits[-1] / everyone, np.where(crowd[-1] > 0.0, ninety * WAIT_BIN_S, 0.0)))
