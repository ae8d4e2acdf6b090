"""Samples as rows of a table, hour by hour: for CSV, Parquet and the screen. Never the whole store in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from agent.core.points import Quality
from agent.store.reader import Reader
from agent.store.rollups import HOUR_S, MINUTE_S, Rolled, good_means

Resolution = Literal["raw", "minute", "hour"]
PERIODS_S: dict[Resolution, int] = {"minute": MINUTE_S, "hour": HOUR_S}
DAY_S = 86_400
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
    """since <= time < until; of means, those whose minute or hour begins in the span: they are whole."""
    window_s = HOUR_S if resolution != "hour" else DAY_S
    if resolution != "raw":
        since_unix_s, until_unix_s = (_up(edge, PERIODS_S[resolution]) for edge in (since_unix_s, until_unix_s))
    for start_s, end_s in _windows(reader.spans(), since_unix_s, until_unix_s, window_s):
        parts = list(_parts(reader, points, start_s, end_s, resolution))
        if parts:
            unix_s, which, values, quality = (np.concatenate(column) for column in zip(*parts, strict=True))
            sort = np.argsort(unix_s, kind="stable")
            yield Rows(unix_s=unix_s[sort], point=which[sort], values=values[sort], quality=quality[sort])


def _up(edge_s: float, period_s: int) -> float:
    return float(np.ceil(edge_s / period_s) * period_s)


_Part = tuple[Floats, npt.NDArray[np.int64], Floats, npt.NDArray[np.uint8]]


def _parts(
    reader: Reader, points: Sequence[str], start_s: float, end_s: float, resolution: Resolution
) -> Iterator[_Part]:
    if resolution == "hour":
        rolled: Mapping[str, Rolled | None] = reader.hours(points, start_s, end_s)
    else:
        history = reader.history(points, start_s, end_s)
        if resolution == "raw":
            for place, name in enumerate(points):
                one = history[name]
                yield one.unix_s, np.full(len(one), place), one.values[:, None], one.quality
            return
        rolled = {name: good_means(s.unix_s, s.values, s.quality, MINUTE_S) for name, s in history.items()}
    for place, name in enumerate(points):
        some = rolled.get(name)
        if some is not None:
            count = len(some[0])
            yield some[0], np.full(count, place), np.column_stack(some[1:]), np.zeros(count, np.uint8)


def _windows(
    spans: Sequence[tuple[float, float]], since_unix_s: float, until_unix_s: float, window_s: int
) -> Iterator[tuple[float, float]]:
    """Every hour or day in which there may be something, cut to the span."""
    found: set[int] = set()
    for first_s, last_s in spans:
        first_s, last_s = max(first_s, since_unix_s), min(last_s, until_unix_s)
        if first_s <= last_s:
            found.update(range(int(first_s // window_s), int(last_s // window_s) + 1))
    for number in sorted(found):
        yield max(since_unix_s, number * float(window_s)), min(until_unix_s, (number + 1) * float(window_s))


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
