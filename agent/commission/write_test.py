"""Writes a set-point through the gate, reads it back and lets it go again: only when a person asks for it by name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from agent.commission.look import Visit
from agent.config import SiteConfig
from agent.control.dispatch import Dispatch
from agent.core.clock import Clock
from agent.core.command import Outcome, Proposal, Verdict
from agent.core.journal import Entry
from agent.core.protocols import Journal
from agent.safety import guard
from agent.store.store import Store

VOID_AFTER_S = 60.0
"""The wish of a write test that has not been judged by then is void."""
REASON = "a write test at acceptance, asked for by a person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What became of one wish, and of letting go."""

    verdict: Verdict
    before: float | None
    written: Outcome | None = None
    released: Outcome | None = None

    @property
    def is_well(self) -> bool:
        return all(outcome is not None and outcome.kind == "confirmed" for outcome in (self.written, self.released))


async def try_writes(visit: Visit, wishes: Mapping[str, float], clock: Clock) -> list[Tested]:
    """Each wish in turn. The store is held meanwhile, so that no agent of this site runs beside us, and journals all.

    Raises StoreError or StoreRefused when it cannot be held: then nothing is written.
    """
    store = await _hold(visit.config, visit, clock)
    running = asyncio.ensure_future(store.run())
    try:
        return [await _test(visit, point, value, store, clock) for point, value in wishes.items()]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


async def _hold(config: SiteConfig, visit: Visit, clock: Clock) -> Store:
    return await Store.open(
        config.store_path, visit.table, clock, commit_s=config.store.commit_s, keep_days=config.store.keep_days
    )


async def _test(visit: Visit, point: str, value: float, journal: Journal, clock: Clock) -> Tested:
    image = visit.image
    limit = visit.config.envelope().get(point)
    wish = Proposal(
        point=point,
        value=value,
        source="operator",
        reason=REASON,
        until_mono_s=image.at.mono_s + VOID_AFTER_S,
    )
    verdict = guard.review(wish, limit, None, image)
    before = image.good(point)
    _journal(journal, verdict, clock)
    if verdict.command is None or limit is None:
        return Tested(verdict=verdict, before=before)
    dispatch = Dispatch(visit.wiring.writers, journal, clock)
    try:
        written = await dispatch.write(verdict.command)
    finally:
        # Also when the person has had enough and pressed Ctrl-C.
        releasing = asyncio.ensure_future(dispatch.write(guard.release(limit, "the write test is over", clock.read())))
        released = await asyncio.shield(releasing)
    return Tested(verdict=verdict, before=before, written=written, released=released)


def _journal(journal: Journal, verdict: Verdict, clock: Clock) -> None:
    wish = verdict.wish
    journal.write(
        Entry(
            at=clock.read(),
            kind="agent",
            subject=wish.point,
            text=f"write test: {wish.point} to {wish.value:g}: {verdict.kind} by rule {verdict.rule}",
        )
    )
