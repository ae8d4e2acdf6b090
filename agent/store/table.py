"""Samples as rows of a table, hour by hour: for CSV, Parquet and the screen. Never the whole store in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from agent.core.points import Quality
from agent.store.reader import Reader
from agent.store.rollups import HOUR_S, MINUTE_S, means

Resolution = Literal["raw", "minute", "hour"]
PERIODS_S: dict[Resolution, int] = {"minute": MINUTE_S, "hour": HOUR_S}
RAW_HEAD = ("utc", "point", "value", "unit", "quality")
MEAN_HEAD = ("utc", "point", "mean", "low", "high", "samples", "unit")
QUALITY_WORDS = {int(quality): quality.name.lower() for quality in Quality}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some rows, by time; columns of equal length."""

    unix_s: Floats
    point: npt.NDArray[np.int64]
    """Places in the list of points that was asked for."""
    values: Floats
    """[k, 1] raw, NaN where there was none; [k, 4] mean, low, high, samples."""
    quality: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.unix_s)


def rows(
    reader: Reader, points: Sequence[str], since_unix_s: float, until_unix_s: float, resolution: Resolution
) -> Iterator[Rows]:
    """since <= time < until. Means are of GOOD samples, of whole periods: an hour that began before `since` is out."""
    for start_s, end_s in _hours(reader.spans(), since_unix_s, until_unix_s):
        history = reader.history(points, start_s, end_s)
        parts = []
        for place, name in enumerate(points):
            series = history[name]
            if resolution == "raw":
                taken = (series.unix_s, series.values[:, None], series.quality)
            else:
                good = (series.quality == Quality.GOOD) & np.isfinite(series.values)
                if not good.any():
                    continue
                rolled = means(series.unix_s[good], series.values[good], PERIODS_S[resolution])
                taken = (rolled[0], np.column_stack(rolled[1:]), np.zeros(len(rolled[0]), np.uint8))
            parts.append((taken[0], np.full(len(taken[0]), place), taken[1], taken[2]))
        if parts:
            unix_s, which, values, quality = (np.concatenate(column) for column in zip(*parts, strict=True))
            sort = np.argsort(unix_s, kind="stable")
            yield Rows(unix_s=unix_s[sort], point=which[sort], values=values[sort], quality=quality[sort])


def _hours(
    spans: Sequence[tuple[float, float]], since_unix_s: float, until_unix_s: float
) -> Iterator[tuple[float, float]]:
    """Every hour in which there may be something, cut to the span."""
    hours: set[int] = set()
    for first_s, last_s in spans:
        first_s, last_s = max(first_s, since_unix_s), min(last_s, until_unix_s)
        if first_s <= last_s:
            hours.update(range(int(first_s // HOUR_S), int(last_s // HOUR_S) + 1))
    for hour in sorted(hours):
        yield max(since_unix_s, hour * float(HOUR_S)), min(until_unix_s, (hour + 1) * float(HOUR_S))


def csv_lines(reader: Reader, points: Sequence[str], found: Iterator[Rows], resolution: Resolution) -> Iterator[str]:
    """With a head; commas, and a point where there are decimals."""
    units = reader.units()
    yield ",".join(RAW_HEAD if resolution == "raw" else MEAN_HEAD) + "\n"
    for some in found:
        columns = (some.unix_s.tolist(), some.point.tolist(), some.values.tolist(), some.quality.tolist())
        for unix_s, place, figures, quality in zip(*columns, strict=True):
            name = points[place]
            shown = ",".join("" if one != one else f"{one:.10g}" for one in figures)
            end = f",{QUALITY_WORDS.get(quality, quality)}" if resolution == "raw" else ""
            yield f"{iso(unix_s)},{name},{shown},{units[name]}{end}\n"


def iso(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")


def write_parquet(
    reader: Reader, points: Sequence[str], found: Iterator[Rows], resolution: Resolution, out: Path
) -> int:
    """One file, a row group an hour. How many rows. Raises ModuleNotFoundError without pyarrow, OSError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pa.array(points, pa.string())
    units = pa.array([reader.units()[name] for name in points], pa.string())
    words = pa.array([QUALITY_WORDS[code] for code in sorted(QUALITY_WORDS)], pa.string())
    text = pa.dictionary(pa.int32(), pa.string())
    figures = ("value",) if resolution == "raw" else ("mean", "low", "high")
    last = pa.field("quality", text) if resolution == "raw" else pa.field("samples", pa.int64())
    fields = [pa.field("utc", pa.timestamp("ms", "UTC")), pa.field("point", text)]
    schema = pa.schema([*fields, *(pa.field(name, pa.float64()) for name in figures), pa.field("unit", text), last])

    def told(places: npt.NDArray[np.int64], meanings: Any) -> Any:
        return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), meanings)

    count = 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for some in found:
            codes = np.searchsorted(sorted(QUALITY_WORDS), some.quality)
            end = told(codes, words) if resolution == "raw" else pa.array(some.values[:, 3].astype(np.int64))
            columns = [pa.array(np.rint(some.unix_s * 1000).astype("M8[ms]"), pa.timestamp("ms", "UTC"))]
            columns += [told(some.point, names), *(pa.array(some.values[:, at]) for at in range(len(figures)))]
            writer.write_table(pa.Table.from_arrays([*columns, told(some.point, units), end], schema=schema))
            count += len(some)
    return count
