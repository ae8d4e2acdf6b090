"""The live image: every point's latest sample, in columns."""

from __future__ import annotations

import numpy as np

from agent.core.clock import Instant
from agent.core.image import Image
from agent.core.points import PointTable, Quality
from agent.core.scan import Scan


class Live:
    """Takes scans, gives frozen images."""

    def __init__(self, table: PointTable) -> None:
        self._table = table
        self._values = np.full(len(table), np.nan)
        self._quality = np.full(len(table), Quality.BAD, np.uint8)
        self._sampled_mono_s = np.full(len(table), np.nan)

    def update(self, scan: Scan) -> None:
        """The newest sample of each point stands; a late one never overwrites a later one."""
        handles, values, quality = scan.handles, scan.values, scan.quality
        late = self._sampled_mono_s[handles] > scan.at.mono_s
        if np.count_nonzero(late):
            newer = ~late
            handles, values, quality = handles[newer], values[newer], quality[newer]
        self._values[handles] = values
        self._quality[handles] = quality
        self._sampled_mono_s[handles] = scan.at.mono_s

    def image(self, now: Instant) -> Image:
        columns = [self._values.copy(), self._quality.copy(), self._sampled_mono_s.copy()]
        for column in columns:
            column.setflags(write=False)
        values, quality, sampled_mono_s = columns
        return Image(at=now, table=self._table, values=values, quality=quality, sampled_mono_s=sampled_mono_s)
