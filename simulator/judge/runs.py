"""One controller on one scenario: hold for many seeds at once, the others for one. Runs inside a worker process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator import scenarios
from simulator.judge.oracle import Budget, search
from simulator.judge.profile import Profile
from simulator.plant import Plant
from simulator.world import World

CONTROLLERS = ("hold", "baseline", "planner", "oracle")
"""`hold`: nobody writes, own control. `baseline`, `planner`: the true agent. `oracle`: a search with foreknowledge."""

HOLD_WORK, AGENT_WORK, GENERATION_WORK = 0.4, 1.0, 1.0
"""Share of the progress bar of a day, a day and a generation, about in seconds (found by trying)."""

DAY_S = 86400.0
Tell = Callable[[float], None]
"""Takes the work done since it was last told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one worker is asked for."""

    scenario: str
    """Name or path."""
    controller: str
    seeds: tuple[int, ...]
    """Several only for `hold`."""
    days: int
    learn_days: int
    budget: Budget

    @property
    def work(self) -> float:
        """How much it will have told when it is done."""
        if self.controller == "oracle":
            return GENERATION_WORK * self.budget.generations_over(self.days) + HOLD_WORK * self.learn_days
        return (HOLD_WORK if self.controller == "hold" else AGENT_WORK) * (self.learn_days + self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of it; plain data that crosses a process's border."""

    controller: str
    seed: int
    account: Mapping[str, Any]
    """`Account.as_dict()`."""
    hourly_kw: tuple[float, ...]
    """Mean power of the whole site by hour of the day over the judged days; empty where no meter sees it."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Of the agent: verdicts by rule. Of the oracle: what its search spent and found."""


def carry_out(task: Task, tell: Tell) -> list[Ran]:
    """By seed. Raises ConfigError, OperatingError."""
    plan = scenarios.changed(scenarios.read(task.scenario), task.scenario, days=task.days, learn_days=task.learn_days)
    if task.controller == "hold":
        return _hold(task, plan, tell)
    (seed,) = task.seeds
    return [_oracle(task, seed, plan, tell) if task.controller == "oracle" else _agent(task, seed, plan, tell)]


def _hold(task: Task, plan: scenarios.Plan, tell: Tell) -> list[Ran]:
    """Never one world alone: numpy sums a single column in another order, and a seed's bytes must not depend on who
    else was asked for."""
    seeds = task.seeds if len(task.seeds) > 1 else task.seeds * 2
    worlds = scenarios.worlds(plan, seeds)
    profile = Profile(worlds.names, worlds.worlds)
    while worlds.unix_s < worlds.end_unix_s - 0.5:
        if abs(worlds.unix_s - worlds.judge_unix_s) < 0.5:
            worlds.start_account()
        worlds.step()
        if worlds.unix_s > worlds.judge_unix_s + 0.5:
            profile.add(worlds.unix_s, worlds.step_s, worlds.read())
        if worlds.unix_s % DAY_S < 0.5:
            tell(HOLD_WORK)
    accounts = worlds.accounts()
    return [
        Ran(controller=task.controller, seed=seed, account=accounts[w].as_dict(), hourly_kw=profile.hourly_kw(w))
        for w, seed in enumerate(task.seeds)
    ]


def _agent(task: Task, seed: int, plan: scenarios.Plan, tell: Tell) -> Ran:
    from simulator.virtual import live  # The agent's whole house; nobody else here needs it.

    plant = Watched(World(scenarios.worlds(plan, [seed])), tell, AGENT_WORK)
    with tempfile.TemporaryDirectory(prefix="hushwatt-score-") as folder:
        lived = live(plant, Path(folder), mode="full", strategy=task.controller)
    return Ran(
        controller=task.controller,
        seed=seed,
        account=lived.account.as_dict(),
        hourly_kw=plant.profile.hourly_kw(),
        notes={"verdicts": dict(sorted(lived.verdicts.items()))},
    )


def _oracle(task: Task, seed: int, plan: scenarios.Plan, tell: Tell) -> Ran:
    longer = scenarios.changed(plan, task.scenario, days=task.days + 1)  # To look beyond the last midnight.
    alone = scenarios.worlds(longer, [seed])
    many = scenarios.worlds(longer, [seed] * task.budget.worlds)
    tell(HOLD_WORK * task.learn_days)
    found = search(alone, many, task.days, task.budget, seed, tell)
    return Ran(
        controller=task.controller,
        seed=seed,
        account=found.account.as_dict(),
        hourly_kw=found.hourly_kw,
        notes=found.as_dict(),
    )


class Watched:
    """A plant that tells how far it is, and keeps the profile of its judged days."""

    def __init__(self, plant: Plant, tell: Tell, work_a_day: float) -> None:
        self._plant = plant
        self._tell, self._work = tell, work_a_day
        self.profile = Profile(plant.names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plant, name)

    def step(self, overrides: Mapping[str, float]) -> None:
        plant = self._plant
        plant.step(overrides)
        if plant.unix_s > plant.judge_unix_s + 0.5:
            self.profile.add(plant.unix_s, plant.step_s, plant.read())
        if plant.unix_s % DAY_S < 0.5:
            self._tell(self._work)
