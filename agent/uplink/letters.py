"""Dead letters, replayed when a person asks for it: `hushwatt letters --replay ID` leaves a file, the agent looks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from agent.core.clock import Clock
from agent.core.errors import OperatingError
from agent.core.journal import Entry
from agent.core.protocols import Journal
from agent.store.outbox import Outbox
from agent.store.records import DeadLetter
from agent.uplink.columns import BrokenPayload, decode
from agent.uplink.sink import RefusedError, Sink

log = logging.getLogger(__name__)

LOOK_S = 30.0
ANSWER_S = 60.0
"""A sink that takes longer is asked again at the next look."""
FOLDER = "replay"
"""Beside the store; a file in it is named by a letter's id."""


def wish(folder: Path, letter_id: int) -> None:
    """Ask the agent whose store lies beside `folder`. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(letter_id)).touch()


class Letters:
    """`run` never raises an OperatingError."""

    def __init__(self, sinks: Mapping[str, Sink], outbox: Outbox, journal: Journal, clock: Clock, folder: Path) -> None:
        self._sinks = sinks
        self._outbox = outbox
        self._journal = journal
        self._clock = clock
        self._folder = folder

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if wished := self._wished():
                try:
                    await self._replay(wished)
                except OperatingError as fault:
                    log.warning("uplink: dead letters are replayed later: %s", fault)

    def _wished(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.iterdir() if path.name.isdecimal())
        except OSError:  # As a rule there is no such folder.
            return []

    async def _replay(self, wished: list[Path]) -> None:
        letters = {letter.id: letter for letter in await self._outbox.dead()}
        for path in wished:
            letter = letters.get(int(path.name))
            if letter is None or await self._is_settled(letter):
                with suppress(OSError):
                    path.unlink()

    async def _is_settled(self, letter: DeadLetter) -> bool:
        """Kept or refused once more; False where nobody answered, so that it is tried again."""
        sink = self._sinks.get(letter.sink)
        if sink is None:
            self._tell(letter, "is not replayed: there is no such sink any more")
            return True
        try:
            parcel = decode(letter.payload).parcel
            if parcel.chain != self._outbox.chain:
                self._tell(letter, "is not replayed: it is of a store that this gateway had before")
                return True
            async with asyncio.timeout(self._clock.io_s(ANSWER_S)):
                await sink.ready()
                await sink.send(parcel)
        except (RefusedError, BrokenPayload) as fault:
            self._tell(letter, f"was refused again: {fault}")
            return True
        except (OperatingError, TimeoutError) as fault:
            log.warning("uplink: dead letter %d waits: %s", letter.id, fault or "no answer")
            return False
        await self._outbox.drop_dead(letter.id)
        self._tell(letter, "was replayed, and is kept")
        return True

    def _tell(self, letter: DeadLetter, what: str) -> None:
        text = f"dead letter {letter.id} for {letter.sink} {what}"
        data = {"first_seq": letter.first_seq, "last_seq": letter.last_seq}
        self._journal.write(Entry(at=self._clock.read(), kind="uplink", subject=letter.sink, text=text, data=data))
