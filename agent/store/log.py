"""The hot log: what was committed lately, in segment files beside the database, appended to and never changed.

A segment is a row of frames: a mark, the length and checksum of what follows, and that, deflated. One commit is one
frame and one write. A frame that a power cut left half is the end of its segment; a frame that something spoiled is
skipped, since the next one begins with the mark again.

Why not SQLite's own log: a commit there writes whole pages, of every table and index that it touches, and once more at
the checkpoint: 335 bytes a sample at one scan of 30 points a commit, where this takes 5 (`tests/bench/bench_store.py`).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = b"\xa7hw2"
_HEAD = struct.Struct("<4sII")  # Mark, length, crc32 of what follows.
_LEVEL = 1
"""4 bytes a sample at one scan of 30 a frame, 1.7 at fifty, for 1 to 5 us a scan; level 6 takes a tenth less and four
times as long (measured on a random walk at a resolution of 0.01 K)."""
MOST_BYTES = 64 * 2**20
"""A frame that unpacks to more is none (our assumption; a commit is a few hundred kilobytes at most)."""


def segment_path(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.hot-{number:08d}")


def segment_numbers(path: Path) -> list[int]:
    """Of the segments that there are, ascending."""
    found = [name.name.rpartition("-")[2] for name in path.parent.glob(f"{path.name}.hot-*")]
    return sorted(int(number) for number in found if number.isdigit())


class Segment:
    """The one that is written. Every method may raise OSError, and then nothing of the frame is in the file."""

    def __init__(self, path: Path, number: int) -> None:
        self.number = number
        self.path = segment_path(path, number)
        self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self.size = 0
        self._is_spoiled = False
        self.is_dirty = False
        """Something was written since the last `sync`."""

    def append(self, body: bytes) -> None:
        frame = frame_of(body)
        if self._is_spoiled:
            self._cut()
        try:
            written = os.write(self._handle, frame)
            while written < len(frame):
                written += os.write(self._handle, frame[written:])
        except OSError:
            self._is_spoiled = True
            self._cut()
            raise
        self.size += len(frame)
        self.is_dirty = True

    def _cut(self) -> None:
        os.ftruncate(self._handle, self.size)
        self._is_spoiled = False

    def sync(self) -> None:
        """On the card when this returns."""
        if self.is_dirty:
            os.fdatasync(self._handle)
            self.is_dirty = False

    def close(self) -> None:
        os.close(self._handle)


def size_of(path: Path) -> int:
    """Bytes; 0 for a file that is not there, or was compacted between two looks."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def sync_folder(path: Path) -> None:
    """New and removed names are on the card when this returns."""
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_segments(path: Path, numbers: Sequence[int]) -> None:
    """All that is in the newest is on the card when this returns; the others were synced when they were sealed."""
    for number in numbers[-1:]:
        try:
            handle = os.open(segment_path(path, number), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # In the database by now.
        try:
            os.fdatasync(handle)
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One commit, read."""

    body: bytes
    end: int
    """Offset of the byte behind it."""
    skipped: int
    """Bytes before it that were no frame."""


def frame_of(body: bytes) -> bytes:
    packed = zlib.compress(body, _LEVEL)
    return _HEAD.pack(MARK, len(packed), zlib.crc32(packed)) + packed


def frames(data: bytes, start: int = 0) -> Iterator[Frame]:
    """Every sound frame from `start`; what is spoiled is skipped."""
    at = behind = start
    while (at := data.find(MARK, at)) >= 0:
        body = _open(data, at)
        if body is None:
            at += 1
            continue
        skipped, at = at - behind, at + _HEAD.size + _HEAD.unpack_from(data, at)[1]
        yield Frame(body=body, end=at, skipped=skipped)
        behind = at


def _open(data: bytes, at: int) -> bytes | None:
    if at + _HEAD.size > len(data):
        return None
    _, length, check = _HEAD.unpack_from(data, at)
    packed = data[at + _HEAD.size : at + _HEAD.size + length]
    if len(packed) < length or zlib.crc32(packed) != check:
        return None
    opener = zlib.decompressobj()
    try:
        body = opener.decompress(packed, MOST_BYTES)
    except zlib.error:
        return None
    return body if opener.eof else None
