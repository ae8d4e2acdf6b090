"""Takes messages, answers each once, and keeps what was wished until it expires. It never reaches a machine.

An id is remembered in the journal before anything comes of it, so that a message which is sent again is refused, in the
next life of the agent too. Wishes themselves do not outlive the agent: a restart hands the machines back.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from pathlib import Path
from typing import Protocol

from agent.core.clock import Clock, Instant
from agent.core.command import Proposal
from agent.core.errors import OperatingError, Problem
from agent.core.features import Features
from agent.core.journal import Entry
from agent.core.points import PointTable
from agent.core.protocols import Strategy
from agent.inbox.message import Offer, Wish, WrongMessage, read

SOURCE = "upstream"
MOST_A_MINUTE = 60
"""Messages beyond are refused unread: each one that is read costs a line of the journal (our assumption)."""
MOST_OFFERS = 20
"""Files that wait for a person at most."""


class Memory(Protocol):
    """The journal, as far as the inbox needs it: the store."""

    def write(self, entry: Entry) -> None: ...

    async def flush(self) -> None: ...

    async def entries(
        self, *, kind: str | None = None, subject: str | None = None, limit: int = 100
    ) -> list[Entry]: ...


class Inbox:
    """One site's."""

    def __init__(self, table: PointTable, memory: Memory, clock: Clock, offers: Path) -> None:
        """`offers`: the folder where configs and models wait for a person."""
        self._table = table
        self._memory = memory
        self._clock = clock
        self._offers = offers
        self._wishes: dict[str, Proposal] = {}
        """Point -> the latest wish."""
        self._heard: deque[float] = deque(maxlen=MOST_A_MINUTE)
        self._order = asyncio.Lock()
        self.taken = 0
        self.refused = 0

    async def take(self, payload: bytes) -> bytes:
        """The answer to a message; never raises."""
        async with self._order:  # The same id twice at the same moment is once.
            now = self._clock.read()
            try:
                self._bound(now)
                message = read(payload, self._table, now)
                await self._remember(message, now)
                self._accept(message, now)
            except WrongMessage as wrong:
                self.refused += 1
                return _answer(wrong.id, "refused", now, wrong.problems)
            self.taken += 1
            return _answer(message.id, "taken", now, [])

    def wishes(self, now: Instant) -> list[Proposal]:
        """Those that still stand."""
        self._wishes = {point: wish for point, wish in self._wishes.items() if wish.until_mono_s > now.mono_s}
        return list(self._wishes.values())

    def _bound(self, now: Instant) -> None:
        if len(self._heard) == MOST_A_MINUTE and now.mono_s - self._heard[0] < 60.0:
            found = f"more than {MOST_A_MINUTE} messages in a minute"
            raise WrongMessage(None, [_problem("all of it", found, "fewer, and this one again later")])
        self._heard.append(now.mono_s)

    async def _remember(self, message: Wish | Offer, now: Instant) -> None:
        """On the disk before anything comes of it. Raises WrongMessage."""
        try:
            known = await self._memory.entries(kind="inbox", subject=message.id, limit=1)
            if known:
                found = f"`{message.id}`, which was taken at {known[0].at.iso()}"
                raise WrongMessage(message.id, [_problem("id", found, "an id of its own for each message")])
            self._memory.write(_entry(message, now))
            await self._memory.flush()
        except OperatingError as fault:
            problem = _problem("all of it", f"a store that cannot remember it: {fault}", "another try later")
            raise WrongMessage(message.id, [problem]) from fault

    def _accept(self, message: Wish | Offer, now: Instant) -> None:
        if isinstance(message, Offer):
            self._put(message)
            return
        self._wishes[message.point] = Proposal(
            point=message.point,
            value=message.value,
            source=SOURCE,
            reason=message.reason,
            until_mono_s=now.mono_s + message.expires_unix_s - now.unix_s,
        )

    def _put(self, offer: Offer) -> None:
        """A file that nobody reads until a person takes it. Raises WrongMessage."""
        try:
            self._offers.mkdir(mode=0o750, exist_ok=True)
            if sum(1 for _ in self._offers.iterdir()) >= MOST_OFFERS:
                wanted = "a person at the site who looks at them first"
                raise WrongMessage(offer.id, [_problem("kind", f"{MOST_OFFERS} offers that wait already", wanted)])
            (self._offers / f"{offer.kind}-{offer.id}-{offer.name}").write_bytes(offer.body)
        except OSError as fault:
            problem = _problem(
                "body", f"a disk that refuses it: {fault.strerror}", "another try later, with another id"
            )
            raise WrongMessage(offer.id, [problem]) from fault


class WithWishes:
    """A strategy beside which upstream is heard too; who is heard of two is the arbiter's to say."""

    def __init__(self, strategy: Strategy, inbox: Inbox) -> None:
        self._strategy, self._inbox = strategy, inbox

    @property
    def name(self) -> str:
        return self._strategy.name

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        return [*self._inbox.wishes(now), *self._strategy.propose(features, now)]


def _entry(message: Wish | Offer, now: Instant) -> Entry:
    data: dict[str, object] = {"expires_unix_s": message.expires_unix_s, "reason": message.reason}
    if isinstance(message, Offer):
        text = f"upstream offers a {message.kind}: {message.name}, {len(message.body)} bytes"
        data |= {"name": message.name}
    else:
        text = f"upstream wishes {message.value:g} for {message.point}"
        data |= {"point": message.point, "value": message.value}
    return Entry(at=now, kind="inbox", subject=message.id, text=text, data=data)


def _problem(place: str, found: str, wanted: str) -> Problem:
    return Problem(file="the message", line=0, key=place, found=found, wanted=wanted)


def _answer(id_: str | None, what: str, now: Instant, problems: list[Problem]) -> bytes:
    told = [
        {"place": problem.key, "found": problem.found, "wanted": problem.wanted}
        | ({"nearest": problem.nearest} if problem.nearest else {})
        for problem in problems
    ]
    return json.dumps({"id": id_, "answer": what, "at_unix_s": now.unix_s, "problems": told}).encode()
