"""What bars the way of a data room's plan: what is out of reach, not judged yet, or may leave servers short of air.

| what                                                                  | how it bars                              |
|-----------------------------------------------------------------------|------------------------------------------|
| a set-point that cannot be reached in a step                          | wholly                                   |
| anything but more air, before the last move was judged                | the first hour, wholly                   |
| less air than what servers may draw, in the worst way that fits       | steeply, the more the further            |
| chilled water much nearer to the supply air than was ever seen to do  | steeply                                  |
| anything but the fans, before it was seen where air runs short        | the first hour, wholly                   |
| not to warm the inlets, where it may pay and nobody knows their draw  | the first hour, by what a trial is worth |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.features.grid import SLOTS
from agent.learn.air import PLENTY_STEPS, SHORT_SHARE, Air
from agent.learn.crac import Beliefs
from agent.learn.room_history import RoomHistory, still_of
from agent.optimize.room_knobs import Knobs

Array = npt.NDArray[np.float64]

STEPS = 24
"""Hours."""
BAR = 1.0e5
SHORT_BAR = 1.0e4
AHEAD_SLOTS = 4
"""Quarters of an hour for whose load the air of now must do."""
BREATH_SHARE, BREATH_S = 1.1, 3.0 * 86_400.0
"""Within so long there should be a breath of so much more air: without one, servers that come to want more air by and
by would look like a leak that always was there (our assumption; it costs about half a percent of the fans' energy)."""
WATER_TRY_K = 0.5
"""Chilled water is tried nearer to the supply air by so much than was ever seen to do."""
WARM_K = 1.0
"""Inlets are tried warmer by at most so much."""
WARM_WORTH = 0.004
"""What that may cost while it lasts, over the room's power (our choice: it is over in hours)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What the plan starts from."""

    inlet_c: Array
    outdoor_c: float
    room_kw: float
    share: Array
    """Of return air in each inlet."""
    knobs: Knobs

    @property
    def is_known(self) -> bool:
        told = np.array([self.outdoor_c, self.room_kw, *self.knobs.now])
        return bool(np.isfinite(self.inlet_c).all() and np.isfinite(told).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the room by now."""

    past: RoomHistory
    still: RoomHistory
    """Its settled steps."""
    belief: Beliefs
    air: Air
    load: Array
    """kW of servers and UPS in the next 96 quarters of an hour."""

    @property
    def bias_k(self) -> float:
        """By how much the air comes warmer than its set-point."""
        return float(np.clip(np.median((self.still.supply - self.still.knobs[:, 0])[-SLOTS // 4 :]), -3.0, 3.0))

    def inlet(self, rows: Array) -> Array:
        """Mean inlets while there is air enough, [n, k]."""
        rise = self.load[:: SLOTS // STEPS, None] / (self.still.stream_kw_k * rows[:, 1])
        return np.asarray(rows[:, 0] + self.bias_k + float(np.mean(self.air.leak)) * rise)


def bars_of(rows: Array, present: Present, known: Known, *, has_water: bool, is_hopeful: bool = False) -> Array:
    """[n, k]; `is_hopeful`: as if servers drew as little air as anything that was seen allows."""
    past, still, air, knobs = known.past, known.still, known.air, present.knobs
    stands = bool((np.abs(knobs.now - past.knobs[-1]) <= still_of(past.knobs.shape[1])).all())
    is_settled = stands and bool(past.is_settled[-1]) and past.step[-1] == still.step[-1]
    bar = BAR * knobs.far(rows, STEPS, is_settled=is_settled)
    bar[:, -2:] = BAR  # Named plans are scored apart.
    least = air.least_speed(_worst_load(known.load, present), known.inlet(rows), is_hopeful=is_hopeful)
    lack = air.lack(present.share)
    if lack > 2.0 * SHORT_SHARE:
        least[0] = np.maximum(least[0], knobs.now[1] * (1.0 + lack))
    least[0] = np.maximum(least[0], _breath(still, present))
    lacking = np.maximum(0.0, least - rows[:, 1] - 1e-6)
    bar += np.where(lacking > 0.0, SHORT_BAR * (1.0 + 10.0 * lacking), 0.0)
    if has_water:
        near = rows[:, 0] - rows[:, 2] < _nearest_water_k(known) - WATER_TRY_K - 1e-6
        worse = rows[:, 0] - rows[:, 2] < knobs.now[0] - knobs.now[2] - 1e-6
        bar += SHORT_BAR * (near & worse)
    others = np.abs(np.delete(rows - knobs.now, 1, axis=1)).max(axis=1) > 1e-6
    falls = ~others & (rows[:, 1] < knobs.now[1] - 1e-6) & (bar[0] == 0.0)
    if falls.any() and not air.is_measured:
        bar[0] += BAR * others
    return np.asarray(bar)


def may_warm(present: Present, known: Known) -> bool:
    """It is not known how much more air warmer servers draw."""
    mean = np.array([[float(np.mean(present.inlet_c)) + WARM_K]])
    return known.air.is_measured and known.air.is_unsure(_worst_load(known.load, present)[:1], mean)


def warms(rows: Array, present: Present) -> npt.NDArray[np.bool_]:
    """Rows that are a trial of it: nothing but the supply air gets warmer, by a little, and the fans may follow."""
    away = rows - present.knobs.now
    others = np.abs(np.delete(away, 1, axis=1))[:, 1:]
    return np.asarray((away[:, 0] > 0.1) & (away[:, 0] <= WARM_K + 1e-6) & (others < 1e-6).all(axis=1))


def least_speeds(present: Present, known: Known) -> Array:
    """Speeds worth being among the candidates: the lowest that is safe in each hour at the inlets of now, [n]."""
    inlet = np.full((STEPS, 1), float(np.mean(present.inlet_c)))
    return np.asarray(known.air.least_speed(_worst_load(known.load, present), inlet)[:, 0])


def _worst_load(load: Array, present: Present) -> Array:
    """By hour; the first counts what is now and what comes before the next moves can answer."""
    worst = load.reshape(STEPS, -1).max(axis=1)
    worst[0] = max(present.room_kw, float(np.max(load[:AHEAD_SLOTS])))
    return np.asarray(worst)


def _breath(still: RoomHistory, present: Present) -> float:
    """A speed at which leaks can be told from lack, when there was none for long; else 0."""
    fresh = np.sort(still.speed[still.end_unix_s > still.end_unix_s[-1] - BREATH_S])
    wanted = min(BREATH_SHARE * float(np.median(fresh)), float(present.knobs.high[1]))
    was_there = len(fresh) >= PLENTY_STEPS and fresh[-PLENTY_STEPS] >= wanted - 0.01
    return 0.0 if was_there else wanted


def _nearest_water_k(known: Known) -> float:
    """How near below the supply air chilled water was seen to do."""
    still = known.still
    met = still.supply - still.knobs[:, 0] < 0.3 + max(0.0, known.bias_k)
    near = (still.knobs[:, 0] - still.water)[met & np.isfinite(still.water)]
    return float(np.min(near, initial=np.inf))
