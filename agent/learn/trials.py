"""What a machine answers to its set-points, learned while acting: linear in features, with its own uncertainty.

Set-points under own control hardly move, so at first a response is a prior. Each move that is made is a trial; the
belief is what trials and prior come to together (Bayesian linear regression), and its width says where a further trial
could still tell something. What weather and habits add drifts slowly, so neighbours in time are compared with each
other more than with last week: residuals are taken as first-order autoregressive and whitened (Cochrane and Orcutt,
J. Am. Stat. Assoc. 44, 1949).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Numbers = tuple[float, ...]

STEADY, STEADIEST = 0.9, 0.98
"""Least and largest correlation from one step to the next that we believe (our assumption): what a linear belief
misses has hours of memory, so a move is judged by what stood just before it."""
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

    def learned(self, columns: Array, target: Array, is_next: Flags) -> Self:
        """After rows [t, p] with what was measured [t]; `is_next`: the row follows the one before at once."""
        if not len(target):
            return self
        x, y, weight = _whitened(columns, target, is_next, self.steadiness)
        noise = self.noise * np.sqrt(1.0 - self.steadiness**2)
        center = np.array(self.mean)
        weight = weight * _huber((y - x @ center) / noise)
        gained = (x * weight[:, None]).T
        before = np.array(self.precision)
        after = before + gained @ x / noise**2
        mean = np.linalg.solve(after, before @ center + gained @ y / noise**2)
        return replace(self, mean=_numbers(mean), precision=_rows(after))

    def told_apart(self, columns: Array, target: Array, is_next: Flags, *, least_noise: float) -> Self:
        """The same belief with noise and steadiness as these rows show them around it."""
        rest = target - columns @ np.array(self.mean)
        if len(rest) < 8:
            return self
        rest = rest - np.mean(rest)
        noise = max(least_noise, 1.4826 * float(np.median(np.abs(rest))))
        ahead, behind = rest[1:][is_next[1:]], rest[:-1][is_next[1:]]
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


def follows(steps: npt.NDArray[np.int64]) -> Flags:
    """Which rows stand one step after the row before them."""
    return np.concatenate(([False], np.diff(steps) == 1))


def _whitened(columns: Array, target: Array, is_next: Flags, alike: float) -> tuple[Array, Array, Array]:
    """Rows less what the row before foretold; the first of a run tells less, for nobody stands before it."""
    x, y = columns.copy(), target.copy()
    x[1:] -= alike * columns[:-1] * is_next[1:, None]
    y[1:] -= alike * target[:-1] * is_next[1:]
    return x, y, np.where(is_next, 1.0, 1.0 - alike**2)


def _huber(off: Array) -> Array:
    """Less weight to what lies far out, around the rows' own middle: a wrong prior is no outlier."""
    away = np.abs(off - np.median(off)) / max(1.0, 1.4826 * float(np.median(np.abs(off - np.median(off)))))
    return np.asarray(np.minimum(1.0, FAR / np.maximum(away, 1e-9)))


def _numbers(values: Array) -> Numbers:
    return tuple(float(x) for x in values)


def _rows(table: Array) -> tuple[Numbers, ...]:
    return tuple(_numbers(row) for row in table)
