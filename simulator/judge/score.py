"""Controllers on one scenario over many seeds: runs them in parallel, pairs them by seed, and keeps the figures."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from agent.config.lines import nearest
from agent.core.errors import ConfigError, Problem
from simulator import scenarios
from simulator.judge import pool
from simulator.judge.expect import Finding, judge
from simulator.judge.figures import MUST_HOLD, flat
from simulator.judge.oracle import Budget
from simulator.judge.runs import CONTROLLERS, Ran, Task
from simulator.judge.spread import METHOD, Change, Spread, captured
from simulator.scenarios import Plan

YARDSTICK = "hold"
RULER = "oracle"
SEEDS_MAX = 10_000
HELD_TOGETHER = 64
"""Worlds under own control that one worker lives side by side."""
SLACK = 0.01
DIGITS = 9
"""Significant, in the JSON file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked."""

    plan: Plan
    """With the days that are asked for."""
    scenario: str
    """As it was named."""
    controllers: tuple[str, ...]
    seeds: tuple[int, ...]
    budget: Budget

    def tasks(self, jobs: int) -> list[Task]:
        """The longest first, so that the last worker does not sit with one alone."""
        some = min(HELD_TOGETHER, -(-len(self.seeds) // jobs))
        held = [self.seeds[n : n + some] for n in range(0, len(self.seeds), some)]
        tasks = [
            Task(
                scenario=str(self.plan.path),
                controller=controller,
                seeds=seeds,
                days=self.plan.days,
                learn_days=self.plan.learn_days,
                budget=self.budget,
            )
            for controller in self.controllers
            for seeds in (held if controller == YARDSTICK else [(seed,) for seed in self.seeds])
        ]
        return sorted(tasks, key=lambda task: -task.work)


def ask(
    scenario: str,
    controllers: Sequence[str],
    seeds: int,
    *,
    first_seed: int | None = None,
    days: int | None = None,
    learn_days: int | None = None,
    budget: Budget | None = None,
) -> Question:
    """Checks it all before anything runs; own control always runs too, as the yardstick. Raises ConfigError."""
    wrong = [_unknown(name) for name in controllers if name not in CONTROLLERS]
    if not 1 <= seeds <= SEEDS_MAX:
        wrong.append(_problem("--seeds", str(seeds), f"1 to {SEEDS_MAX}"))
    if wrong:
        raise ConfigError(wrong)
    plan = scenarios.changed(scenarios.read(scenario), scenario, seed=first_seed, days=days, learn_days=learn_days)
    asked = [name for name in CONTROLLERS if name in controllers or name == YARDSTICK]
    return Question(
        plan=plan,
        scenario=scenario,
        controllers=tuple(asked),
        seeds=tuple(range(plan.seed, plan.seed + seeds)),
        budget=budget or Budget(),
    )


def _unknown(name: str) -> Problem:
    wanted = "one of " + ", ".join(CONTROLLERS)
    return _problem("--controller", f"`{name}`", wanted, nearest(name, CONTROLLERS))


def _problem(key: str, found: str, wanted: str, like: str | None = None) -> Problem:
    return Problem(file="command line", line=0, key=key, found=found, wanted=wanted, nearest=like)


def score(question: Question, jobs: int, tell: Callable[[float], None] = lambda work: None) -> Scorecard:
    """Raises ConfigError, OperatingError and KeyboardInterrupt."""
    ran = {(run.controller, run.seed): run for run in pool.run_all(question.tasks(jobs), jobs, tell)}
    return Scorecard(
        question, {name: tuple(ran[name, seed] for seed in question.seeds) for name in question.controllers}
    )


@dataclass(frozen=True)
class Scorecard:
    """What the runs came to. Every list over seeds has the order of `question.seeds`."""

    question: Question
    runs: Mapping[str, tuple[Ran, ...]]

    @cached_property
    def figures(self) -> Mapping[str, list[dict[str, float]]]:
        """By controller and seed: flat accounts."""
        return {name: [flat(run.account) for run in runs] for name, runs in self.runs.items()}

    def values(self, controller: str, key: str) -> list[float]:
        """By seed; what an account does not have is nothing."""
        return [account.get(key, 0.0) for account in self.figures[controller]]

    def spread(self, controller: str, key: str) -> Spread:
        return Spread.of(self.values(controller, key))

    def change(self, controller: str, key: str) -> Change:
        """Against own control, by seed."""
        return Change.of(self.values(YARDSTICK, key), self.values(controller, key))

    def captured(self, controller: str) -> float | None:
        """Share of the oracle's saving of electricity and gas; None without an oracle, or where it saves nothing."""
        if RULER not in self.runs or controller == YARDSTICK:
            return None
        key = "energy_kwh"
        return captured(self.values(YARDSTICK, key), self.values(controller, key), self.values(RULER, key))

    def worse(self, controller: str) -> dict[str, float]:
        """Label -> mean change of what a saving must not be bought with, where it is worse than own control by more
        than a hundredth of it and of its unit."""
        found = {}
        for key, label in MUST_HOLD:
            own, mine = self.spread(YARDSTICK, key).mean, self.spread(controller, key).mean
            if mine - own > SLACK * max(1.0, own):
                found[label] = mine - own
        return found

    @cached_property
    def findings(self) -> list[Finding]:
        expected = self.question.plan.expect
        return [found for name, accounts in self.figures.items() for found in judge(name, expected, accounts)]

    @property
    def is_met(self) -> bool:
        return all(finding.is_met for finding in self.findings)

    def keys(self) -> list[str]:
        """All figures that any account has."""
        found = dict[str, None]()
        for accounts in self.figures.values():
            for account in accounts:
                found |= dict.fromkeys(account)
        return list(found)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a JSON file: the same question gives the same bytes."""
        question, plan = self.question, self.question.plan
        told = {
            "scenario": {
                "name": plan.name,
                "title": plan.title,
                "about": plan.about,
                "site": plan.site,
                "start": plan.start.isoformat(),
                "learn_days": plan.learn_days,
                "days": plan.days,
                "wire_step_s": plan.wire_step_s,
            },
            "seeds": list(question.seeds),
            "method": METHOD,
            "hushwatt": importlib.metadata.version("hushwatt"),
            "controllers": {name: self._told(name) for name in question.controllers},
            "expect": [asdict(finding) for finding in self.findings],
        }
        return dict(_rounded(told))

    def _told(self, name: str) -> dict[str, Any]:
        told: dict[str, Any] = {"figures": {key: asdict(self.spread(name, key)) for key in self.keys()}}
        if name != YARDSTICK:
            told["worse"] = self.worse(name)
            told["change"] = {key: asdict(self.change(name, key)) for key in self.keys()}
        if (share := self.captured(name)) is not None:
            told["captured"] = share
        told["runs"] = [
            {"seed": run.seed, "account": run.account, "hourly_kw": run.hourly_kw, "notes": run.notes}
            for run in self.runs[name]
        ]
        return told


def _rounded(told: Any) -> Any:
    """As JSON has it, with numbers that a person can read."""
    if isinstance(told, float):
        return float(f"{told:.{DIGITS}g}")
    if isinstance(told, Mapping):
        return {key: _rounded(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_rounded(value) for value in told]
    return told
