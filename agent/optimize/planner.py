"""The planner: ONNX models for machines that are learned well, the baseline's rules elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.errors import ModelError
from agent.core.features import Features
from agent.core.limits import Envelope
from agent.equipment.systems import Systems
from agent.features.grid import latest
from agent.learn.parameters import Distrust, Parameters
from agent.optimize.baseline import Baseline
from agent.optimize.evidence import Effect, Evidence
from agent.optimize.feeds import Feeds
from agent.optimize.hosts import MODELS, open_hosts
from agent.optimize.machines import Planned, planners_of
from agent.optimize.objective import Objective
from agent.optimize.rules_room import plants_of
from agent.optimize.shape import Shaper
from agent.optimize.together import agree, machine_of, with_billed_peak
from agent.optimize.told import Told, first_hour_kwh, told_of

__all__ = ["MODELS", "News", "OnnxPlanner"]

PATIENCE_S = 1800.0
SAME = 0.06
"""A set-point nearer than this to our wish follows it (as the lease judges, agent/control/lease.py)."""


@dataclass(slots=True)
class News:
    """What happened in a cycle, for the journal."""

    faults: list[str]
    """What models refused; the rules ran these machines."""
    plans: list[Told]
    effects: list[Effect]
    lost: list[Distrust]
    notes: list[str]
    """Sentences about forecasts."""


class OnnxPlanner:
    """A strategy for a whole site; a machine that is not understood, or not any more, follows the baseline's rules."""

    name = "planner"

    def __init__(
        self,
        systems: Systems,
        envelope: Envelope,
        parameters: Parameters | None = None,
        *,
        models: Path = MODELS,
        try_first: bool = False,
    ) -> None:
        """Without parameters all machines follow the rules. `try_first`: see `open_hosts`."""
        self.systems = systems
        self.objective = Objective(
            aim=systems.aim, tariff=systems.tariff, utc_offset_h=systems.utc_offset_h, site=systems.site
        )
        self.evidence = Evidence()
        self.feeds = Feeds()
        self.hosts = open_hosts(systems, models=models, try_first=try_first)
        self._shaper = Shaper(envelope)
        self._rules = Baseline(systems, envelope)
        self._machines: dict[str, Planned] = {}
        self._kinds = {
            **{ahu.ahu: "ahu" for ahu in systems.ahus},
            **{crac.crac: "crac" for crac in systems.cracs},
            **{group.lifts: "lift_group" for group in systems.lifts},
        }
        self._room_of = {part: room.room for room in systems.rooms for part in (*room.cracs, room.plant) if part}
        """A data room is planned as one machine: its CRACs, and the plant whose water only they use."""
        self._waits: dict[str, float] = {}
        """By machine that waits for the demand charge's sake, since when."""
        self._wished: dict[str, list[Proposal]] = {}
        """By machine, what was wished in the last cycle."""
        self.news = News([], [], [], [], [])
        if parameters is not None:
            self.adopt(parameters)

    @property
    def faults(self) -> list[str]:
        return self.news.faults

    def adopt(self, parameters: Parameters) -> None:
        """Plan with newly learned parameters from the next cycle on; what no longer fits falls back to the rules."""
        self.evidence.restore(parameters.distrusts)
        self._machines = planners_of(self.systems, parameters, self.hosts, self._shaper, self.objective)

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        """Wishes for this cycle; none for a machine that cannot be seen. Where a model refuses the rules run."""
        self.news = News([], [], [], [], [])
        features = self.feeds.attach(features, now)
        self.news.notes, self.feeds.notes = self.feeds.notes, []
        rules, kw = self._rules, dict[str, float]()
        wishes: list[Proposal] = []
        for ahu in self.systems.ahus:
            planned = self._ask(ahu.ahu, features, now, kw)
            wishes += rules.propose_ahu(ahu, features, now) if planned is None else planned
        ruled = set(plants_of(features))
        rooms = {room.room: self._ask(room.room, features, now, kw) for room in self.systems.rooms}
        for room in self.systems.rooms:
            planned = rooms[room.room]
            if planned is not None:
                wishes += planned
                ruled.discard(room.plant or "")
        for crac in self.systems.cracs:
            if rooms.get(crac.room) is None:
                wishes += rules.propose_crac(crac, features, now)
        for lifts in self.systems.lifts:
            planned = self._ask(lifts.lifts, features, now, kw)
            wishes += rules.propose_lifts(lifts, features, now) if planned is None else planned
        for plant in sorted(ruled):
            wishes += rules.propose_plant(plant, features, now)
        granted = self._agreed(wishes, features, now, kw)
        self._remember(granted)
        return granted

    def _agreed(self, wishes: list[Proposal], features: Features, now: Instant, kw: dict[str, float]) -> list[Proposal]:
        """Below the site's peak; where a peak only costs, starts are staggered by half an hour at most."""
        together = self.systems.together
        if self.objective.demand_price <= 0.0 or together.peak_kw is not None:
            return agree(wishes, together, features, self._kinds, kw)
        granted = agree(wishes, with_billed_peak(together, features), features, self._kinds, kw)
        waiting = {machine_of(wish) for wish in granted if "peak" in wish.limits}
        self._waits = {machine: self._waits.get(machine, now.mono_s) for machine in waiting}
        patient = {machine for machine, since_s in self._waits.items() if now.mono_s - since_s < PATIENCE_S}
        return [
            asked if "peak" in got.limits and machine_of(got) not in patient else got
            for asked, got in zip(wishes, granted, strict=True)
        ]

    def _remember(self, granted: list[Proposal]) -> None:
        self._wished = {}
        for wish in granted:
            machine = machine_of(wish)
            self._wished.setdefault(self._room_of.get(machine, machine), []).append(wish)

    def _ask(self, machine: str, features: Features, now: Instant, kw: dict[str, float]) -> list[Proposal] | None:
        """None: the rules have to run it. An empty list: something needed cannot be seen, hands off."""
        planned = self._machines.get(machine)
        if planned is None:
            return None
        if self.evidence.is_trusted(machine, now.unix_s):
            self._compare(machine, planned.meters, features, now)
        if not self.evidence.is_trusted(machine, now.unix_s):
            return None if planned.spare is None else planned.spare.propose(features, now)
        try:
            wishes = planned.planner.propose(features, now)
        except ModelError as fault:
            self.news.faults.append(f"{machine}: {fault}")
            self.evidence.drop(machine)
            return None
        outputs = None if planned.host is None else planned.host.take()
        if outputs is None or planned.host is None:
            self.evidence.drop(machine)
            return wishes
        foretold = first_hour_kwh(outputs)
        if math.isfinite(foretold):
            kw[machine] = foretold
            self.evidence.promise(machine, foretold, now.unix_s)
        self.news.plans.append(told_of(machine, planned.host.promise, outputs, wishes))
        return [replace(wish, expects={**wish.expects, **self._score(machine)}) for wish in wishes]

    def _score(self, machine: str) -> dict[str, float]:
        """How wrong the plans were of late, relative."""
        error = self.evidence.error(machine)
        return {"error_of_late": error} if error else {}

    def _compare(self, machine: str, meters: tuple[str, ...], features: Features, now: Instant) -> None:
        if not meters:
            return
        followed = all(abs(latest(features, w.point) - w.value) <= SAME for w in self._wished.get(machine, []))
        if not followed:  # In shadow, barred, or moved by a person: what the plan promised was never tried.
            self.evidence.drop(machine)
        effect = self.evidence.look(machine, meters, features)
        if effect is None:
            return
        self.news.effects.append(effect)
        lost = self.evidence.judge(machine, self._kinds.get(machine, "data_room"), now.unix_s)
        if lost is not None:
            self.news.lost.append(lost)
            for equipment in (machine, *(part for part, room in self._room_of.items() if room == machine)):
                self._shaper.forget(f"{equipment}.")
