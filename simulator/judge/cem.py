"""A cross-entropy search over vectors of 0..1, half of it mutations of the best: seeded, in generations."""

from __future__ import annotations

import numpy as np

from simulator.parts import Array

ELITE_SHARE = 0.125
KEEP = 0.15
"""Of the old mean and deviation from one generation to the next (smoothing as in de Boer et al., A tutorial on the
cross-entropy method, 2005, there 0.1 to 0.3 on the old)."""
FIRST_DEVIATION, AGAIN_DEVIATION, LEAST_DEVIATION = 0.30, 0.15, 0.01
MUTATED_SHARE, REDRAWN_SHARE = 0.15, 0.2
"""Of the best's numbers a mutant changes so many, at least one; of these so many are drawn anew (found by trying)."""


class CrossEntropy:
    """Ask for candidates, tell what they cost."""

    def __init__(self, size: int, dice: np.random.Generator) -> None:
        self.best = np.full(size, 0.5)
        self.best_cost = np.inf
        self._dice = dice
        self._mean, self._deviation = np.full(size, 0.5), np.full(size, FIRST_DEVIATION)

    def reopen(self) -> None:
        """Another day: what was best is a good start, and costs anew."""
        self.best_cost = np.inf
        self._mean = 0.5 * (self._mean + self.best)
        self._deviation = np.maximum(self._deviation, AGAIN_DEVIATION)

    def ask(self, count: int) -> Array:
        """[size, count]: half about the mean, half mutations of the best."""
        drawn = count // 2
        noise = self._dice.standard_normal((len(self.best), drawn))
        about = self._mean[:, None] + self._deviation[:, None] * noise
        return np.minimum(1.0, np.maximum(0.0, np.concatenate((about, self._mutants(count - drawn)), axis=1)))

    def _mutants(self, count: int) -> Array:
        shape = (len(self.best), count)
        chosen = self._dice.uniform(size=shape) < MUTATED_SHARE
        chosen[self._dice.integers(0, shape[0], count), np.arange(count)] = True
        reach = np.maximum(2.0 * self._deviation, 2.0 * LEAST_DEVIATION)[:, None]
        moved = self.best[:, None] + reach * self._dice.standard_normal(shape)
        anew = self._dice.uniform(size=shape)
        is_anew = self._dice.uniform(size=shape) < REDRAWN_SHARE
        return np.where(chosen, np.where(is_anew, anew, moved), self.best[:, None])

    def tell(self, vectors: Array, costs: Array) -> None:
        """All candidates of a generation with their costs [count]."""
        order = np.argsort(costs, kind="stable")
        if costs[order[0]] < self.best_cost:
            self.best, self.best_cost = vectors[:, order[0]].copy(), float(costs[order[0]])
        elite = vectors[:, order[: max(2, round(ELITE_SHARE * len(order)))]]
        self._mean = KEEP * self._mean + (1.0 - KEEP) * elite.mean(axis=1)
        spread = KEEP * self._deviation + (1.0 - KEEP) * elite.std(axis=1)
        self._deviation = np.maximum(spread, LEAST_DEVIATION)
