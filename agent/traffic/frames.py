"""The file of a recording: frames of length, checksum and deflated body. A tail that was cut off is no mistake."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from agent.core.clock import Instant
from agent.core.errors import ConfigError, Problem
from agent.core.scan import Scan

MAGIC = b"hushwatt-traffic-1\n"
FRAME = struct.Struct("<II")
"""Length and CRC-32 of the body."""
SCAN = struct.Struct("<cddBHI")
"""Kind, wall and monotonic seconds, is the clock set, length of the device's name, samples."""
LONGEST = 64_000_000
SCAN_KIND, JSON_KIND = b"s", b"j"

Event = Scan | dict[str, Any]


def pack_scan(scan: Scan) -> bytes:
    """Columns as they are: int32 handles, float64 values, uint8 qualities."""
    name = scan.device.encode()
    head = SCAN.pack(SCAN_KIND, scan.at.unix_s, scan.at.mono_s, scan.at.is_set, len(name), len(scan))
    columns = (scan.handles.astype("<i4"), scan.values.astype("<f8"), scan.quality.astype("u1"))
    return b"".join((head, name, *(column.tobytes() for column in columns)))


def unpack(body: bytes) -> Event:
    """Raises ValueError, struct.error for a body that is neither."""
    if body[:1] == JSON_KIND:
        told = json.loads(body[1:])
        if not isinstance(told, dict):
            raise ValueError("no mapping")
        return told
    _, unix_s, mono_s, is_set, name_length, n = SCAN.unpack_from(body)
    at = SCAN.size + name_length
    return Scan(
        device=body[SCAN.size : at].decode(),
        handles=np.frombuffer(body, "<i4", n, at).astype(np.int32),
        values=np.frombuffer(body, "<f8", n, at + 4 * n).astype(np.float64),
        quality=np.frombuffer(body, "u1", n, at + 12 * n).astype(np.uint8),
        at=Instant(unix_s=unix_s, mono_s=mono_s, is_set=bool(is_set)),
    )


class Writer:
    """Appends events; each is in the file when the call returns."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._file.write(MAGIC)
        self._deflate = zlib.compressobj(6)
        """One stream over all frames, flushed at each: what polls have in common is written once."""

    def scan(self, scan: Scan) -> None:
        self._put(pack_scan(scan))

    def event(self, told: dict[str, Any]) -> None:
        self._put(JSON_KIND + json.dumps(told, separators=(",", ":")).encode())

    def _put(self, body: bytes) -> None:
        small = self._deflate.compress(body) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._file.write(FRAME.pack(len(small), zlib.crc32(small)) + small)

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> Iterator[Event]:
    """All events up to the end, or to where the file was cut. Raises ConfigError for a file that is none or damaged."""
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise _wrong(path, (fault.strerror or "unreadable").lower(), "a recording that can be read") from None
    if not data.startswith(MAGIC):
        raise _wrong(path, f"`{data[:18]!r}`", "a file that `hushwatt record` has written, of this version")
    place, inflate = len(MAGIC), zlib.decompressobj()
    while place + FRAME.size <= len(data):
        length, crc = FRAME.unpack_from(data, place)
        body = data[place + FRAME.size : place + FRAME.size + length]
        if len(body) < length and length <= LONGEST:
            return  # Cut off in mid-frame: power went while it was written.
        if zlib.crc32(body) != crc:
            raise _wrong(path, f"a damaged frame at byte {place}", "frames as they were recorded")
        yield unpack(inflate.decompress(body))
        place += FRAME.size + length


def _wrong(path: Path, found: str, wanted: str) -> ConfigError:
    return ConfigError([Problem(file=str(path), line=0, key="the recording", found=found, wanted=wanted)])
