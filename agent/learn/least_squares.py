"""Least squares under signs, in numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SWEEPS = 400
"""Coordinate descent; the bench's problems of ten columns settle in fewer than 200."""


def fit_signed(
    columns: Array, target: Array, low: Array, *, prior: Array | None = None, ridge: Array | None = None
) -> Array:
    """Minimize |columns x - target|^2 + sum ridge (x - prior)^2 subject to x >= low.

    `columns` [t, n], `target` [t], the others [n]; `low` may hold -inf. Columns are scaled inside; `ridge` counts in
    units of the scaled problem (1 weighs as much as the whole data's mean square of that column).
    """
    n = columns.shape[1]
    scale = np.sqrt(np.mean(columns**2, axis=0)) + 1e-12
    scaled = columns / scale
    rows = max(len(target), 1)
    normal = scaled.T @ scaled / rows
    right = scaled.T @ target / rows
    pull = np.full(n, 1e-6) if ridge is None else ridge + 1e-9
    aim = np.zeros(n) if prior is None else prior * scale
    normal = normal + np.diag(pull)
    right = right + pull * aim
    floor = low * scale
    x = np.maximum(aim, floor)
    for _ in range(SWEEPS):
        before = x.copy()
        for j in range(n):
            x[j] = max(floor[j], x[j] + (right[j] - normal[j] @ x) / normal[j, j])
        if np.max(np.abs(x - before)) < 1e-10:
            break
    return np.asarray(x / scale)


def trace(values: Array, decay: float, start: float) -> Array:
    """First-order memory f[k] = decay f[k-1] + (1 - decay) v[k-1]; float64 [t], f[0] = start."""
    out = np.empty(len(values))
    now = start
    for k, value in enumerate(values):
        out[k] = now
        now = decay * now + (1.0 - decay) * value
    return out
