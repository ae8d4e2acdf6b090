"""What a machine answers to its set-points, learned while acting: linear in features, with its own uncertainty.

Set-points under own control hardly move, so at first a response is a prior. Each move that is made is a trial; the
belief is what trials and prior come to together (Bayesian linear regression), and its width says where a further trial
could still tell something. What weather and habits add drifts slowly, so neighbours in time are compared with each
other more than with last week: residuals are taken as first-order autoregressive and whitened (Cochrane and Orcutt,
J. Am. Stat. Assoc. 44, 1949), also across the steps of a move, which are left out: before and after are what tells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]
"""Numbers of steps in time's order; those of neighbours differ by one."""
Numbers = tuple[float, ...]

STEADY, STEADIEST = 0.9, 0.98
"""Least and largest correlation from one step to the next that we believe (our assumption): what a linear belief
misses has hours of memory, so a move is judged by what stood just before it."""
REACH = 8
"""Steps back that a row is still compared with the one before it (our choice: two hours)."""
FAR = 3.0
"""Residuals further out than so many deviations weigh less (Huber)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """Coefficients with their precision; JSON-able."""

    mean: Numbers
    precision: tuple[Numbers, ...]
    """Inverse covariance, [p][p]."""
    noise: float
    """Standard deviation of the residual of one step."""
    steadiness: float = 0.0
    """Its correlation from one step to the next."""

    @classmethod
    def prior(cls, mean: Array, spread: Array, noise: float) -> Self:
        """Independent coefficients, each with its standard deviation."""
        return cls(mean=_numbers(mean), precision=_rows(np.diag(1.0 / np.square(spread))), noise=noise)

    def learned(self, columns: Array, target: Array, steps: Steps) -> Self:
        """After rows [t, p] with what was measured [t] in these steps [t]."""
        if not len(target):
            return self
        x, y, weight = _whitened(columns, target, steps, self.steadiness)
        noise = self.noise * np.sqrt(1.0 - self.steadiness**2)
        center = np.array(self.mean)
        weight = weight * _huber((y - x @ center) / noise)
        gained = (x * weight[:, None]).T
        before = np.array(self.precision)
        after = before + gained @ x / noise**2
        mean = np.linalg.solve(after, before @ center + gained @ y / noise**2)
        return replace(self, mean=_numbers(mean), precision=_rows(after))

    def told_apart(self, columns: Array, target: Array, steps: Steps, *, least_noise: float) -> Self:
        """The same belief with noise and steadiness as these rows show them around it."""
        rest = target - columns @ np.array(self.mean)
        if len(rest) < 8:
            return self
        rest = rest - np.mean(rest)
        noise = max(least_noise, 1.4826 * float(np.median(np.abs(rest))))
        is_next = np.diff(steps) == 1
        ahead, behind = rest[1:][is_next], rest[:-1][is_next]
        alike = float(np.clip(np.sum(ahead * behind) / max(float(np.sum(behind**2)), 1e-12), STEADY, STEADIEST))
        return replace(self, noise=noise, steadiness=alike)

    def value(self, columns: Array) -> Array:
        return np.asarray(columns @ np.array(self.mean))

    def root(self, first: int = 0) -> Array:
        """R with covariance = R R', of the coefficients from `first` on."""
        return np.asarray(np.linalg.cholesky(self.covariance[first:, first:]))

    @property
    def covariance(self) -> Array:
        both = np.linalg.inv(np.array(self.precision))
        return np.asarray(0.5 * (both + both.T))

    @property
    def spread(self) -> Array:
        """Standard deviation of each coefficient."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def _whitened(columns: Array, target: Array, steps: Steps, alike: float) -> tuple[Array, Array, Array]:
    """Rows less what the row before foretold, and their weights: one that nobody stands near before tells least."""
    gap = np.diff(steps)
    told = np.concatenate(([0.0], np.where((gap >= 1) & (gap <= REACH), alike ** np.clip(gap, 1, REACH), 0.0)))
    x, y = columns.copy(), target.copy()
    x[1:] -= told[1:, None] * columns[:-1]
    y[1:] -= told[1:] * target[:-1]
    return x, y, (1.0 - alike**2) / (1.0 - told**2)


def _huber(off: Array) -> Array:
    """Less weight to what lies far out, around the rows' own middle: a wrong prior is no outlier."""
    away = np.abs(off - np.median(off)) / max(1.0, 1.4826 * float(np.median(np.abs(off - np.median(off)))))
    return np.asarray(np.minimum(1.0, FAR / np.maximum(away, 1e-9)))


def _numbers(values: Array) -> Numbers:
    return tuple(float(x) for x in values)


def _rows(table: Array) -> tuple[Numbers, ...]:
    return tuple(_numbers(row) for row in table)
