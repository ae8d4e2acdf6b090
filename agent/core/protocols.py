"""What rooms promise one another, so that none has to know the other's file."""

from __future__ import annotations

from typing import Protocol

from agent.core.clock import Instant
from agent.core.command import Command, Outcome, Proposal
from agent.core.features import Features
from agent.core.journal import Entry
from agent.core.scan import Scan


class Driver(Protocol):
    """Speaks one protocol to one device."""

    name: str
    """The device's name in the site's config."""

    async def open(self) -> None:
        """Prepare; must not need the device to answer."""

    async def poll(self) -> list[Scan]:
        """All samples since the last poll, stamped at the response. Raises OperatingError when the device is silent.

        A register the device refuses is a BAD sample and a journal entry, never a failed poll.
        """

    async def write(self, command: Command) -> Outcome:
        """Write and read back. Never raises OperatingError: a failure is an outcome."""

    async def close(self) -> None: ...


class Strategy(Protocol):
    """Wishes set-points for some equipment: the planner, or the rule-based baseline."""

    @property
    def name(self) -> str: ...

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        """Wishes for this cycle; an empty list is "I do not know": the machine keeps its own control."""


class Journal(Protocol):
    """Takes entries; never blocks, never fails."""

    def write(self, entry: Entry) -> None: ...


__all__ = ["Driver", "Journal", "Strategy"]
