"""Polls on absolute deadlines; one device's silence is its own affair."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent.core.clock import Clock
from agent.core.errors import DeviceError, OperatingError
from agent.core.journal import Entry
from agent.core.pauses import Pauses
from agent.core.protocols import Driver, Journal
from agent.core.scan import Scan
from agent.runtime.tasks import obey_cancel

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 60.0
"""A silent device is tried again at least this often, or at each poll where polls are rarer."""
SHARE_OF_SILENCE = 0.04
"""From its second failure on, a silent device may take no more than this share of its line's time from the others."""
LONGEST_SHARED_PAUSE_S = 300.0
"""But it is tried again at least this often, for ever."""
SMALL_S = 1e-3
"""A deadline so far off the wall's full multiple is left alone."""


@dataclass(slots=True, kw_only=True)
class PollCounts:
    """Of one device, since the agent started."""

    polls: int = 0
    missed: int = 0
    """Deadlines that passed while the poll before was still under way."""
    failed: int = 0
    samples: int = 0
    silent: bool = False


class Poller:
    """One driver's task: a poll under way at a time, missed ones skipped and counted."""

    def __init__(
        self,
        driver: Driver,
        *,
        poll_s: float,
        phase_s: float,
        take: Callable[[Scan], None],
        journal: Journal,
        clock: Clock,
    ) -> None:
        """`phase_s` spreads devices over the period, so that they are not all asked in one moment."""
        self._driver = driver
        self._poll_s = poll_s
        self._phase_s = phase_s
        self._take = take
        self._journal = journal
        self._clock = clock
        self._pauses = Pauses(first_s=1.0, longest_s=LONGEST_PAUSE_S, seed=driver.name)
        self._silent_since_s: float | None = None
        self._has_answered = False
        self._not_before_s = float("-inf")
        self.counts = PollCounts()

    @property
    def name(self) -> str:
        return self._driver.name

    async def run(self) -> None:
        """For ever: the poll, then the next full multiple of the period by the wall clock, plus the phase."""
        due_s = self._clock.read().mono_s + self._until_full(self._phase_s)
        while True:
            await asyncio.sleep(max(0.0, due_s - self._clock.read().mono_s))
            await self._turn()
            obey_cancel()
            due_s = self._next_due(due_s)

    def _next_due(self, due_s: float) -> float:
        """Counted on the clock that never jumps, and drawn to full multiples on the wall's, which does."""
        now = self._clock.read()
        due_s += self._poll_s
        late_s = now.mono_s - due_s
        if late_s > 0.0:
            skipped = int(late_s // self._poll_s) + 1
            self.counts.missed += skipped
            due_s += skipped * self._poll_s
        half_s = self._poll_s / 2
        error_s = (due_s - now.mono_s + now.unix_s - self._phase_s + half_s) % self._poll_s - half_s
        return due_s if abs(error_s) < SMALL_S else due_s - error_s

    def _until_full(self, phase_s: float) -> float:
        return (phase_s - self._clock.read().unix_s) % self._poll_s

    async def _turn(self) -> None:
        if self._silent_since_s is not None and self._clock.read().mono_s < self._not_before_s:
            return
        self.counts.polls += 1
        try:
            with self._clock.hold():
                scans = await self._driver.poll()
        except OperatingError as fault:
            self._fell_silent(fault)
            return
        self._has_answered = True
        if self._silent_since_s is not None:
            self._answered(self._silent_since_s)
        for scan in scans:
            self.counts.samples += len(scan)
            self._take(scan)

    def _fell_silent(self, fault: OperatingError) -> None:
        """Told once when it starts. One lost answer is soon forgotten; who stays silent must not cost the others."""
        self.counts.failed += 1
        now = self._clock.read()
        pause_s = self._pauses.next()
        if self._silent_since_s is not None or not self._has_answered:
            cost_s = fault.cost_s if isinstance(fault, DeviceError) else 0.0
            pause_s = max(pause_s, min(LONGEST_SHARED_PAUSE_S, cost_s * (1.0 / SHARE_OF_SILENCE - 1.0)))
        if self._silent_since_s is None:
            self._silent_since_s = now.mono_s
            self.counts.silent = True
            self._tell(f"{self.name} silent: {fault}")
        self._not_before_s = now.mono_s + pause_s

    def _answered(self, since_s: float) -> None:
        self._pauses.reset()
        self._tell(f"{self.name} answers again after {self._clock.read().mono_s - since_s:.0f} s")
        self._silent_since_s = None
        self.counts.silent = False

    def _tell(self, text: str) -> None:
        log.warning(text)
        self._journal.write(Entry(at=self._clock.read(), kind="device", subject=self.name, text=text))
