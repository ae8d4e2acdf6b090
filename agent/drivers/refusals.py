"""What cannot be read or kept is counted each time, and told once when it starts and once when it ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.core.clock import Clock
from agent.core.journal import Entry
from agent.core.protocols import Journal

MOST_NAMED = 5
"""Points named in one entry of the journal; of more their number."""
MOST_TOLD = 100
"""Names that nobody knows, told in the life of a driver: a stranger must not fill the journal."""


class Refusals:
    """Of one device."""

    def __init__(self, device: str, source: str, journal: Journal, clock: Clock) -> None:
        """`source`: who sent it, as a person knows it: which broker at which host and port."""
        self._device = device
        self._source = source
        self._journal = journal
        self._clock = clock
        self._broken: set[str] = set()
        """Points whose last payload could not be read."""
        self._strangers: set[str] = set()
        self._is_dropping = False
        self._dropped = 0
        self.count = 0
        """Payloads of which something could not be read."""

    def note(self, place: str, points: Iterable[str], broken: Mapping[str, str]) -> None:
        """A payload came at `place` for `points`; `broken`: which of them could not be read, and why."""
        if not broken and not self._broken:
            return
        self.count += bool(broken)
        news = {point: why for point, why in broken.items() if point not in self._broken}
        for why, named in _by_reason(news).items():
            self.tell(f"{self._device}: {place}: {_named(named)} cannot be read: {why} (from {self._source})")
        if mended := [point for point in points if point in self._broken and point not in broken]:
            self.tell(f"{self._device}: {place}: {_named(mended)} can be read again")
            self._broken.difference_update(mended)
        self._broken.update(news)

    def note_stranger(self, name: str, what: str) -> None:
        """Something came that the config does not know; told once a name."""
        self.count += 1
        if name not in self._strangers and len(self._strangers) < MOST_TOLD:
            self._strangers.add(name)
            self.tell(f"{self._device}: {what} (from {self._source})")

    def note_dropped(self, dropped: int) -> None:
        """`dropped`: samples so far, asked once a poll."""
        news, self._dropped = dropped - self._dropped, dropped
        if news and not self._is_dropping:
            self.tell(f"{self._device}: samples come faster than they are polled: the oldest are dropped and counted")
        elif self._is_dropping and not news:
            self.tell(f"{self._device}: samples are no longer dropped; {dropped} were since the start")
        self._is_dropping = bool(news)

    def tell(self, text: str) -> None:
        self._journal.write(Entry(at=self._clock.read(), kind="device", subject=self._device, text=text))


def _by_reason(broken: Mapping[str, str]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for point, why in broken.items():
        reasons.setdefault(why, []).append(point)
    return reasons


def _named(points: list[str]) -> str:
    more = len(points) - MOST_NAMED
    return ", ".join(points[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
