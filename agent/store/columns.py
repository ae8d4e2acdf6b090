"""Samples as columns, and columns as BLOBs: little-endian whatever the machine, and no object a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.points import Quality
from agent.core.scan import Scan

Row = tuple[float, bytes, bytes, bytes | None]
"""`unix_s`, `point_ids`, `sample_values`, `qualities` of one stored scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One point's samples, oldest first."""

    unix_s: npt.NDArray[np.float64]
    """float64 [k]"""
    values: npt.NDArray[np.float64]
    """float64 [k], in the point's unit; NaN where the device gave none."""
    quality: npt.NDArray[np.uint8]
    """uint8 [k], `Quality` codes."""

    def __len__(self) -> int:
        return len(self.unix_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Samples on an even grid, oldest row first."""

    names: tuple[str, ...]
    unix_s: npt.NDArray[np.float64]
    """float64 [t]"""
    values: npt.NDArray[np.float64]
    """float64 [t, n]; NaN where `mask` is False."""
    mask: npt.NDArray[np.bool_]
    """bool [t, n]; True where a GOOD sample was fresh at that instant."""
    grid_s: float


def pack(scan: Scan) -> tuple[bytes, bytes | None]:
    """`sample_values` and `qualities`; the points are packed by `pack_ids`."""
    quality = scan.quality
    if not scan.at.is_set:
        quality = np.maximum(quality, np.uint8(Quality.UNCERTAIN))  # Nobody knows yet when this was.
    codes = quality.astype(np.uint8, copy=False).tobytes()
    return scan.values.astype("<f8", copy=False).tobytes(), codes if codes.strip(b"\0") else None


def pack_ids(handles: npt.NDArray[np.int32], ids: npt.NDArray[np.int32]) -> bytes:
    """`point_ids`. `ids` int32 [table] turns a handle into the file's point id."""
    return ids[handles].astype("<i4", copy=False).tobytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Samples of many scans, one after the other."""

    unix_s: npt.NDArray[np.float64]
    ids: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]

    def take(self, mask: npt.NDArray[np.bool_]) -> Columns:
        return Columns(
            unix_s=self.unix_s[mask], ids=self.ids[mask], values=self.values[mask], quality=self.quality[mask]
        )

    def of(self, point_id: int) -> Series:
        mask = self.ids == point_id
        return Series(unix_s=self.unix_s[mask], values=self.values[mask], quality=self.quality[mask])


def unpack(rows: Sequence[Row]) -> Columns:
    """Many rows in a few numpy calls, in their order."""
    sizes = [len(row[1]) // 4 for row in rows]
    return Columns(
        unix_s=np.repeat(np.array([row[0] for row in rows], np.float64), sizes),
        ids=np.frombuffer(b"".join(row[1] for row in rows), "<i4").astype(np.int32, copy=False),
        values=np.frombuffer(b"".join(row[2] for row in rows), "<f8").astype(np.float64, copy=False),
        quality=np.frombuffer(
            b"".join(bytes(n) if row[3] is None else row[3] for n, row in zip(sizes, rows, strict=True)), np.uint8
        ),
    )


def join(parts: Sequence[Columns]) -> Columns:
    """One after the other; empty for none."""
    if not parts:
        return unpack([])
    return Columns(
        unix_s=np.concatenate([part.unix_s for part in parts]),
        ids=np.concatenate([part.ids for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        quality=np.concatenate([part.quality for part in parts]),
    )


def on_grid(
    series: Sequence[tuple[str, Series, float]], since_unix_s: float, until_unix_s: float, grid_s: float
) -> Grid:
    """Each instant holds the last GOOD sample at or before it, if it was fresh. `series`: name, samples, `fresh_s`."""
    rows = max(0, int(np.floor((until_unix_s - since_unix_s) / grid_s + 1e-9)) + 1)
    unix_s = np.float64(since_unix_s) + np.float64(grid_s) * np.arange(rows, dtype=np.float64)
    values = np.full((rows, len(series)), np.nan)
    for column, (_, samples, fresh_s) in enumerate(series):
        good = (samples.quality == Quality.GOOD) & np.isfinite(samples.values)
        if good.any():
            taken, value = samples.unix_s[good], samples.values[good]
            last = np.searchsorted(taken, unix_s, side="right") - 1
            is_fresh = (last >= 0) & (unix_s - taken[last] <= fresh_s)
            values[is_fresh, column] = value[last[is_fresh]]
    names = tuple(name for name, _, _ in series)
    return Grid(names=names, unix_s=unix_s, values=values, mask=np.isfinite(values), grid_s=grid_s)
