"""The strategy that a site has right now: rules first, the planner once the site is understood; learned anew daily."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict

import numpy as np

from agent.control.authority import Authority
from agent.core.clock import Clock, Instant
from agent.core.command import Proposal
from agent.core.errors import ModelError, StoreError
from agent.core.features import Features, Forecast
from agent.core.journal import Entry
from agent.core.limits import Envelope
from agent.core.points import PointSpec
from agent.equipment.systems import Systems
from agent.learn.parameters import Distrust, Parameters
from agent.learn.site import learn
from agent.optimize.baseline import Baseline
from agent.optimize.evidence import Effect
from agent.optimize.planner import News, OnnxPlanner
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
        points: Sequence[PointSpec],
        clock: Clock,
        *,
        wanted: str,
        grid_s: float,
    ) -> None:
        self._systems = systems
        self._store = store
        self._points = points
        self._clock = clock
        self._grid_s = grid_s
        self._strategy: Baseline | OnnxPlanner = Baseline(systems, envelope)
        self._told_faults: list[str] = []
        self._plan_hours: dict[str, int] = {}
        """By machine, the hour whose plan is kept already."""
        self._learned_day: int | None = None
        self.authority: Authority | None = None
        self.learned: Parameters | None = None
        """What the planner plans with."""
        self.on_adopt: Callable[[Parameters], None] = lambda learned: None
        self.on_forecast: Callable[[str, Forecast], None] = lambda point, forecast: None
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
        planner = OnnxPlanner(self._systems, envelope, try_first=True)
        for note in planner.hosts.notes:
            self._tell(note)
        self._strategy = planner

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        wishes = self._strategy.propose(features, now)
        if isinstance(self._strategy, OnnxPlanner):
            self._keep(self._strategy.news, now)
        return wishes

    def _keep(self, news: News, now: Instant) -> None:
        """The cycle's news into the journal: plans once an hour, the rest as it happens."""
        for fault in news.faults:
            if fault not in self._told_faults:
                self._tell(f"no plan, the rules run it: {fault}")
        self._told_faults = list(news.faults)
        for note in news.notes:
            self._tell(note)
        for effect in news.effects:
            self._store.write(_effect_entry(effect, now))
        for lost in news.lost:
            self._lose(lost)
        hour = int(now.unix_s // 3600.0)
        for plan in news.plans:
            if self._plan_hours.get(plan.machine) != hour:
                self._plan_hours[plan.machine] = hour
                text = f"{plan.machine}: {plan.reason}"
                self._store.write(Entry(at=now, kind="plan", subject=plan.machine, text=text, data=plan.as_dict()))

    def _lose(self, lost: Distrust) -> None:
        """Its rules run from now on; what we know of this survives a restart with the next parameters."""
        days = (lost.until_unix_s - lost.since_unix_s) / 86_400.0
        self._tell(
            f"{lost.machine}: over the last day its plans foretold {1.0 + lost.error:.0%} of the energy it took; "
            f"the rules run it for {days:g} days, and it is learned anew",
            **asdict(lost),
        )
        self._learned_day = None

    def take_forecast(self, point: str, forecast: Forecast) -> None:
        """A forecast has come; the planner judges it."""
        if isinstance(self._strategy, OnnxPlanner):
            self._strategy.feeds.put(point, forecast)
            self.on_forecast(point, forecast)

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
                distrusts = self._strategy.evidence.distrusts if isinstance(self._strategy, OnnxPlanner) else ()
                learned = await asyncio.to_thread(learn, history, self._systems, distrusts)
                fit = _fit_of(learned)
                await self._store.put_parameters(SUBJECT, learned.to_json(), fit)
            except (StoreError, ModelError, ValueError) as fault:
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
        names = [spec.id for spec in self._points]
        until_s = now.unix_s // self._grid_s * self._grid_s
        grid = await self._store.grid(names, until_s - LEARN_DAYS * 86_400.0, until_s, self._grid_s)
        values = grid.values.astype(np.float32)
        units = tuple(spec.unit for spec in self._points)
        mask = np.isfinite(values)
        return Features(names=tuple(names), units=units, values=values, mask=mask, grid_s=self._grid_s, at=now)

    def _tell(self, text: str, **data: object) -> None:
        log.info(text)
        self._store.write(Entry(at=self._clock.read(), kind="learn", subject=SUBJECT, text=text, data=data))


def _effect_entry(effect: Effect, now: Instant) -> Entry:
    text = (
        f"{effect.machine}: the plan foretold {effect.foretold_kwh:.1f} kWh for the last hour, "
        f"{effect.measured_kwh:.1f} were measured"
    )
    return Entry(at=now, kind="effect", subject=effect.machine, text=text, data=asdict(effect))


def _fit_of(learned: Parameters) -> dict[str, object]:
    """Measures of fit by machine, JSON-able."""
    zones = {zone.zone: zone.error_k for ahu in learned.ahus for zone in ahu.zones}
    rooms = {room.room: room.inlet_error_k for room in learned.rooms}
    lifts = {group.lifts: group.power_error for group in learned.lifts}
    return {"days": learned.days, "zone_error_k": zones, "inlet_error_k": rooms, "lift_power_error": lifts}


def _said(learned: Parameters) -> str:
    fits = [(ahu.ahu, ahu.is_fit) for ahu in learned.ahus]
    fits += [(room.room, room.is_fit) for room in learned.rooms]
    fits += [(group.lifts, group.is_fit) for group in learned.lifts]
    told = [f"{name} {'understood' if is_fit else 'not understood, the rules run it'}" for name, is_fit in fits]
    return f"learned from {learned.days:.1f} days: {', '.join(told) or 'no machine that can be learned'}"
