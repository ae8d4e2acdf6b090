"""What a storm day brings: a site, a strategy, faults of every layer, deaths of the agent. All from one seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator import scenarios
from simulator.faults import Fault, Kind, kinds_of
from simulator.parts import Part
from simulator.plant import Plant
from simulator.wires.registers import DEVICES
from simulator.world import World

SITES = (
    "office-tower",
    "office-tower-winter",
    "office-tower-spring",
    "roof-top-units",
    "nightly-batch",
    "crac-failure",
)
"""Scenarios of which a day is lived; small ones, so that a storm is long rather than wide."""
STEPS_S = (300, 900, 900, 900)
"""From poll to poll, and from turn to turn of the wheel; most days are coarse, so that a storm is long."""
PLANNER_SHARE = 0.08
"""Days on which the planner has learned two days and is in charge; else the rules are."""
DAY_S = 86_400.0
LAYERS = {"sensor": 4.0, "wire": 3.0, "person": 1.5, "machine": 1.0, "link": 1.5, "clock": 0.7}
"""Faults of a day by layer, on the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """One day of the storm."""

    seed: int
    scenario: str
    strategy: str
    learn_days: int
    plant: Plant
    faults: tuple[Fault, ...]
    deaths: tuple[float, ...]
    """Instants at which the agent's process ends without a word, unix seconds."""


def draw(seed: int) -> Weather:
    """The day of this seed."""
    dice = np.random.default_rng([seed, 77])
    scenario = str(dice.choice(SITES))
    is_planned = bool(dice.random() < PLANNER_SHARE)
    learn_days = 2 if is_planned else 0
    plan = scenarios.changed(
        scenarios.read(scenario),
        seed=seed,
        days=1,
        learn_days=learn_days,
        wire_step_s=int(dice.choice(STEPS_S)),
        faults=(),
    )
    begin = plan.judged_unix_s
    faults = _faults(dice, scenarios.site(plan, [seed]).parts, begin)
    plant = World(scenarios.worlds(plan, [seed], more=faults))
    deaths = sorted(begin + DAY_S * dice.uniform(0.05, 0.9, size=dice.poisson(0.5)))
    return Weather(
        seed=seed,
        scenario=scenario,
        strategy="planner" if is_planned else "baseline",
        learn_days=learn_days,
        plant=plant,
        faults=faults,
        deaths=tuple(float(death) for death in deaths),
    )


def _faults(dice: np.random.Generator, parts: Sequence[Part], begin: float) -> tuple[Fault, ...]:
    found = []
    for layer, mean in LAYERS.items():
        kinds = list(kinds_of(layer).items())
        for _ in range(dice.poisson(mean)):
            name, kind = kinds[int(dice.integers(len(kinds)))]
            known = _struck(name, kind, parts)
            if kind.strikes != "nothing" and len(known) < 2:
                continue
            found.append(_fault(dice, name, kind, known, begin))
    return tuple(sorted(found, key=lambda fault: (fault.from_unix_s, fault.kind)))


def _struck(name: str, kind: Kind, parts: Sequence[Part]) -> tuple[str, ...]:
    if kind.strikes == "devices":
        return tuple(DEVICES)
    if kind.strikes == "equipment":
        return tuple(machine for part in parts for machine in part.ailments.get(name, ()))
    return tuple(point for part in parts for point in (part.writable if kind.strikes == "writable" else part.points))


def _fault(dice: np.random.Generator, name: str, kind: Kind, known: Sequence[str], begin: float) -> Fault:
    count = 2 if name == "swapped" else int(dice.integers(1, 4))
    where = tuple(str(each) for each in dice.choice(known, size=min(count, len(known)), replace=False)) if known else ()
    start = begin + DAY_S * float(dice.uniform(0.0, 0.95))
    return Fault(
        kind=name,
        where=where,
        from_unix_s=start,
        to_unix_s=start + float(dice.choice([300.0, 1200.0, 3600.0, 4 * 3600.0, 12 * 3600.0])),
        size=_size(dice, name, kind),
    )


def _size(dice: np.random.Generator, name: str, kind: Kind) -> float:
    if not kind.size:
        return 0.0
    spans = {"knob": (18.0, 26.0), "bias": (-8.0, 8.0), "noisy": (0.2, 6.0), "wrong-clock": (-7200.0, 7200.0)}
    low, high = spans.get(name, (kind.low, kind.high))
    value = float(dice.uniform(low, high))
    return float(round(value)) if name == "exception" else value
