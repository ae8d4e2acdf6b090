"""A parcel as bytes: columns in JSON or CBOR, packed with gzip or zstd. Both ends use this file.

A column whose values are decimals of the same few digits, as sensors give them, is told in whole numbers: the first,
then the difference from row to row. All others are told as they are. What a layout means (device, points, units) is
told once; after that its id stands for it.
"""

from __future__ import annotations

import gzip
import importlib
import io
import json
import zlib
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from agent.core.clock import Instant
from agent.core.journal import Entry
from agent.store.jsonable import jsonable
from agent.store.records import EntryRecord
from agent.uplink.parcel import Block, Layout, Parcel
from agent.uplink.ranges import Range

VERSION = 2
GZIP_LEVEL, ZSTD_LEVEL = 6, 6
"""Bytes and time of each are in `tests/bench/bench_upstream.py`."""
MOST_BYTES = 64 * 1024 * 1024
"""An unpacked batch that is larger counts as broken."""
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""RFC 8878, 3.1.1."""
MOST_DIGITS = 6
LARGEST = 1e12
"""Beyond it, whole numbers of `MOST_DIGITS` digits would leave float64's 53 bits."""
SLACK = 4.0
"""Raw register x scale misses the decimal that was meant by a few units in the last place: 3 x 0.1 is not 0.3."""

Format = Literal["json", "cbor"]
Compression = Literal["gzip", "zstd"]


class BrokenPayload(Exception):  # noqa: N818 - counted, never fatal
    """Not a batch, and why."""

    def __init__(self, why: str, *, chain: str = "", stretch: Range | None = None) -> None:
        super().__init__(why)
        self.chain = chain
        """Empty when even that could not be read."""
        self.stretch = stretch
        """The records that it says it holds, where that much could be read."""


class UnknownLayout(BrokenPayload):
    """A layout's id that was never explained to us."""

    def __init__(self, ids: list[str], chain: str) -> None:
        super().__init__(f"layouts that nobody has explained: {', '.join(ids)}", chain=chain)
        self.ids = ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A batch that was read and checked."""

    site: str
    gateway: str
    parcel: Parcel
    layouts: Mapping[str, Layout]
    """Those that this batch explained."""


def layout_id(layout: Layout) -> str:
    """The same on every machine."""
    told = json.dumps([layout.device, layout.span_s, layout.points, layout.units], ensure_ascii=False)
    return blake2b(told.encode(), digest_size=6).hexdigest()


def encode(
    parcel: Parcel,
    site: str,
    gateway: str,
    *,
    format_: Format = "json",
    compression: Compression = "gzip",
    known: Container[str] = (),
) -> bytes:
    """`known`: ids of layouts that the far end has heard already. The same parcel gives the same bytes."""
    layouts = {layout_id(block.layout): block.layout for block in parcel.blocks}
    body = {
        "v": VERSION,
        "site": site,
        "gateway": gateway,
        "chain": parcel.chain,
        "first": parcel.first_seq,
        "last": parcel.last_seq,
        "layouts": {name: _told(layout) for name, layout in layouts.items() if name not in known},
        "blocks": [_columns(block) for block in parcel.blocks],
        "entries": [_entry(record) for record in parcel.entries],
    }
    return _packed(_written(body, format_), compression)


def _written(body: Mapping[str, Any], format_: Format) -> bytes:
    if format_ == "cbor":
        return bytes(importlib.import_module("cbor2").dumps(body))
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _packed(data: bytes, compression: Compression) -> bytes:
    if compression == "zstd":
        return bytes(importlib.import_module("zstandard").ZstdCompressor(level=ZSTD_LEVEL).compress(data))
    return gzip.compress(data, GZIP_LEVEL, mtime=0)


def _told(layout: Layout) -> dict[str, Any]:
    told = {"device": layout.device, "points": list(layout.points), "units": list(layout.units)}
    return told | ({"span_s": layout.span_s} if layout.span_s else {})


def _columns(block: Block) -> dict[str, Any]:
    whole, digits = _decimals(block.values)
    is_whole = digits >= 0
    told: dict[str, Any] = {
        "layout": layout_id(block.layout),
        "seq": _steps(block.seq),
        "boot": _steps(block.boot) if np.ptp(block.boot) else int(block.boot[0]),
        "ms": _steps(np.rint(block.unix_s * 1000.0).astype(np.int64)),
        "digits": "".join("-" if count < 0 else str(count) for count in digits.tolist()),
        "whole": np.diff(whole[:, is_whole], axis=0, prepend=0).T.ravel().tolist(),
    }
    if not is_whole.all():
        floats = block.values[:, ~is_whole].T.ravel().tolist()
        told["floats"] = [value if np.isfinite(value) else None for value in floats]
    if block.quality.any():
        told["quality"] = block.quality.T.ravel().tolist()
    return told


def _steps(column: npt.NDArray[np.int64]) -> list[int]:
    return [int(step) for step in np.diff(column, prepend=0).tolist()]


def _decimals(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Whole numbers [k, n], and by column how many digits stand behind the point; -1 for a column without them."""
    digits = np.full(values.shape[1], -1, np.int64)
    whole = np.zeros(values.shape, np.int64)
    left = np.flatnonzero(np.isfinite(values).all(axis=0) & (np.abs(np.nan_to_num(values)) < LARGEST).all(axis=0))
    for count in range(MOST_DIGITS + 1):
        if not len(left):
            break
        columns = values[:, left]
        tries = np.rint(columns * 10.0**count)
        fits = (np.abs(tries / 10.0**count - columns) <= SLACK * np.spacing(np.abs(columns))).all(axis=0)
        whole[:, left[fits]] = tries[:, fits].astype(np.int64)
        digits[left[fits]] = count
        left = left[~fits]
    return whole, digits


