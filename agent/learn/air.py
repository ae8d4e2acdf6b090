"""How much air the servers of a room draw, told from the return air that comes round to their inlets.

Nobody measures a server's air. But where it draws more than it is given, the rest comes round from behind and its
inlet warms: the share of return air in an inlet, (inlet - supply) / (return - supply), is a leak while there is air
enough, and rises by what is missing. Air that sufficed is an upper bound, air that did not is a measurement. How the
draw follows load and inlet is not known beforehand: all ways that agree with what was seen count, and the worst of
them bars the way. So each lower speed is tried by a small step, below what may be missed, and only where no step
before told that it is short.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LOAD_SHARES = (0.0, 0.5, 1.0)
"""Draw follows the load: not at all, by half, in proportion."""
PER_K = (0.03, 0.06, 0.10)
KNEES_C = (15.0, 20.0, 23.0, 26.0)
"""Rise a kelvin of inlet above a knee; makers' curves begin between 22 and 25 C, EnergyPlus's own at 15 C."""
SHORT_SHARE = 0.015
"""So much return air beyond the leak means that air runs short; below, it may be a sensor's trembling."""
ALIKE = 0.012
"""Ways that miss what was seen by no more than this beyond the best one are as good as it."""
PLENTY_STEPS = 3
TRY_SHARE = 0.03
"""A trial goes below what is known to suffice by so much: well within the 5 % at which servers count as starved."""
SPARE_SHARE = 0.01
"""Kept above a draw that was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breath:
    """The share of return air in each inlet, in steps in which nothing moved."""

    speed: Array
    """[t], 0..1, of all fans together."""
    load_kw: Array
    inlet_c: Array
    """[t, r]"""
    share: Array
    """[t, r]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """What is known of leaks and draw."""

    leak: Array
    """[r]: share of return air in the inlet while there is air enough."""
    load_ref_kw: float
    ways: Array
    """[h, 3]: load share, rise a kelvin, knee; those that agree with what was seen, the best first."""
    need: Array
    """[h, r]: fan speed that just suffices each rack at the reference load and cool inlets."""
    is_measured: bool
    """Air ran short somewhere; otherwise `need` is only what sufficed."""

    @classmethod
    def seen(cls, breath: Breath) -> Self:
        """From steps in which nothing moved but perhaps the fans; at least one."""
        leak = _leak(breath)
        lack = np.maximum(0.0, (breath.share - leak) / (1.0 - leak))
        short, enough = _verdicts(breath, lack)
        load_ref = float(np.max(breath.load_kw))
        ways = np.array([(0.0, 0.0, 23.0), *_all_ways()])
        told = [_told(breath, lack, short, enough, load_ref, way) for way in ways]
        misfit = np.array([miss for _, miss in told])
        good = np.flatnonzero(misfit <= misfit.min() + ALIKE)
        good = good[np.argsort(misfit[good], kind="stable")]
        need = np.stack([told[h][0] for h in good])
        is_measured = bool((np.mean(np.where(short, lack, 0.0), axis=1) > SHORT_SHARE).any())
        return cls(leak=leak, load_ref_kw=load_ref, ways=ways[good], need=need, is_measured=is_measured)

    def of_racks(self, load_kw: Array) -> Array:
        """By the best way: the speed that just suffices each rack while inlets are cool, [n, r]."""
        return np.asarray(self.need[0] * _by_load(load_kw, self.load_ref_kw, self.ways[0, 0])[:, None])

    def shares(self, breath: Breath) -> Array:
        """Of return air in each inlet by the best way, [t, r]."""
        draw = _draw(breath.load_kw[:, None], breath.inlet_c, self.load_ref_kw, self.ways[0])
        short = np.maximum(0.0, 1.0 - breath.speed[:, None] / (self.need[0] * draw))
        return np.asarray(self.leak + (1.0 - self.leak) * short)

    def least_speed(self, load_kw: Array, inlet_c: Array, *, is_hopeful: bool = False) -> Array:
        """Below this nobody may go: [n, k] for loads [n] and mean inlets [n, k]; `is_hopeful`: what may do at best."""
        each = self._each(load_kw, inlet_c)
        tried = (1.0 - TRY_SHARE) * np.max(each, axis=0)
        spared = (1.0 + SPARE_SHARE) * np.min(each, axis=0)
        if is_hopeful:
            return np.asarray(spared)
        return np.asarray(np.maximum(tried, spared) if self.is_measured else tried)

    def is_unsure(self, load_kw: Array, inlet_c: Array) -> bool:
        """The ways that agree with what was seen foretell different needs there."""
        each = self._each(load_kw, inlet_c)
        return bool((np.max(each, axis=0) > (1.0 + 2.0 * SPARE_SHARE) * np.min(each, axis=0)).any())

    def _each(self, load_kw: Array, inlet_c: Array) -> Array:
        """Mean need by way, [h, n, k]."""
        total = np.mean(self.need, axis=1)
        return np.stack(
            [
                one * _draw(load_kw[:, None], inlet_c, self.load_ref_kw, way)
                for one, way in zip(total, self.ways, strict=True)
            ]
        )

    def lack(self, share: Array) -> float:
        """Share of the draw that is missing now, mean over racks, from their shares [r]."""
        return float(np.mean(np.maximum(0.0, (share - self.leak) / (1.0 - self.leak))))


