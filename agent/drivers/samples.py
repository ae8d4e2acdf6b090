"""Samples that wait for the next poll, as columns, and how they become scans.

When was a value measured? Where the device says so, then; else when it arrived. What the broker had kept (a retained
message) arrived at connect, whatever its age: without a believable time of its own it is UNCERTAIN.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.points import Quality
from agent.core.scan import Scan
from agent.core.units import UNITS
from agent.drivers.mqtt_wire import MqttPoint

MOST_WAITING = 50_000
"""Samples between two polls; of more the oldest are dropped and counted."""
SLACK = 1.1
"""They are dropped when there are so many times as many: a piece at a time, not one by one."""
FUTURE_S = 5.0
"""A device's time stamp may run ahead of us by so much, else it is not believed. Our assumption, as is the next."""
OLDEST_S = 86_400.0
MERGE_S = 0.05
"""Different points' samples within this are one scan, at the first one's instant: a row a scan, not a row a sample."""

Floats = npt.NDArray[np.float64]


class Samples:
    """Of one device. A point's place among `points` is its slot here."""

    def __init__(self, device: str, points: Sequence[MqttPoint]) -> None:
        units = [UNITS[point.unit] for point in points]
        self._device = device
        self._handles = np.array([point.handle for point in points], np.int32)
        self._scale = np.array([point.scale for point in points], np.float64)
        self._offset = np.array([point.offset for point in points], np.float64)
        self._low = np.array([unit.low for unit in units], np.float64)
        self._high = np.array([unit.high for unit in units], np.float64)
        self.dropped = 0
        """Samples that came too fast to be kept."""
        self._clear()

    def _clear(self) -> None:
        self._slots = array("i")
        self._raws = array("d")
        self._qualities = array("B")
        self._measured = array("d")
        self._arrived = array("d")
        self._arrived_mono = array("d")
        self._kept = array("B")

    def __len__(self) -> int:
        return len(self._slots)

    def add(
        self, slot: int, raw: float, quality: int, measured_unix_s: float, at: Instant, *, is_kept: bool = False
    ) -> None:
        """`raw`: before scale and offset; `measured_unix_s`: NaN when unknown; `is_kept`: who knows how long."""
        self._slots.append(slot)
        self._raws.append(raw)
        self._qualities.append(quality)
        self._measured.append(measured_unix_s)
        self._arrived.append(at.unix_s)
        self._arrived_mono.append(at.mono_s)
        self._kept.append(is_kept)
        if len(self._slots) > MOST_WAITING * SLACK:
            self._drop()

    def _drop(self) -> None:
        excess = len(self._slots) - MOST_WAITING
        self.dropped += excess
        columns = (self._slots, self._raws, self._qualities, self._measured, self._arrived, self._arrived_mono)
        for column in (*columns, self._kept):
            del column[:excess]

    def drain(self, now: Instant) -> list[Scan]:
        """All that waited, one scan an instant, in order of time."""
        if not self._slots:
            return []
        slots = np.frombuffer(self._slots, np.intc)
        values = np.frombuffer(self._raws) * self._scale[slots] + self._offset[slots]
        quality = np.frombuffer(self._qualities, np.uint8).copy()
        quality[~np.isfinite(values)] = Quality.BAD
        is_odd = (values < self._low[slots]) | (values > self._high[slots])
        quality[is_odd] = np.maximum(quality[is_odd], Quality.UNCERTAIN)
        values[quality == Quality.BAD] = np.nan
        unix_s, mono_s, is_old = self._stamps(now)
        quality[is_old] = np.maximum(quality[is_old], Quality.UNCERTAIN)
        self._clear()
        return self._scans(self._handles[slots], values, quality, unix_s, mono_s, now)

    def _stamps(self, now: Instant) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """Each sample's time on both faces of the clock, and whether nobody knows how old it is."""
        age_s = now.unix_s - np.frombuffer(self._measured)
        is_known = (age_s >= -FUTURE_S) & (age_s <= OLDEST_S)
        unix_s = np.where(is_known, now.unix_s - age_s, np.frombuffer(self._arrived))
        mono_s = np.where(is_known, now.mono_s - age_s, np.frombuffer(self._arrived_mono))
        # A live message of a device whose clock runs ahead is new all the same; one that was kept somewhere is not.
        is_kept = np.frombuffer(self._kept, np.bool_)
        return unix_s, mono_s, (is_kept & ~is_known) | (age_s > OLDEST_S)

    def _scans(
        self,
        handles: npt.NDArray[np.int32],
        values: Floats,
        quality: npt.NDArray[np.uint8],
        unix_s: Floats,
        mono_s: Floats,
        now: Instant,
    ) -> list[Scan]:
        order = np.argsort(unix_s, kind="stable")  # Stable: it keeps the order of arrival.
        handles, values, quality = handles[order], values[order], quality[order]
        unix_s, mono_s = unix_s[order], mono_s[order]
        starts = _starts(unix_s.tolist(), handles.tolist())
        scans = []
        for start, end in zip(starts, [*starts[1:], len(handles)], strict=True):
            rows: npt.NDArray[np.intp] | slice = slice(start, end)
            if len(set(handles[rows].tolist())) < end - start:
                rows = start + _latest(handles[rows])
            at = Instant(unix_s=float(unix_s[start]), mono_s=float(mono_s[start]), is_set=now.is_set)
            scans.append(
                Scan(device=self._device, handles=handles[rows], values=values[rows], quality=quality[rows], at=at)
            )
        return scans


def _starts(unix_s: list[float], handles: list[int]) -> list[int]:
    """Where each scan begins: later than the last one, or at a point that it has already."""
    starts: list[int] = []
    began_s, seen = math.nan, set[int]()
    for place, (at_s, handle) in enumerate(zip(unix_s, handles, strict=True)):
        if at_s != began_s and not (at_s - began_s <= MERGE_S and handle not in seen):
            starts.append(place)
            began_s, seen = at_s, set()
        seen.add(handle)
    return starts


def _latest(handles: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Of two samples of a point in one instant the later arrival stands."""
    last = {handle: place for place, handle in enumerate(handles.tolist())}
    return np.array(sorted(last.values()), np.intp)