def _entry(record: EntryRecord) -> dict[str, Any]:
    entry = record.entry
    return {
        "seq": record.seq,
        "boot": record.boot,
        "unix_s": entry.at.unix_s,
        "kind": entry.kind,
        "subject": entry.subject,
        "text": entry.text,
        "data": jsonable(entry.data),
    }


# --- the far end ---


def decode(payload: bytes, layout_of: Callable[[str], Layout | None] = lambda _: None) -> Opened:
    """`layout_of` knows the layouts of earlier batches. Raises BrokenPayload, UnknownLayout."""
    body = _body(payload)
    try:
        return _opened(body, layout_of)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as fault:
        raise BrokenPayload(f"{type(fault).__name__}: {fault}", **_place(body)) from fault


def _opened(body: Mapping[str, Any], layout_of: Callable[[str], Layout | None]) -> Opened:
    layouts = {str(name): _layout(told) for name, told in body["layouts"].items()}
    wanted = [str(told["layout"]) for told in body["blocks"]]
    known = {name: layouts.get(name) or layout_of(name) for name in wanted}
    if missing := [name for name, layout in known.items() if layout is None]:
        raise UnknownLayout(missing, _text(body["chain"]))
    parcel = Parcel(
        chain=_text(body["chain"]),
        first_seq=_whole(body["first"]),
        last_seq=_whole(body["last"]),
        blocks=tuple(_block(told, known[str(told["layout"])]) for told in body["blocks"]),
        entries=tuple(_record(told) for told in body["entries"]),
    )
    _check(parcel)
    return Opened(site=_text(body["site"]), gateway=_text(body["gateway"]), parcel=parcel, layouts=layouts)


def _place(body: Mapping[str, Any]) -> dict[str, Any]:
    """What can be said of a broken batch, so that its sender can set it aside."""
    chain, first, last = body.get("chain"), body.get("first"), body.get("last")
    if not isinstance(chain, str) or type(first) is not int or type(last) is not int or not 0 < first <= last:
        return {}
    return {"chain": chain, "stretch": (first, last)}


def _body(payload: bytes) -> Any:
    text = _unpacked(payload)
    try:
        body = json.loads(text) if text[:1] == b"{" else _from_cbor(text)
    except (ValueError, RecursionError) as fault:
        raise BrokenPayload(str(fault)[:200] or type(fault).__name__) from fault
    if not isinstance(body, dict) or body.get("v") != VERSION:
        raise BrokenPayload(f"not a batch of version {VERSION}")
    return body


