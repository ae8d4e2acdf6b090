"""The arrays a model reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant

Forecast = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Unix seconds, rising, and values: float64 [n] each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """History on an even grid, oldest row first; the last row is now."""

    names: tuple[str, ...]
    """Point ids, in column order."""
    units: tuple[str, ...]
    values: npt.NDArray[np.float32]
    """float32 [t, n]; NaN where `mask` is False."""
    mask: npt.NDArray[np.bool_]
    """bool [t, n]; True where the sample was GOOD and fresh on the grid."""
    grid_s: float
    """Seconds between rows."""
    at: Instant
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    """Point -> what is foretold of it by a feed that proved itself; empty where nothing is fed."""

    def column(self, name: str) -> npt.NDArray[np.float32]:
        """float32 [t]; all NaN for a point that the site does not have."""
        if name not in self.names:
            return np.full(len(self.values), np.nan, np.float32)
        return self.values[:, self.names.index(name)]
