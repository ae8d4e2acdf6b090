"""What the strategy may do: nothing but watch until it has seen enough and understood it."""

from __future__ import annotations

from typing import Literal

from agent.core.clock import Clock, Instant
from agent.core.journal import Entry
from agent.core.protocols import Journal

Mode = Literal["shadow", "advise", "full"]


class Authority:
    """The configured mode, held back to `shadow` while the first days are watched."""

    def __init__(
        self, configured: Mode, *, watch_days: float, first_unix_s: float | None, clock: Clock, journal: Journal
    ) -> None:
        """`first_unix_s`: the oldest sample in the store, None for a new site."""
        self._configured = configured
        self._watch_s = watch_days * 86400.0
        began_s = clock.read().unix_s if first_unix_s is None else first_unix_s
        self._began_unix_s = began_s // 3600.0 * 3600.0  # The hour of the first sample counts as a whole.
        self._clock = clock
        self._journal = journal
        self._told: Mode | None = None

    def watched_days(self, now: Instant) -> float:
        return (now.unix_s - self._began_unix_s) / 86400.0

    def has_watched(self, now: Instant) -> bool:
        return now.unix_s - self._began_unix_s >= self._watch_s

    def mode(self) -> Mode:
        """Asked at each cycle; a change is journalled once."""
        now = self._clock.read()
        mode: Mode = self._configured if self.has_watched(now) else "shadow"
        if mode != self._told:
            self._journal.write(self._changed(mode, now))
            self._told = mode
        return mode

    def _changed(self, mode: Mode, now: Instant) -> Entry:
        why = f"{self.watched_days(now):.1f} days watched of {self._watch_s / 86400.0:g}"
        return Entry(at=now, kind="agent", subject="authority", text=f"mode is now {mode}: {why}", data={"mode": mode})
