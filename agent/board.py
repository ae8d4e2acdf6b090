"""The board: what the agent shows of itself, `status.json`, for `hushwatt status` and for whoever watches."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.core.clock import wall_s
from agent.core.errors import StoreError
from agent.core.image import Image
from agent.core.points import Quality
from agent.store.counts import Counts

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


def store_figures(counts: Counts, max_mb: float) -> dict[str, Any]:
    """How long the buffer reaches back, how much waits, how long it would last; JSON-able."""
    rate = counts.bytes / counts.holds_s if counts.holds_s >= LEAST_HELD_S else 0.0
    return {
        "holds_s": counts.holds_s,
        "unsent_s": counts.unsent_s,
        "unsent_records": counts.outbox,
        "unsent_since_unix_s": counts.unsent_unix_s,
        "room_s": max(0.0, max_mb * 1e6 - counts.bytes) / rate if rate else None,
        "mb": counts.bytes / 1e6,
        "dropped_rows": counts.dropped,
        "thinned_samples": counts.thinned_samples,
        "shed_samples": counts.shed_samples,
        "lost_samples": counts.lost_samples,
    }


def store_text(figures: Mapping[str, Any]) -> str:
    """One sentence for the person on duty: `holds 9.5 days, 3.2 h unsent, oldest 04:10`."""
    parts = [f"holds {_long(figures['holds_s'])}"]
    since = figures["unsent_since_unix_s"]
    if since is None:
        parts.append("nothing unsent")
    else:
        day = "%H:%M" if figures["unsent_s"] < 86_400 else "%Y-%m-%d %H:%M"
        parts += [f"{_long(figures['unsent_s'])} unsent", f"oldest {datetime.fromtimestamp(since, UTC):{day}}"]
    if figures["room_s"] is not None:
        parts.append(f"room for {_long(figures['room_s'])} more")
    parts += [f"{figures[name]:,} {words}" for name, words in LET_GO.items() if figures[name]]
    return ", ".join(parts)


LEAST_HELD_S = 86_400.0
"""Before a day is kept, nobody can say how fast the store grows (our assumption)."""
LET_GO = {
    "thinned_samples": "samples thinned to minute means",
    "shed_samples": "samples dropped",
    "lost_samples": "samples lost before they were sent",
    "dropped_rows": "scans and entries lost while the disk failed",
}


def _long(seconds: float) -> str:
    """The largest unit of which there are two."""
    for unit_s, word in ((86_400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.1f} {word}"
    return f"{seconds:.0f} s"


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
