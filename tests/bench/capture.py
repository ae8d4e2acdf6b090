"""How much of the way from a building's own control to its best constant set-points the agent goes; shared by benches.

    site = Site("energyplus-dataroom-golden")
    own = default_run(site)
    best = best_constants(site, roles=("supply_air_temperature_setpoint", "fan_speed_setpoint"))
    lived = agent_run(site)
    print(share(own, best.account, lived.account))

Machines of one kind move together: a knob is a role, not a point. Constants are held on the judged days only, just as
the agent is in charge only then.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from agent.equipment.kinds import role_of
from simulator import scenarios
from simulator.energyplus import plant as energyplus
from simulator.plant import Account, Plant
from simulator.virtual import Lived, live

LEARN_DAYS, DAYS = 14, 14
ALLOWED_KH = 2.0
"""Kelvin-hours outside beyond the default's that still count as none."""
WORST_INLET_C = 29.0
COARSE = 5
"""Levels of each knob in the first grid of the search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A building and its days; `energyplus-...` or a scenario of the simulator's with a seed."""

    name: str
    seed: int = 1
    start: str | None = None
    learn_days: int = LEARN_DAYS
    days: int = DAYS
    wire_step_s: int | None = None

    @property
    def is_energyplus(self) -> bool:
        return self.name.startswith(energyplus.PREFIX)

    def plant(self) -> Plant:
        days: dict[str, Any] = {"start": self.start, "learn_days": self.learn_days, "days": self.days}
        if self.is_energyplus:
            return energyplus.ask(self.name, wire_step_s=self.wire_step_s, **days)
        return scenarios.load(self.name, seed=self.seed, wire_step_s=self.wire_step_s, **days)

    def __str__(self) -> str:
        short = self.name.removeprefix(f"{energyplus.PREFIX}-")
        season = f" {self.start}" if self.start else ""
        return f"{short}{season}" if self.is_energyplus else f"{short} #{self.seed}{season}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A role that all machines of a kind follow together."""

    role: str
    points: tuple[str, ...]
    low: float
    high: float
    is_whole: bool


@dataclass(slots=True, kw_only=True)
class Best:
    """What the search found."""

    account: Account
    held: Mapping[str, float]
    """Role -> value; empty where own control came out best."""
    tried: int = 0
    surface: dict[tuple[float, ...], float] = field(default_factory=dict)
    """Values in the order of `roles` -> kWh with the toll of violations."""


def knobs_of(plant: Plant, roles: Sequence[str] | None = None) -> list[Knob]:
    """Within both the device's range and the agent's permit; all roles but switches when none are named."""
    found = dict[str, list[str]]()
    for point in plant.permits:
        found.setdefault(point.partition(".")[2], []).append(point)
    wanted = list(found) if roles is None else [role for role in roles if role in found]
    return [knob for role in wanted if (knob := _knob(plant, role, found[role])) is not None]


def _knob(plant: Plant, role: str, points: list[str]) -> Knob | None:
    low = max(max(plant.permits[point].low, plant.writable[point].low) for point in points)
    high = min(min(plant.permits[point].high, plant.writable[point].high) for point in points)
    known = role_of(str(plant.equipment[points[0].partition(".")[0]]["kind"]), role)
    unit = known.unit if known else ""
    if low >= high or unit == "onoff":
        return None
    return Knob(role=role, points=tuple(points), low=low, high=high, is_whole=unit == "count")


# --- runs ---


def default_run(site: Site) -> Account:
    """Nobody writes."""
    return constant_run(site, {})


def constant_run(site: Site, held: Mapping[str, float]) -> Account:
    """Points held on the judged days; before them the building controls itself."""
    plant = site.plant()
    try:
        while plant.unix_s < plant.judge_unix_s - 0.5:
            plant.step({})
        plant.start_account()
        while plant.unix_s < plant.end_unix_s - 0.5:
            plant.step(held)
        return plant.account()
    finally:
        _close(plant)


def agent_run(site: Site, *, strategy: str = "planner", folder: Path | None = None) -> Lived:
    """The true agent watches, then acts, in virtual time; its store stays in `folder` when one is given."""
    plant = site.plant()
    try:
        if folder is not None:
            return live(plant, folder, strategy=strategy)
        with tempfile.TemporaryDirectory(prefix="hushwatt-capture-") as there:
            return live(plant, Path(there), strategy=strategy)
    finally:
        _close(plant)


def _close(plant: Plant) -> None:
    if isinstance(plant, energyplus.EnergyPlusPlant):
        plant.close()


# --- judging ---


def outside_kh(account: Account) -> float:
    return account.comfort_hi_kh + account.comfort_lo_kh + account.inlet_kh


