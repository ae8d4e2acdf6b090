"""Takes forecasts from topics and addresses: JSON arrays of instants and values, refused whole when anything is odd."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from agent.core.clock import Clock
from agent.core.errors import OperatingError
from agent.core.features import Forecast
from agent.core.journal import Entry
from agent.core.protocols import Journal
from agent.core.units import is_plausible

log = logging.getLogger(__name__)

MOST_BYTES = 1_000_000
MOST_VALUES = 2_000
HTTP_S = 10.0
AGENT = "hushwatt"


class ForecastError(OperatingError):
    """A forecast that cannot be read; the text says what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastSource:
    """One point's forecast."""

    point: str
    unit: str
    values: str
    times: str
    url: str | None = None
    every_s: float = 3600.0
    broker: str | None = None
    topic: str | None = None


def parse(payload: bytes, source: ForecastSource) -> Forecast:
    """Instants and values, rising. Raises ForecastError."""
    if len(payload) > MOST_BYTES:
        raise ForecastError(f"{len(payload)} bytes, at most {MOST_BYTES} are read")
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError) as fault:
        raise ForecastError(f"not JSON: {fault}") from None
    times, values = _walk(told, source.times), _walk(told, source.values)
    if not 1 < len(times) == len(values) <= MOST_VALUES:
        raise ForecastError(f"{len(times)} times and {len(values)} values, wanted as many, 2 to {MOST_VALUES}")
    at = np.array([_unix_s(time) for time in times])
    foretold = np.array([_number(value) for value in values])
    if not (np.diff(at) > 0.0).all():
        raise ForecastError("the times do not rise")
    odd = [float(value) for value in foretold if not is_plausible(source.unit, float(value))]
    if odd:
        raise ForecastError(f"{odd[0]:g} is no {source.unit} that a building has")
    return at, foretold


def _walk(told: Any, path: str) -> list[Any]:
    for step in path.split("."):
        if not isinstance(told, dict) or step not in told:
            raise ForecastError(f"there is no `{path}` in it")
        told = told[step]
    if not isinstance(told, list):
        raise ForecastError(f"`{path}` is no array")
    return told


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ForecastError(f"`{str(value)[:40]}` is no number")
    return float(value)


def _unix_s(time: Any) -> float:
    if isinstance(time, str):
        try:
            told = datetime.fromisoformat(time)
        except ValueError:
            raise ForecastError(f"`{time[:40]}` is no instant") from None
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    return _number(time)


class ForecastDesk:
    """Hands on what sources send; a source that sends rubbish or nothing is told once, and again when it is mended."""

    def __init__(self, take: Callable[[str, Forecast], None], journal: Journal, clock: Clock) -> None:
        self._take, self._journal, self._clock = take, journal, clock
        self._faulty: set[str] = set()

    def receive(self, source: ForecastSource, payload: bytes) -> None:
        """Never raises: an MQTT handler must not."""
        try:
            forecast = parse(payload, source)
        except ForecastError as fault:
            self._tell_fault(source, str(fault))
            return
        if source.point in self._faulty:
            self._faulty.discard(source.point)
            self._tell(source, "can be read again")
        self._take(source.point, forecast)

    async def fetch_for_ever(self, source: ForecastSource) -> None:
        """A URL's task; a silent server is asked again at the next turn."""
        while True:
            try:
                with self._clock.hold():
                    payload = await asyncio.to_thread(_get, source.url or "", self._clock.io_s(HTTP_S))
                self.receive(source, payload)
            except OSError as fault:  # urllib's URLError is one; so are time-outs and refused connections.
                self._tell_fault(source, f"{source.url}: {fault}")
            await asyncio.sleep(source.every_s)

    def _tell_fault(self, source: ForecastSource, fault: str) -> None:
        if source.point not in self._faulty:
            self._faulty.add(source.point)
            self._tell(source, f"cannot be used: {fault}")

    def _tell(self, source: ForecastSource, what: str) -> None:
        text = f"the forecast of {source.point} {what}"
        log.warning(text)
        self._journal.write(Entry(at=self._clock.read(), kind="forecast", subject=source.point, text=text))


def _get(url: str, timeout_s: float) -> bytes:
    """Raises OSError."""
    request = urllib.request.Request(url, headers={"User-Agent": AGENT, "Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            body: bytes = answer.read(MOST_BYTES + 1)
            return body
    except (ValueError, EOFError) as fault:
        raise OSError(str(fault)) from fault
