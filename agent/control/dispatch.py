"""Commands on their way to the devices, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from agent.core.clock import Clock
from agent.core.command import Command, Outcome
from agent.core.journal import Entry
from agent.core.protocols import Driver, Journal


class Dispatch:
    """Sends each command to the driver of its point and journals the outcome."""

    def __init__(self, drivers: Mapping[str, Driver], journal: Journal, clock: Clock) -> None:
        """`drivers`: writable point -> the driver that writes it."""
        self._drivers = drivers
        self._journal = journal
        self._clock = clock
        self.outcomes: Counter[str] = Counter()

    async def write(self, command: Command) -> Outcome:
        """Write and read back; a failure is an outcome, never an exception."""
        driver = self._drivers.get(command.point)
        if driver is None:
            outcome = self._undeliverable(command)
        else:
            with self._clock.hold():
                outcome = await driver.write(command)
        self.outcomes[outcome.kind] += 1
        self._journal.write(_entry(outcome))
        return outcome

    async def beat(self, command: Command) -> None:
        """A heartbeat: written like any command, but no line in the journal each minute."""
        driver = self._drivers.get(command.point)
        if driver is not None:
            with self._clock.hold():
                outcome = await driver.write(command)
            self.outcomes[f"heartbeat {outcome.kind}"] += 1

    def _undeliverable(self, command: Command) -> Outcome:
        detail = f"no device of this site writes {command.point}"
        return Outcome(command=command, kind="failed", read_back=None, detail=detail, at=self._clock.read())


def _entry(outcome: Outcome) -> Entry:
    command = outcome.command
    what = "let go" if command.value is None else f"set to {command.value:g}"
    return Entry(
        at=outcome.at,
        kind="outcome",
        subject=command.point,
        text=f"{command.point} {what}: {outcome.kind}{', ' + outcome.detail if outcome.detail else ''}",
        data={
            "value": command.value,
            "kind": outcome.kind,
            "read_back": outcome.read_back,
            "source": command.source,
            "reason": command.reason,
        },
    )
