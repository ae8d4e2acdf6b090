"""The strategy that a site has right now: rules first, the planner once the site is understood; learned anew daily."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import numpy as np

from agent.control.authority import Authority
from agent.core.clock import Clock, Instant
from agent.core.command import Proposal
from agent.core.errors import ModelError, StoreError
from agent.core.features import Features
from agent.core.journal import Entry
from agent.core.limits import Envelope
from agent.core.points import PointTable
from agent.equipment.systems import Systems
from agent.learn.parameters import Parameters
from agent.learn.site import learn
from agent.optimize.baseline import Baseline
from agent.optimize.planner import OnnxPlanner
from agent.store.store import Store

log = logging.getLogger(__name__)

SUBJECT = "site"
LOOK_EVERY_S = 3600.0
AFTER_POLLS_S = 0.25
"""After the polls of the hour and before the wheel's turn, which then plans with what was just learned."""
LEARN_DAYS = 14.0
"""History that is learned from."""


class Learner:
    """A `Strategy` for the wheel, and a task that learns."""

    def __init__(
        self,
        systems: Systems,
        envelope: Envelope,
        store: Store,
        table: PointTable,
        clock: Clock,
        *,
        wanted: str,
        grid_s: float,
    ) -> None:
        self._systems = systems
        self._store = store
        self._table = table
        self._clock = clock
        self._grid_s = grid_s
        self._strategy: Baseline | OnnxPlanner = Baseline(systems, envelope)
        self._told_faults: list[str] = []
        self._learned_day: int | None = None
        self.authority: Authority | None = None
        self.learned: Parameters | None = None
        """What the planner plans with."""
        self.on_adopt: Callable[[Parameters], None] = lambda learned: None
        if wanted == "planner":
            self._try_planner(envelope)

    @property
    def name(self) -> str:
        return self._strategy.name

    @property
    def kind(self) -> str:
        """The class of the strategy behind us."""
        return type(self._strategy).__name__

    def _try_planner(self, envelope: Envelope) -> None:
        """A model that breaks its promise is refused with a sentence, and the rules run."""
        try:
            self._strategy = OnnxPlanner(self._systems, envelope)
        except (ModelError, ImportError) as fault:
            self._tell(f"the planner cannot be used, the baseline's rules run: {fault}")

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        wishes = self._strategy.propose(features, now)
        faults = self._strategy.faults if isinstance(self._strategy, OnnxPlanner) else []
        for fault in faults:
            if fault not in self._told_faults:
                self._tell(f"no plan, hands off: {fault}")
        self._told_faults = list(faults)
        return wishes

    async def recall(self) -> None:
        """What an earlier life learned."""
        if not isinstance(self._strategy, OnnxPlanner):
            return
        try:
            stored = await self._store.get_parameters(SUBJECT)
            if stored is not None:
                self._adopt(Parameters.from_json(stored.values))
                self._learned_day = self._day(stored.fitted_unix_s)
        except (StoreError, ValueError, TypeError, KeyError) as fault:
            self._tell(f"what was learned earlier cannot be read, it is learned anew: {fault}")

    async def run(self) -> None:
        while True:
            now = self._clock.read()
            due = ((now.unix_s - AFTER_POLLS_S) // LOOK_EVERY_S + 1) * LOOK_EVERY_S + AFTER_POLLS_S
            await asyncio.sleep(min(due - now.unix_s, LOOK_EVERY_S))
            if self._is_due(self._clock.read()):
                await self._learn()

    def _is_due(self, now: Instant) -> bool:
        """Once the site was watched long enough, and then once a day."""
        has_watched = self.authority is not None and self.authority.has_watched(now)
        return isinstance(self._strategy, OnnxPlanner) and has_watched and self._day(now.unix_s) != self._learned_day

    def _day(self, unix_s: float) -> int:
        return int((unix_s + self._systems.utc_offset_h * 3600.0) // 86_400.0)

    async def _learn(self) -> None:
        now = self._clock.read()
        self._learned_day = self._day(now.unix_s)
        with self._clock.hold():
            try:
                await self._store.flush()
                history = await self._history(now)
                learned = await asyncio.to_thread(learn, history, self._systems)
                fit = _fit_of(learned)
                await self._store.put_parameters(SUBJECT, learned.to_json(), fit)
            except (StoreError, ValueError) as fault:
                self._tell(f"nothing could be learned today: {fault}")
                return
        self._adopt(learned)
        self._tell(_said(learned), **fit)

    def _adopt(self, learned: Parameters) -> None:
        if isinstance(self._strategy, OnnxPlanner):
            self._strategy.adopt(learned)
            self.learned = learned
            self.on_adopt(learned)

    async def _history(self, now: Instant) -> Features:
        names = [spec.id for spec in self._table]
        until_s = now.unix_s // self._grid_s * self._grid_s
        grid = await self._store.grid(names, until_s - LEARN_DAYS * 86_400.0, until_s, self._grid_s)
        values = grid.values.astype(np.float32)
        units = tuple(spec.unit for spec in self._table)
        mask = np.isfinite(values)
        return Features(names=tuple(names), units=units, values=values, mask=mask, grid_s=self._grid_s, at=now)

    def _tell(self, text: str, **data: object) -> None:
        log.info(text)
        self._store.write(Entry(at=self._clock.read(), kind="learn", subject=SUBJECT, text=text, data=data))


def _fit_of(learned: Parameters) -> dict[str, object]:
    """Measures of fit by machine, JSON-able."""
    zones = {zone.zone: zone.error_k for ahu in learned.ahus for zone in ahu.zones}
    rooms = {room.room: room.inlet_error_k for room in learned.rooms}
    return {"days": learned.days, "zone_error_k": zones, "inlet_error_k": rooms}


def _said(learned: Parameters) -> str:
    told = [f"{ahu.ahu} {'understood' if ahu.is_fit else 'not understood, the rules run it'}" for ahu in learned.ahus]
    told += [
        f"{room.room} {'understood' if room.is_fit else 'not understood, the rules run it'}" for room in learned.rooms
    ]
    return f"learned from {learned.days:.1f} days: {', '.join(told) or 'no machine that can be learned'}"
