"""The board: what the agent shows of itself, `status.json`, for `hushwatt status` and for whoever watches."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.core.clock import wall_s
from agent.core.errors import StoreError
from agent.core.image import Image
from agent.core.points import Quality

NAME = "status.json"
LEAST_WALL_S = 0.5
"""Not written more often than this, however fast simulated time runs."""


class Board:
    """Replaces one small file as a whole, so that a reader never sees half of it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._written_wall_s = -math.inf

    def is_due(self) -> bool:
        return wall_s() - self._written_wall_s >= LEAST_WALL_S

    def write(self, figures: Mapping[str, Any]) -> bool:
        """False when the disk refuses; the board is not worth stopping for."""
        self._written_wall_s = wall_s()
        beside = self._path.with_suffix(".new")
        try:
            beside.write_text(json.dumps(figures), "utf-8")
            beside.replace(self._path)
        except OSError:
            return False
        return True


def read_board(folder: Path) -> dict[str, Any]:
    """The last figures that an agent with this store wrote. Raises StoreError when there are none."""
    path = folder / NAME
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as fault:
        raise StoreError(f"{path}: no agent has written here yet ({fault})") from None


def point_figures(image: Image) -> dict[str, Any]:
    """Value, quality and age of every point, JSON-able."""
    names = [spec.id for spec in image.table]
    values = [float(value) for value in image.values]
    ages_s = [image.age_s(name) for name in names]
    return {
        "points": {name: _finite(value) for name, value in zip(names, values, strict=True)},
        "quality": {name: Quality(code).name for name, code in zip(names, image.quality.tolist(), strict=True)},
        "ages_s": {name: _finite(age_s) for name, age_s in zip(names, ages_s, strict=True)},
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
