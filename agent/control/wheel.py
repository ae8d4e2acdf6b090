"""The control cycle on one page: look, doubt, think, judge, write, tell."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from agent.control import arbiter
from agent.control.authority import Mode
from agent.control.dispatch import Dispatch
from agent.control.lease import TOUCHED, UNWISHED, Doubt, Leases
from agent.core.clock import Clock, Instant
from agent.core.command import Outcome, Proposal, Verdict
from agent.core.features import Features
from agent.core.image import Image
from agent.core.journal import Entry
from agent.core.limits import Envelope
from agent.core.protocols import Journal, Strategy
from agent.safety import guard

AFTER_POLLS_S = 0.5
"""The wheel turns this long after the full minute, when the polls of that minute are in."""


class LiveImage(Protocol):
    """The room that knows every point's latest sample."""

    def image(self, now: Instant) -> Image: ...


class History(Protocol):
    """The room that turns images into features."""

    def add(self, image: Image) -> None: ...

    def features(self, now: Instant) -> Features: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The wheel's times, seconds."""

    cycle_s: float = 900.0
    """Between two plans."""
    watch_s: float = 60.0
    """Between two looks for a reason to hand back."""
    doubt_pause_s: float = 1800.0
    """Hands off after blindness or a read-back that disagreed."""
    touch_pause_s: float = 7200.0
    """Hands off after a person moved a set-point."""


