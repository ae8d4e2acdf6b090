"""Samples on their way from wire to disk: columns, never one object a sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The columns of one device's poll; all samples were taken at one instant (the response's)."""

    device: str
    handles: npt.NDArray[np.int32]
    """Places in the site's `PointTable`, int32 [n]."""
    values: npt.NDArray[np.float64]
    """In the point's declared unit, float64 [n]; NaN where quality is BAD."""
    quality: npt.NDArray[np.uint8]
    """`Quality` codes, uint8 [n]."""
    at: Instant

    def __post_init__(self) -> None:
        if not len(self.handles) == len(self.values) == len(self.quality):
            raise ValueError(f"{self.device}: columns of unequal length")

    def __len__(self) -> int:
        return len(self.handles)
