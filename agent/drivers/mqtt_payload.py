"""A payload to values: plain numbers and words, or JSON with paths. What cannot be read is refused with a reason."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NoReturn

from agent.core.points import Quality
from agent.drivers.mqtt_wire import MqttPoint

NOW = math.nan
"""The time of a sample whose device does not say when it was measured."""
GOOD_WORDS = {"good", "ok", "true", "1", "192", "0"}
"""0 is OPC UA's GOOD, 192 is OPC DA's and Sparkplug's."""
UNCERTAIN_WORDS = {"uncertain", "64"}
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number in a text, as many devices send it; no thousands, no comma, no `nan`."""
SECONDS_BELOW = 1e11
"""Unix time: larger counts are of milliseconds, and so on by thousands. In seconds this is the year 5138."""
LONGEST_WORD = 200

Told = tuple[float, Quality, float]
"""A value before scale and offset, its quality, and when the device says that it measured (Unix seconds or NOW)."""


def parse(payload: bytes, max_bytes: int) -> Any:
    """JSON (a bare number is JSON too), or else a short text as it stands. Raises ValueError."""
    if len(payload) > max_bytes:
        raise ValueError(f"found {len(payload)} bytes, wanted {max_bytes} at most")
    try:
        text = payload.decode("utf-8")
        return json.loads(text, parse_constant=_refuse)
    except UnicodeDecodeError as fault:
        raise ValueError(f"found bytes that are not UTF-8 at {fault.start}, wanted a number or JSON") from None
    except RecursionError:
        raise ValueError("found JSON nested too deep") from None
    except ValueError as fault:
        word = text.strip()
        if 0 < len(word) <= LONGEST_WORD and word[0] not in "{[":
            return word
        raise ValueError(f"found {payload[:60]!r}: {fault}") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


class Reader:
    """One point's part of a payload."""

    __slots__ = ("_is_onoff", "_path", "_quality_path", "_time_path", "_words", "point")

    def __init__(self, point: MqttPoint) -> None:
        self.point = point
        self._path = point.path
        self._quality_path = point.quality_path
        self._time_path = point.time_path
        self._words = {word.strip().casefold(): value for word, value in point.words.items()}
        self._is_onoff = point.unit == "onoff"

    @property
    def is_many(self) -> bool:
        return self._path is not None and self._path.is_many

    def find(self, told: Any) -> Any:
        """What stands at the point's place, whatever it is. Raises ValueError."""
        return told if self._path is None else self._path.find(told)

    def pick(self, told: Any) -> Told:
        """Raises ValueError naming what was found and wanted."""
        value = self.number(self.find(told))
        quality = Quality.GOOD if self._quality_path is None else _quality(self._quality_path.find(told))
        measured = NOW if self._time_path is None else unix_s(self._time_path.find(told))
        return value, quality, measured

    def pick_all(self, told: Any, broken: dict[str, str]) -> Iterator[Told]:
        """Of a list of samples each that can be read; why another cannot goes into `broken`, by the point.

        Raises ValueError where there is no such list.
        """
        path, time_path = self._path, self._time_path
        if path is None or time_path is None:
            raise ValueError("found a path without its list")
        values, times = path.find_all(told), time_path.find_all(told)
        qualities = self._qualities(told, len(values))
        if not len(values) == len(times) == len(qualities):
            raise ValueError(f"found {len(values)} values with {len(times)} times, wanted as many")
        for found, quality, when in zip(values, qualities, times, strict=True):
            try:
                yield self.number(found), _quality(quality), unix_s(when)
            except ValueError as fault:
                broken[self.point.point] = str(fault)

    def _qualities(self, told: Any, count: int) -> list[Any]:
        if self._quality_path is None:
            return ["good"] * count
        if self._quality_path.is_many:
            return self._quality_path.find_all(told)
        return [self._quality_path.find(told)] * count

    def number(self, found: Any) -> float:
        """NaN for null: the device has no value. A boolean is one only of a switch, or by its word."""
        if type(found) is float and math.isfinite(found) and not self._words:
            return found
        if found is None:
            return math.nan
        if self._words and isinstance(found, str | bool | int):
            word = str(found).strip().casefold()
            if word in self._words:
                return self._words[word]
        if isinstance(found, bool):
            if self._is_onoff:
                return float(found)
        elif isinstance(found, int | float) or (isinstance(found, str) and NUMBER.fullmatch(found.strip())):
            try:
                value = float(found)
            except OverflowError:
                value = math.inf
            if math.isfinite(value):
                return value
        raise ValueError(f"found {_shown(found)}{self._where()}, wanted {self._wanted()}")

    def _where(self) -> str:
        return f" at `{self._path.text}`" if self._path is not None else ""

    def _wanted(self) -> str:
        words = f"one of {', '.join(self.point.words)}, or " if self.point.words else ""
        return f"{words}a number in {self.point.unit}"


def _shown(found: Any) -> str:
    """Short, whatever it is: an integer may have too many digits to be written."""
    if isinstance(found, dict | list):
        return "an object" if isinstance(found, dict) else "a list"
    if isinstance(found, int) and found.bit_length() > 128:
        return f"a number of {found.bit_length()} bits"
    return f"{found!r:.60}"


def _quality(found: Any) -> Quality:
    word = str(found).strip().casefold() if isinstance(found, str | int | float) else ""
    if word in GOOD_WORDS:
        return Quality.GOOD
    return Quality.UNCERTAIN if word in UNCERTAIN_WORDS else Quality.BAD


def unix_s(found: Any) -> float:
    """A time as Unix seconds. Raises ValueError."""
    if isinstance(found, str) and NUMBER.fullmatch(found.strip()):
        found = float(found)
    if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < SECONDS_BELOW * 1e9:
        told = float(found)
        while told >= SECONDS_BELOW:
            told /= 1000.0
        return told
    try:
        when = datetime.fromisoformat(found)
        return when.replace(tzinfo=when.tzinfo or UTC).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"found {_shown(found)}, wanted a time: ISO 8601, or Unix seconds or milliseconds") from None


def raw_of(value: float, point: MqttPoint) -> Any:
    """What the device calls a value: the way back, a word where it has words."""
    raw = (value - point.offset) / point.scale
    return next((word for word, number in point.words.items() if number == raw), plain(raw))


def plain(raw: float) -> int | float:
    """Without the dust of binary fractions: 21.6, not 21.599999999999998; 3, not 3.0."""
    told = float(f"{raw:.12g}")
    return int(told) if told.is_integer() and abs(told) < 1e15 else told
