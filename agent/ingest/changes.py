"""Report by exception: which samples of a scan are worth storing, by each point's dead band; on columns."""

from __future__ import annotations

import numpy as np

from agent.core.points import PointTable
from agent.core.scan import Scan


class Changes:
    """Lets pass what moved by more than its dead band, changed in quality, or has not been stored for `report_s`."""

    def __init__(self, table: PointTable) -> None:
        bands = [spec.deadband for spec in table]
        self._is_any = any(band is not None for band in bands)
        # Without a dead band each sample is far enough from the last: also an equal one.
        self._band = np.array([-1.0 if band is None else band for band in bands])
        self._report_s = np.array([spec.report_s for spec in table])
        self._values = np.full(len(table), np.nan)
        self._quality = np.zeros(len(table), np.uint8)
        self._stored_mono_s = np.full(len(table), -np.inf)

    def of(self, scan: Scan) -> Scan | None:
        """The scan, what is left of it, or None; a scan of which all is left is the same object."""
        if not self._is_any:
            return scan
        handles = scan.handles
        # Bad samples are NaN: they are never far from anything, so only that they became bad is news.
        is_news = np.abs(scan.values - self._values[handles]) > self._band[handles]
        is_news |= scan.quality != self._quality[handles]
        is_news |= scan.at.mono_s - self._stored_mono_s[handles] >= self._report_s[handles]
        is_news |= self._band[handles] < 0.0
        count = np.count_nonzero(is_news)
        if count == 0:
            return None
        news = scan if count == len(scan) else _part(scan, is_news)
        self._values[news.handles] = news.values
        self._quality[news.handles] = news.quality
        self._stored_mono_s[news.handles] = scan.at.mono_s
        return news


def _part(scan: Scan, mask: np.typing.NDArray[np.bool_]) -> Scan:
    return Scan(
        device=scan.device,
        handles=scan.handles[mask],
        values=scan.values[mask],
        quality=scan.quality[mask],
        at=scan.at,
    )
