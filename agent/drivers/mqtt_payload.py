"""A payload to a value: plain numbers, or JSON with paths. What cannot be read is refused with a reason."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from agent.core.points import Quality
from agent.core.units import is_plausible
from agent.drivers.wire import MqttPoint

GOOD = {"good", "ok", "true", "1", "192", "0"}
"""0 is OPC UA's GOOD, 192 is OPC DA's."""
UNCERTAIN = {"uncertain", "64"}
LARGEST_BYTES = 65_536
"""A payload for one point that is larger than this is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One point's part of a payload."""

    value: float
    """NaN when the device says that it has none."""
    quality: Quality
    measured_unix_s: float | None
    """By the device's own clock; None when it does not say."""


def parse(payload: bytes) -> Any:
    """The payload as JSON (a bare number is JSON too). Raises ValueError."""
    if len(payload) > LARGEST_BYTES:
        raise ValueError(f"{len(payload)} bytes, at most {LARGEST_BYTES} are read")
    try:
        return json.loads(payload, parse_constant=_refuse)
    except (UnicodeDecodeError, RecursionError) as fault:
        raise ValueError(f"not readable: {fault}") from None


def pick(told: Any, point: MqttPoint) -> Decoded:
    """One point's value out of a parsed payload. Raises ValueError naming what was found and wanted."""
    value = _number(_walk(told, point.path), point.path)
    quality = Quality.BAD if math.isnan(value) else _quality(told, point)
    if quality == Quality.GOOD and not is_plausible(point.unit, value):
        quality = Quality.UNCERTAIN
    measured = None if point.time_path is None else _unix_s(_walk(told, point.time_path), point.time_path)
    return Decoded(value=math.nan if quality == Quality.BAD else value, quality=quality, measured_unix_s=measured)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _walk(told: Any, path: str | None) -> Any:
    for step in path.split(".") if path else ():
        if isinstance(told, dict) and step in told:
            told = told[step]
        elif isinstance(told, list) and step.isdigit() and int(step) < len(told):
            told = told[int(step)]
        else:
            raise ValueError(f"nothing at `{path}`")
    return told


def _number(found: Any, path: str | None) -> float:
    """A bool is 0 or 1, null is NaN: the device has no value."""
    if found is None:
        return math.nan
    if isinstance(found, bool | int | float):
        try:
            value = float(found)
        except OverflowError:
            value = math.inf
        if math.isfinite(value):
            return value
    raise ValueError(f"found {found!r:.60}{f' at `{path}`' if path else ''}, wanted a number")


def _quality(told: Any, point: MqttPoint) -> Quality:
    if point.quality_path is None:
        return Quality.GOOD
    word = str(_walk(told, point.quality_path)).strip().lower()
    if word in GOOD:
        return Quality.GOOD
    return Quality.UNCERTAIN if word in UNCERTAIN else Quality.BAD


def _unix_s(found: Any, path: str) -> float:
    if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < 1e11:
        return float(found)
    try:
        when = datetime.fromisoformat(str(found))
        return when.replace(tzinfo=when.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"found {found!r:.60} at `{path}`, wanted a time") from None