def _from_cbor(data: bytes) -> Any:
    cbor2 = _extra("cbor2")
    try:
        return cbor2.loads(data)
    except cbor2.CBORDecodeError as fault:
        raise BrokenPayload(str(fault)) from fault


def _unpacked(payload: bytes) -> bytes:
    text = _from_zstd(payload) if payload[:4] == ZSTD_MAGIC else _from_gzip(payload)
    if len(text) > MOST_BYTES:
        raise BrokenPayload(f"more than {MOST_BYTES} bytes")
    return text


def _from_gzip(payload: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(payload)) as packed:
            return packed.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as fault:
        raise BrokenPayload(str(fault) or type(fault).__name__) from fault


def _from_zstd(payload: bytes) -> bytes:
    zstandard = _extra("zstandard")
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(payload)) as packed:
            return bytes(packed.read(MOST_BYTES + 1))
    except zstandard.ZstdError as fault:
        raise BrokenPayload(str(fault)) from fault


def _extra(name: str) -> Any:
    """A package that only some sites have. Raises BrokenPayload."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as fault:
        raise BrokenPayload(f"{fault.name} is missing: install hushwatt[upstream]") from fault


def _layout(told: Mapping[str, Any]) -> Layout:
    points, units = [tuple(_text(name) for name in told[key]) for key in ("points", "units")]
    if len(points) != len(units):
        raise ValueError("points and units of unequal length")
    return Layout(device=_text(told["device"]), points=points, units=units, span_s=_whole(told.get("span_s", 0)))


def _block(told: Mapping[str, Any], layout: Layout | None) -> Block:
    if layout is None:
        raise ValueError("no layout")
    seq = np.cumsum(np.array(told["seq"], np.int64))
    k, n = len(seq), len(layout.points)
    digits = np.array([-1 if sign == "-" else int(sign) for sign in _text(told["digits"])], np.int64)
    if len(digits) != n or k == 0:
        raise ValueError(f"{len(digits)} columns of {k} rows for {n} points")
    is_whole = digits >= 0
    values = np.empty((k, n))
    whole = np.array(told["whole"], np.int64).reshape(int(is_whole.sum()), k)
    values[:, is_whole] = np.cumsum(whole, axis=1).T / 10.0 ** digits[is_whole]
    if not is_whole.all():
        values[:, ~is_whole] = np.array(told["floats"], np.float64).reshape(int((~is_whole).sum()), k).T
    quality = np.array(told["quality"], np.uint8).reshape(n, k).T if "quality" in told else np.zeros((k, n), np.uint8)
    boot = told["boot"]
    return Block(
        layout=layout,
        seq=seq,
        boot=np.cumsum(np.array(boot, np.int64)) if isinstance(boot, list) else np.full(k, _whole(boot), np.int64),
        unix_s=np.cumsum(np.array(told["ms"], np.int64)) / 1000.0,
        values=values,
        quality=quality,
    )


def _record(told: Mapping[str, Any]) -> EntryRecord:
    unix_s = float(told["unix_s"])
    return EntryRecord(
        seq=_whole(told["seq"]),
        boot=_whole(told["boot"]),
        entry=Entry(
            at=Instant(unix_s=unix_s, mono_s=unix_s),
            kind=_text(told["kind"]),
            subject=_text(told["subject"]),
            text=_text(told["text"]),
            data=dict(told["data"]),
        ),
    )


def _check(parcel: Parcel) -> None:
    first, last = parcel.first_seq, parcel.last_seq
    if not 0 < first <= last < 2**62:
        raise ValueError(f"records {first} to {last}")
    for block in parcel.blocks:
        if not len(block.seq) == len(block.boot) == len(block.unix_s):
            raise ValueError("columns of unequal length")
        if block.seq.min() < first or block.seq.max() > last:
            raise ValueError("a record outside of first to last")
    if any(not first <= record.seq <= last for record in parcel.entries):
        raise ValueError("an entry outside of first to last")


def _text(told: object) -> str:
    if not isinstance(told, str):
        raise TypeError(f"found {type(told).__name__}, wanted text")
    return told


def _whole(told: object) -> int:
    if type(told) is not int:
        raise TypeError(f"found {type(told).__name__}, wanted a whole number")
    return told
