"""The laws, and the one who watches: between the agent and its devices, and at every step of the world."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.core.errors import DeviceError
from agent.core.limits import Envelope, Limit
from agent.core.points import PointSpec
from simulator.wires.memory import HEARTBEAT, MemoryDevice

SLACK = 1e-6


class LawBroken(AssertionError):  # noqa: N818 - it is a verdict
    """Which law, when, and what was seen."""


@dataclass(slots=True)
class Held:
    """A point that follows the agent."""

    value: float
    since_mono_s: float


@dataclass(slots=True)
class Seen:
    """The last good sample of a point that the agent was given."""

    value: float
    mono_s: float


@dataclass
class Watch:
    """Sees all that passes, knows the truth of what was shown, and raises when a law is broken."""

    envelope: Envelope
    specs: Mapping[str, PointSpec]
    mono_s: Callable[[], float]
    watch_s: float
    held: dict[str, Held] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    blind_since: dict[str, float] = field(default_factory=dict)
    shown: dict[tuple[str, float], list[Mapping[str, float]]] = field(default_factory=dict)
    """(device, unix s by the agent's clock) -> what it showed to polls; a clock that jumps back repeats instants."""
    story: list[tuple[float, str, float | None]] = field(default_factory=list)
    """Every order that a device took: (seconds since the start, point, value)."""
    alive_since: float = 0.0

    # --- the agent's side ---

    def read(self, device: str, told: Mapping[str, float], unix_s: float) -> None:
        """These values were shown at this instant."""
        now = self.mono_s()
        self.shown.setdefault((device, round(unix_s, 3)), []).append(told)
        for point, value in told.items():
            if math.isfinite(value):
                self.seen[point] = Seen(value, now)

    def write(self, point: str, value: float | None) -> None:
        """The device has taken this order."""
        now = self.mono_s()
        if point == HEARTBEAT:
            return
        limit = self.envelope.get(point)
        if limit is None:
            raise self._broken("no limit, no write", point, f"{value}")
        if value is None:
            self.held.pop(point, None)
            self.blind_since.pop(point, None)
        else:
            self._check_value(point, value, limit, now)
            self._check_sight(point, limit, now)
            self.held[point] = Held(value, now)
        self.story.append((round(now - self.start, 3), point, value))

    def _check_value(self, point: str, value: float, limit: Limit, now: float) -> None:
        if not (math.isfinite(value) and limit.low - SLACK <= value <= limit.high + SLACK):
            raise self._broken("no command outside its limit", point, f"{value} of {limit.low}..{limit.high}")
        before = self.held.get(point)
        if before is None:
            return
        if abs(value - before.value) > limit.step + SLACK:
            raise self._broken("no larger step than the limit's", point, f"{before.value} to {value}")
        is_moved = abs(value - before.value) > SLACK
        if is_moved and now - before.since_mono_s < limit.hold_s - SLACK:
            raise self._broken("no move before the hold is over", point, f"after {now - before.since_mono_s:g} s")

    def _check_sight(self, point: str, limit: Limit, now: float) -> None:
        for needed in limit.needs:
            if self._age_s(needed, now) > self.specs[needed].fresh_s + SLACK:
                age = f"{needed} was last seen {self._age_s(needed, now):g} s ago"
                raise self._broken("no plan from stale inputs", point, age)

    def _age_s(self, point: str, now: float) -> float:
        known = self.seen.get(point)
        return math.inf if known is None else now - known.mono_s

    def arrived(self, record: Mapping[str, Any]) -> None:
        """A scan upstream is what a device showed, sample by sample."""
        told = self.shown.get((record["device"], round(record["unix_s"], 3)), [])
        rows = dict(zip(record["points"], record["values"], strict=True))
        if not any(_is_same(rows, shown) for shown in told):
            seen = f"a scan at {record['unix_s']} that was not among the {len(told)} shown then"
            raise self._broken("what upstream has is what was shown", record["device"], seen)

    # --- the world's side ---

    def step(self, is_reachable: Callable[[str], bool]) -> None:
        """Once a step of the world: who is held blind, and for how long already?"""
        now = self.mono_s()
        for point in list(self.held):
            limit = self.envelope[point]
            is_blind = any(self._age_s(need, now) > self.specs[need].fresh_s for need in limit.needs)
            if not is_blind or not is_reachable(point):
                self.blind_since.pop(point, None)
                continue
            since = self.blind_since.setdefault(point, now)
            if now - max(since, self.alive_since) > 2.0 * self.watch_s + SLACK:
                raise self._broken("a blind machine is handed back", point, f"held blind for {now - since:g} s")

    def forget(self) -> None:
        """The device has forgotten all orders."""
        self.held.clear()
        self.blind_since.clear()

    def taken_back(self, point: str) -> None:
        """A person has the point."""
        self.held.pop(point, None)
        self.blind_since.pop(point, None)

    def __post_init__(self) -> None:
        self.start = self.mono_s()

    def _broken(self, law: str, point: str, seen: str) -> LawBroken:
        return LawBroken(f"{law}: {point}: {seen}, {self.mono_s() - self.start:.0f} s after the start")

    def digest(self) -> str:
        return hashlib.sha256(repr(self.story).encode()).hexdigest()


def _is_same(rows: Mapping[str, float | None], shown: Mapping[str, float]) -> bool:
    """Sample by sample; a dead sensor is nothing."""
    pairs = ((value, shown.get(point, math.nan)) for point, value in rows.items())
    return all(not math.isfinite(true) if value is None else value == true for value, true in pairs)


class WatchedDevice:
    """One device as the agent's memory driver sees it; an agent that has died is deaf and dumb."""

    def __init__(self, device: MemoryDevice, name: str, watch: Watch, unix_s: Callable[[], float]) -> None:
        """`unix_s`: the wall by the agent's own clock."""
        self._device, self._name, self._watch, self._unix_s = device, name, watch, unix_s
        self.is_cut = False

    def read(self) -> Mapping[str, float]:
        self._check()
        told = self._device.read()
        self._watch.read(self._name, told, self._unix_s())
        return told

    def write(self, point: str, value: float | None) -> float | None:
        self._check()
        shown = self._device.write(point, value)
        self._watch.write(point, value)
        return shown

    def _check(self) -> None:
        if self.is_cut:
            raise DeviceError(f"{self._name}: this process is dead")
