"""Time, the only place that looks at a clock. Everyone else is given an `Instant`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

CLOCK_SET_AFTER_UNIX_S = 1_735_689_600.0
"""2025-01-01: a system clock before this has not been set (a gateway without a battery boots in 1970)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """One look at the clock: `unix_s` for people and upstream, `mono_s` for ages."""

    unix_s: float
    """Seconds since 1970-01-01 UTC; may jump."""
    mono_s: float
    """Seconds since an arbitrary start; never jumps."""
    is_set: bool = True
    """False while the wall clock cannot be believed."""

    @property
    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.unix_s, UTC)

    def iso(self) -> str:
        return self.utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def wall_s() -> float:
    """The real monotonic clock, for the event loops that steer time and for measuring our own speed."""
    return time.monotonic()


_NOTHING = nullcontext()


class Clock(Protocol):
    """Gives instants, and lets I/O tell simulated time to stand still."""

    def read(self) -> Instant:
        """Look once: both faces of the same moment."""

    def hold(self) -> AbstractContextManager[object]:
        """Work on the real wire goes on in here: steered clocks stand still, and timers set in here are the wall's."""

    def on_wall(self) -> AbstractContextManager[object]:
        """Timers set in here, and in tasks begun here, run on the wall's time: for a link's keep-alive and pauses."""

    def io_s(self, seconds: float) -> float:
        """How many seconds of the event loop are `seconds` of the real world (for time-outs)."""


class SystemClock:
    """The gateway's own clock."""

    def read(self) -> Instant:
        unix_s = time.time()
        return Instant(unix_s=unix_s, mono_s=time.monotonic(), is_set=unix_s > CLOCK_SET_AFTER_UNIX_S)

    def hold(self) -> AbstractContextManager[object]:
        return _NOTHING

    def on_wall(self) -> AbstractContextManager[object]:
        return _NOTHING

    def io_s(self, seconds: float) -> float:
        return seconds


class SteeredClock:
    """A clock whose unix seconds are told by someone else: a scaled, lockstep or virtual event loop."""

    def __init__(
        self,
        unix_s: Callable[[], float],
        *,
        hold: Callable[[], AbstractContextManager[object]] = nullcontext,
        on_wall: Callable[[], AbstractContextManager[object]] = nullcontext,
        speed: float = 1.0,
    ) -> None:
        self._unix_s = unix_s
        self._hold = hold
        self._on_wall = on_wall
        self._speed = speed

    def read(self) -> Instant:
        unix_s = self._unix_s()
        return Instant(unix_s=unix_s, mono_s=unix_s)

    def hold(self) -> AbstractContextManager[object]:
        return self._hold()

    def on_wall(self) -> AbstractContextManager[object]:
        return self._on_wall()

    def io_s(self, seconds: float) -> float:
        return seconds * self._speed