class Wheel:
    """Turns every `watch_s`, plans every `cycle_s`, and is the only one who asks the guard."""

    def __init__(
        self,
        *,
        live: LiveImage,
        history: History,
        strategy: Strategy,
        envelope: Envelope,
        dispatch: Dispatch,
        journal: Journal,
        clock: Clock,
        mode: Callable[[], Mode],
        pace: Pace,
        heartbeat: str | None = None,
        beat: Callable[[Image], None] = lambda image: None,
        inherited: Iterable[str] = (),
    ) -> None:
        """`mode` is asked each cycle: authority may rise and fall while we run. `beat` is told of each closed turn.

        `inherited`: points that an earlier life of this agent still held; they are let go before anything is planned.
        """
        self._live = live
        self._history = history
        self.strategy = strategy
        self._envelope = envelope
        self._dispatch = dispatch
        self._journal = journal
        self._clock = clock
        self._mode = mode
        self._pace = pace
        self._heartbeat = heartbeat
        self._beat = beat
        self._beats = 0
        self._leases = Leases(envelope)
        self._inherited = list(inherited)
        self._told: dict[str, tuple[object, ...]] = {}
        self.verdicts: Counter[str] = Counter()

    @property
    def outcomes(self) -> Counter[str]:
        """What became of the commands, counted."""
        return self._dispatch.outcomes

    @property
    def held(self) -> tuple[str, ...]:
        return self._leases.held

    async def run(self) -> None:
        """Turn for ever, on absolute deadlines; a turn that took too long is followed by the next one due."""
        while True:
            now = self._clock.read()
            due = (now.unix_s - AFTER_POLLS_S) // self._pace.watch_s + 1
            due_s = due * self._pace.watch_s
            await asyncio.sleep(due_s + AFTER_POLLS_S - now.unix_s)
            await self.turn(plan=self._is_cycle(due_s))

    def _is_cycle(self, due_s: float) -> bool:
        """A multiple of `cycle_s` was passed since the turn before; a cycle need not be whole turns."""
        return due_s // self._pace.cycle_s != (due_s - self._pace.watch_s) // self._pace.cycle_s

    async def turn(self, *, plan: bool) -> None:
        """One turn of the wheel; `plan`: also think and write."""
        now = self._clock.read()
        image = self._live.image(now)
        self._history.add(image)
        await self._let_go_inherited(now)
        await self._hand_back(self._leases.doubts(image), now)
        if plan:
            await self._cycle(image, now)
        await self._send_heartbeat(image)
        self._beat(image)  # Alive means: the wheel has turned.

    async def _cycle(self, image: Image, now: Instant) -> None:
        mode = self._mode()
        wishes = self.strategy.propose(self._history.features(now), now)
        for wish in arbiter.choose(wishes):
            if self._leases.is_barred(wish.point.partition(".")[0], now):
                continue
            verdict = guard.review(wish, self._envelope.get(wish.point), self._leases.last(wish.point), image)
            self._tell(verdict, mode, now)
            if mode == "full":
                await self._settle(verdict)

    async def _settle(self, verdict: Verdict) -> None:
        wish = verdict.wish
        if verdict.kind != "refuse":
            self._leases.renew(wish.point, wish.until_mono_s)
        if verdict.command is not None:
            outcome = await self._dispatch.write(verdict.command)
            self._leases.take(outcome, wish.until_mono_s)

    async def _hand_back(self, doubts: Iterable[Doubt], now: Instant) -> None:
        """Let go of every equipment in doubt, whole; of a point that nobody wished for any more, alone."""
        for doubt in doubts:
            if doubt.reason == UNWISHED:
                await self._release([doubt.point], doubt.reason)
                continue
            pause_s = self._pace.touch_pause_s if doubt.reason == TOUCHED else self._pace.doubt_pause_s
            if not self._leases.is_barred(doubt.equipment, now):
                self._journal.write(_lost(doubt, pause_s, now))
            self._leases.bar(doubt.equipment, now.mono_s + pause_s)
            await self._release(self._points_of(doubt.equipment), doubt.reason)

    async def _let_go_inherited(self, now: Instant) -> None:
        outcomes = await self._release(self._inherited, "an earlier life of this agent held it when it ended")
        confirmed = {outcome.command.point for outcome in outcomes if outcome.kind == "confirmed"}
        self._inherited = [point for point in self._inherited if point not in confirmed]
        for point in self._inherited:
            self._leases.bar(point.partition(".")[0], now.mono_s + self._pace.watch_s)

    def _points_of(self, equipment: str) -> list[str]:
        return [point for point in self._leases.held if point.partition(".")[0] == equipment]

    async def _release(self, points: Iterable[str], reason: str) -> list[Outcome]:
        """A point whose release fails stays held, and is tried again at the next turn."""
        outcomes = []
        for point in points:
            outcome = await self._dispatch.write(guard.release(self._envelope[point], reason, self._clock.read()))
            if outcome.kind == "confirmed":
                self._leases.let_go(point)
            outcomes.append(outcome)
        return outcomes

    async def let_go(self, reason: str) -> list[Outcome]:
        """Hand everything back."""
        return await self._release(self._leases.held, reason)

    async def _send_heartbeat(self, image: Image) -> None:
        """The beat by which the building's own controller knows that we live; judged like any other wish."""
        if self._heartbeat is None or self._mode() != "full":
            return
        self._beats = self._beats % 30_000 + 1
        wish = Proposal(
            point=self._heartbeat,
            value=float(self._beats),
            source="control",
            reason="the wheel has turned",
            until_mono_s=image.at.mono_s,
        )
        verdict = guard.review(wish, self._envelope.get(self._heartbeat), None, image)
        if verdict.command is not None:
            await self._dispatch.beat(verdict.command)

    def _tell(self, verdict: Verdict, mode: Mode, now: Instant) -> None:
        """Count every verdict; journal it unless nothing has changed since the last one for this point."""
        self.verdicts[verdict.kind] += 1
        wish, command = verdict.wish, verdict.command
        news = (verdict.kind, verdict.rule, mode, None if command is None else command.value)
        if (mode != "full" or command is None) and self._told.get(wish.point) == news:
            return
        self._told[wish.point] = news
        self._journal.write(_judged(verdict, mode, now))


def _lost(doubt: Doubt, pause_s: float, now: Instant) -> Entry:
    text = f"{doubt.equipment} handed back: {doubt.reason} ({doubt.point}); hands off for {pause_s / 60:.0f} min"
    return Entry(at=now, kind="lease", subject=doubt.equipment, text=text, data={"point": doubt.point})


def _judged(verdict: Verdict, mode: Mode, now: Instant) -> Entry:
    wish, command = verdict.wish, verdict.command
    written = f"{command.value:g}" if command is not None and command.value is not None else "nothing"
    lead = "" if mode == "full" else f"{mode}: "
    judged = (
        f"{lead}{wish.source} wishes {wish.point} {wish.value:g}; {verdict.kind} by {verdict.rule}, writes {written}"
    )
    return Entry(
        at=now,
        kind="verdict",
        subject=wish.point,
        text=f"{judged}: {wish.reason}",
        data={
            "kind": verdict.kind,
            "rule": verdict.rule,
            "wish": wish.value,
            "value": command.value if command else None,
            "source": wish.source,
            "reason": wish.reason,
            "mode": mode,
            "expects": dict(wish.expects),
            "limits": list(wish.limits),
        },
    )
