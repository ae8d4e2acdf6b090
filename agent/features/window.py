"""A ring of images on an even grid, given out as `Features`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.features import Features
from agent.core.image import Image
from agent.core.points import PointSpec


class Window:
    """Holds the last `rows` grid rows of some points; bounded, float32."""

    def __init__(self, points: Iterable[PointSpec], *, grid_s: float, rows: int) -> None:
        specs = tuple(points)
        self.names = tuple(spec.id for spec in specs)
        self._units = tuple(spec.unit for spec in specs)
        self._grid_s = grid_s
        self._values = np.full((rows, len(specs)), np.nan, np.float32)
        self._cell: int | None = None
        """Number of the grid cell of the newest row, counted from 1970."""

    def add(self, image: Image) -> None:
        """Take a look into the row of its instant; a later look in the same cell outranks the earlier one."""
        row = np.array([_value(image, name) for name in self.names], np.float32)
        self.put(row, image.at)

    def put(self, row: npt.NDArray[np.float32], at: Instant) -> None:
        """The same from plain values in the order of `names`, NaN where unknown; old instants are ignored."""
        cell = round(at.unix_s / self._grid_s)
        ahead = 1 if self._cell is None else cell - self._cell
        if ahead < 0:
            return
        if ahead:
            self._roll(min(ahead, len(self._values)))
            self._cell = cell
        self._values[-1] = row

    def _roll(self, rows: int) -> None:
        """Cells that nobody looked into stay unknown."""
        self._values[: len(self._values) - rows] = self._values[rows:].copy()
        self._values[len(self._values) - rows :] = np.nan

    def look(self) -> tuple[int, npt.NDArray[np.float32]]:
        """The newest row's grid cell, and the rows that were ever looked into, oldest first; 0 and none when new."""
        known = np.flatnonzero(np.isfinite(self._values).any(axis=1))
        if self._cell is None or not len(known):
            return 0, self._values[:0].copy()
        return self._cell, self._values[known[0] :].copy()

    def features(self, at: Instant) -> Features:
        """A copy; the last row is the newest look."""
        values = self._values.copy()
        return Features(
            names=self.names,
            units=self._units,
            values=values,
            mask=np.isfinite(values),
            grid_s=self._grid_s,
            at=at,
        )


def _value(image: Image, name: str) -> float:
    value = image.good(name)
    return float("nan") if value is None else value
