"""Every way upstream of a site, wired: a sink, its tape and its log each, by the sink's name."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.core.clock import Clock
from agent.core.journal import Entry
from agent.core.protocols import Journal
from agent.store.outbox import Outbox
from agent.uplink.letters import Letters
from agent.uplink.packer import Packer, Rules
from agent.uplink.shared_log import SharedLog
from agent.uplink.sink import Sink
from agent.uplink.tape import Feeding, Tape


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One sink, what it may have, and how it is fed."""

    sink: Sink
    rules: Rules
    feeding: Feeding


class Uplink:
    """Its tasks never raise an OperatingError."""

    def __init__(
        self,
        ways: Mapping[str, Way],
        outbox: Outbox,
        journal: Journal,
        clock: Clock,
        *,
        site: str,
        gateway: str,
        replay: Path,
    ) -> None:
        """`replay`: the folder where people ask for dead letters."""
        self._outbox = outbox
        self._sinks = {name: way.sink for name, way in ways.items()}
        self._letters = Letters(self._sinks, outbox, journal, clock, replay)
        self._logs = {name: SharedLog(name, journal, clock) for name in ways}
        _forget(outbox, ways, journal, clock)
        self.tapes = {
            name: Tape(
                name,
                way.sink,
                outbox,
                lambda rules=way.rules: Packer(rules, outbox),  # type: ignore[misc]
                clock,
                journal,
                feeding=way.feeding,
                where=(site, gateway),
                left=self._logs[name].left,
            )
            for name, way in ways.items()
        }

    def tasks(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """For the agent's task group."""
        sinks = [(f"sink {name}", sink.run()) for name, sink in self._sinks.items()]
        letters = [("letters", self._letters.run())] if sinks else []
        return sinks + letters + [(f"tape {name}", tape.run()) for name, tape in self.tapes.items()]

    async def drain(self, timeout_s: float) -> list[str]:
        """Wait until every sink has all that is committed now. Those that did not manage in time."""
        done = await asyncio.gather(*(tape.drain(timeout_s) for tape in self.tapes.values()))
        return [name for name, is_drained in zip(self.tapes, done, strict=True) if not is_drained]

    def write_logs(self) -> None:
        """Into the journal: what has left since the last hour."""
        for log in self._logs.values():
            log.write()

    def figures(self) -> dict[str, dict[str, object]]:
        """For the board, by sink."""
        newest = self._outbox.last_seq
        shown: dict[str, dict[str, object]] = {}
        for name, tape in self.tapes.items():
            cursor = self._outbox.cursor(name)
            waiting = newest - cursor.acked - sum(last - first + 1 for first, last in cursor.islands)
            shown[name] = {"waiting": waiting, "is_down": tape.is_down, "dead": tape.counts.dead}
        return shown


def _forget(outbox: Outbox, ways: Mapping[str, Way], journal: Journal, clock: Clock) -> None:
    """Sinks that left the config: nothing waits for them any more."""
    for name in set(outbox.sinks()) - set(ways):
        text = f"{name} is no sink of this site any more: what waited for it is let go"
        journal.write(Entry(at=clock.read(), kind="uplink", subject=name, text=text))
        outbox.forget(name)