def _all_ways() -> list[tuple[float, float, float]]:
    flat = [(share, 0.0, KNEES_C[0]) for share in LOAD_SHARES if share]
    return flat + list(itertools.product(LOAD_SHARES, PER_K, KNEES_C))


def _leak(breath: Breath) -> Array:
    """Where air was most plentiful; some steps at least, for a single one may be a sensor's."""
    fewest = min(PLENTY_STEPS, len(breath.speed))
    plenty = breath.speed >= np.sort(breath.speed)[-fewest] - 0.01
    return np.asarray(np.clip(np.median(breath.share[plenty], axis=0), 0.0, 0.9))


def _verdicts(breath: Breath, lack: Array) -> tuple[Flags, Flags]:
    """Where air ran short and where it sufficed, [t, r] each, without what was refuted since.

    Air that suffices at no more speed, no less load and no cooler inlet says that an earlier lack was none, such as a
    sensor's; and a lack at no less speed, no more load and no warmer inlet that what sufficed once does so no more.
    """
    short, enough = lack > SHORT_SHARE, lack <= SHORT_SHARE
    for t, r in np.argwhere(short):
        harder = (breath.speed <= breath.speed[t] + 0.005) & (breath.load_kw >= 0.99 * breath.load_kw[t])
        harder &= breath.inlet_c[:, r] >= breath.inlet_c[t, r] - 0.1
        if (enough[t + 1 :, r] & harder[t + 1 :]).any():
            short[t, r] = False
        else:
            enough[:t, r] &= ~harder[:t]
    return short, enough


def _by_load(load_kw: Array, ref_kw: float, share: float) -> Array:
    return np.asarray(1.0 + share * (load_kw / ref_kw - 1.0))


def _draw(load_kw: Array, inlet_c: Array, ref_kw: float, way: Array) -> Array:
    """Over that at the reference load and cool inlets."""
    share, per_k, knee_c = way
    return np.asarray(_by_load(load_kw, ref_kw, share) * (1.0 + per_k * np.maximum(0.0, inlet_c - knee_c)))


def _told(breath: Breath, lack: Array, short: Flags, enough: Flags, ref_kw: float, way: Array) -> tuple[Array, float]:
    """Each rack's need [r] if servers drew this way, and how badly that agrees with what was measured."""
    given = breath.speed[:, None] / _draw(breath.load_kw[:, None], breath.inlet_c, ref_kw, way)
    measured = np.where(short, given / np.maximum(1.0 - lack, 0.05), np.inf)
    count = np.asarray(short.sum(axis=0))
    middle = np.sort(measured, axis=0)[count // 2, np.arange(len(count))]  # Infinite where nothing was measured.
    sufficed = np.min(np.where(enough, given * (1.0 + lack), np.inf), axis=0) * np.where(count, 1.0 + SHORT_SHARE, 1.0)
    need = np.minimum(middle, sufficed)
    need = np.where(np.isfinite(need), need, np.max(given, axis=0))
    off = np.where(short, measured / need - 1.0, 0.0)
    return need, float(np.sqrt(np.sum(off**2) / max(np.sum(short), 1)))