def violations(account: Account, own: Account) -> dict[str, float]:
    """What is worse than under own control, by name; empty when nothing is."""
    worse = {
        "outside_kh": outside_kh(account) - outside_kh(own) - ALLOWED_KH,
        "worst_inlet_k": account.worst_inlet_c - max(WORST_INLET_C, own.worst_inlet_c),
        "unvent_h": account.unvent_h - own.unvent_h,
        "short_h": account.short_h - own.short_h,
    }
    return {name: value for name, value in worse.items() if value > 1e-6}


def toll_kwh(account: Account, own: Account) -> float:
    """Energy, and a thousand kWh for each unit of violation."""
    return account.energy_kwh + 1000.0 * sum(violations(account, own).values())


def share(own: Account, best: Account, agent: Account) -> float:
    """0 is own control, 1 the best constants; NaN where those save less than a tenth of a percent."""
    room = own.energy_kwh - best.energy_kwh
    return float("nan") if room < 1e-3 * own.energy_kwh else (own.energy_kwh - agent.energy_kwh) / room


# --- the search ---


def best_constants(
    site: Site, *, roles: Sequence[str] | None = None, coarse: int = COARSE, rounds: int = 4, own: Account | None = None
) -> Best:
    """A coarse grid, then a pattern around the best that halves its step; own control is the first candidate.

    The numpy sites live all candidates of a generation side by side; EnergyPlus one after the other (seconds each).
    """
    own = own or default_run(site)
    plant = site.plant()
    try:
        knobs = knobs_of(plant, roles)
    finally:
        _close(plant)
    found = Best(account=own, held={})
    levels = [np.linspace(knob.low, knob.high, coarse) for knob in knobs]
    _try(
        site, knobs, own, found, itertools.product(*(_rounded(knob, x) for knob, x in zip(knobs, levels, strict=True)))
    )
    width = np.array([(knob.high - knob.low) / (coarse - 1) for knob in knobs])
    for _ in range(rounds):
        width = width / 2.0
        while found.held and _try(site, knobs, own, found, _around(knobs, found, width)):
            pass
    return found


def _rounded(knob: Knob, values: Iterable[float]) -> list[float]:
    bounded = (min(knob.high, max(knob.low, float(value))) for value in values)
    return sorted({round(value) if knob.is_whole else round(value, 2) for value in bounded})


def _around(knobs: Sequence[Knob], found: Best, width: np.ndarray) -> list[tuple[float, ...]]:
    """One step along each knob, and both ways along each pair: a narrow valley may lie across."""
    center = np.array([found.held[knob.role] for knob in knobs])
    moves = [
        move for move in itertools.product((-1.0, 0.0, 1.0), repeat=len(knobs)) if 1 <= np.count_nonzero(move) <= 2
    ]
    points = [center + np.array(move) * width for move in moves]
    return [tuple(_rounded(knob, [x])[0] for knob, x in zip(knobs, point, strict=True)) for point in points]


def _try(site: Site, knobs: Sequence[Knob], own: Account, found: Best, tries: Iterable[tuple[float, ...]]) -> bool:
    """Live what was not tried yet; True when something better was found."""
    fresh = [one for one in dict.fromkeys(tries) if one not in found.surface]
    better = False
    for values, account in zip(fresh, _lived(site, knobs, fresh), strict=True):
        found.tried += 1
        found.surface[values] = toll = toll_kwh(account, own)
        if toll < toll_kwh(found.account, own) - 1e-6:
            found.account, better = account, True
            found.held = {knob.role: value for knob, value in zip(knobs, values, strict=True)}
    return better


def _lived(site: Site, knobs: Sequence[Knob], fresh: Sequence[tuple[float, ...]]) -> list[Account]:
    if not fresh:
        return []
    if site.is_energyplus:
        return [constant_run(site, _held(knobs, values)) for values in fresh]
    plan = scenarios.changed(
        scenarios.read(site.name),
        site.name,
        start=site.start,
        days=site.days,
        learn_days=site.learn_days,
        wire_step_s=site.wire_step_s,
    )
    worlds = scenarios.worlds(plan, [site.seed] * len(fresh))
    while worlds.unix_s < worlds.judge_unix_s - 0.5:
        worlds.step()
    worlds.start_account()
    table = np.array(fresh)
    worlds.hold({point: table[:, n] for n, knob in enumerate(knobs) for point in knob.points})
    while worlds.unix_s < worlds.end_unix_s - 0.5:
        worlds.step()
    return worlds.accounts()


def _held(knobs: Sequence[Knob], values: Sequence[float]) -> dict[str, float]:
    return {point: value for knob, value in zip(knobs, values, strict=True) for point in knob.points}
