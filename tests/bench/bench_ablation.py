"""What each part of the planner earns: the office tower with one of them taken away at a time.

- without learning: with what was learned of another building of its kind;
- without forecast: the weather stays as it is now;
- without refinement: the graphs may only choose their *baseline* plan, and lifts follow the rules.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.features.grid import latest
from agent.learn.parameters import Parameters
from agent.learn.site import learn
from agent.optimize.baseline import Baseline
from agent.optimize.planner import OnnxPlanner
from simulator.scenarios import load
from tests.bench.closed_loop import ENVELOPE, SYSTEMS, Loop, Noise, history_of

OTHER = 1000
"""Added to a seed: another building."""
SURE = 1.0e6


class Still:
    """A planner whose weather stands still."""

    def __init__(self, planner: OnnxPlanner) -> None:
        self._planner = planner
        self.name = planner.name

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        at = now.unix_s + np.array([0.0, 2.0 * 86_400.0])
        points = ("site.outdoor_air_temperature", "site.solar_irradiance")
        fixed = {point: (at, np.full(2, latest(features, point))) for point in points}
        return self._planner.propose(replace(features, forecasts=fixed), now)


def whole(seed: int, learned: Parameters) -> OnnxPlanner:
    return OnnxPlanner(SYSTEMS, ENVELOPE, learned)


def without_learning(seed: int, learned: Parameters) -> OnnxPlanner:
    history = history_of(load("office-tower", seed=seed + OTHER), 14)
    return OnnxPlanner(SYSTEMS, ENVELOPE, learn(history, SYSTEMS))


def without_forecast(seed: int, learned: Parameters) -> Still:
    return Still(OnnxPlanner(SYSTEMS, ENVELOPE, learned))


def without_refinement(seed: int, learned: Parameters) -> OnnxPlanner:
    planner = OnnxPlanner(SYSTEMS, ENVELOPE, replace(learned, lifts=()))
    for host in planner.hosts.by_name.values():
        host.run = _only_baseline(host.run)  # type: ignore[method-assign]
    return planner


def _only_baseline(run: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], Any]:
    def ask(inputs: Mapping[str, Any]) -> Any:
        bonus = np.array(inputs["bonus"])
        bonus[-1] = SURE
        # The zones' planner looks up its policy by index: that of the named plan is none, the first pre-cools nothing.
        return run({**inputs, "bonus": bonus}) | {"index": np.array(0)}

    return ask


WAYS: dict[str, Callable[[int, Parameters], Any]] = {
    "own control": lambda seed, learned: None,
    "baseline": lambda seed, learned: Baseline(SYSTEMS, ENVELOPE),
    "planner": whole,
    "without learning": without_learning,
    "without forecast": without_forecast,
    "without refinement": without_refinement,
}


def live(seed: int, make: Callable[[int, Parameters], Any], days: float) -> tuple[float, float]:
    """Site energy, and what was worse than it may be: kelvin-hours, and hours without air."""
    plant = load("office-tower", seed=seed, days=max(1, round(days)))
    history = history_of(plant, 14)
    plant.start_account()
    loop = Loop(plant, make(seed, learn(history, SYSTEMS)), history, Noise(plant.names, 0.0), every=3)
    for k in range(round(days * 86_400.0 / plant.step_s)):
        loop.turn(k)
    account = plant.account()
    return account.site_kwh, account.comfort_hi_kh + account.comfort_lo_kh + account.inlet_kh + account.unvent_h


def main(arguments: Sequence[str] = ()) -> int:
    """Prints a line a way; returns 1 when a part of the planner does not earn its place."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--seeds", type=int, default=3)
    ask.add_argument("--days", type=float, default=2.0)
    told = ask.parse_args(list(arguments))
    print(f"{'':20}{'kWh':>9}{'against own':>13}{'spread':>16}{'K h + h worse':>15}")
    own = [0.0]
    change = {}
    for name, make in WAYS.items():
        runs = [live(seed, make, told.days) for seed in range(1, told.seeds + 1)]
        energy = np.array([kwh for kwh, _ in runs])
        own = list(energy) if name == "own control" else own
        share = 100.0 * (energy / np.array(own) - 1.0)
        change[name] = float(np.median(share))
        worse = float(np.mean([trouble for _, trouble in runs]))
        spread = f"{share.min():+.1f} .. {share.max():+.1f}"
        print(f"{name:20}{energy.sum():9.0f}{change[name]:+12.1f}%{spread:>16}{worse:15.2f}", flush=True)
    earned = all(change["planner"] <= change[name] for name in WAYS)
    return 0 if earned else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
