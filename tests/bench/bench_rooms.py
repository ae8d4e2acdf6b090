"""Data rooms never seen, with nothing tuned: how much of the way from own control to the best constants is gone.

`python -m tests.bench rooms` takes about an hour; `python -m tests.bench.bench_rooms NAME ...` asks for some sites,
such as `energyplus-dataroom-golden`, `data-hall:2` (seed 2) or `energyplus-dataroom-tampa@2019-01-14`.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Sequence

from simulator.plant import Account
from tests.bench.capture import Best, Site, agent_run, best_constants, default_run, share, violations

PLACES = ("san-francisco", "golden", "tampa", "chicago", "sterling")
HALLS = ("data-hall", "data-hall-winter", "nightly-batch")
ROLES = (
    "supply_air_temperature_setpoint",
    "fan_speed_setpoint",
    "leaving_chilled_water_temperature_setpoint",
    "entering_condenser_water_temperature_setpoint",
)
MEDIAN_GOAL, WORST_GOAL = 0.9, 0.6
STEP_S = 900


def sites(seeds: int) -> list[Site]:
    """EnergyPlus in summer and winter, the simulator's halls by seed."""
    rooms = [
        Site(name=f"energyplus-dataroom-{place}", start=start)
        for start in ("2019-07-01", "2019-01-14")
        for place in PLACES
    ]
    halls = [Site(name=name, seed=seed, wire_step_s=STEP_S) for name in HALLS for seed in range(1, seeds + 1)]
    return rooms + halls


def told(text: str) -> Site:
    """`NAME`, `NAME:SEED`, `NAME@START`."""
    name, _, start = text.partition("@")
    name, _, seed = name.partition(":")
    step_s = None if name.startswith("energyplus") else STEP_S
    return Site(name=name, seed=int(seed or 1), start=start or None, wire_step_s=step_s)


def line(site: Site, own: Account, best: Best, agent: Account, took_s: float) -> tuple[str, float, bool]:
    """What the table says, the share, and whether nothing got worse."""
    reached, worse = share(own, best.account, agent), violations(agent, own)
    held = ", ".join(f"{value:g}" for value in best.held.values()) or "own control"
    return (
        f"{site!s:32}{own.energy_kwh:10.0f}{own.energy_kwh - best.account.energy_kwh:8.0f}"
        f"{own.energy_kwh - agent.energy_kwh:8.0f}{reached:7.2f}{agent.worst_inlet_c:7.1f}{agent.short_h:8.2f}"
        f"{took_s:6.0f}  {held}{'  WORSE: ' + str(worse) if worse else ''}",
        reached,
        not worse,
    )


def main(arguments: Sequence[str] = ()) -> int:
    """Prints the table; 1 when a goal is missed."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("names", nargs="*", help="sites; all of them if left out")
    ask.add_argument("--seeds", type=int, default=2, help="of each hall of the simulator")
    asked = ask.parse_args(list(arguments))
    names = f"{'site':32}{'own kWh':>10}{'best':>8}{'agent':>8}{'share':>7}{'inlet':>7}{'short h':>8}{'s':>6}"
    print(f"{names}  best constants")
    reached, are_held = [], []
    for site in [told(name) for name in asked.names] or sites(asked.seeds):
        began_s = time.perf_counter()
        own = default_run(site)
        agent = agent_run(site).account
        took_s = time.perf_counter() - began_s
        text, part, is_held = line(site, own, best_constants(site, roles=ROLES, rounds=3, own=own), agent, took_s)
        print(text, flush=True)
        are_held.append(is_held)
        reached += [] if math.isnan(part) else [part]
    if not reached:
        return 0 if all(are_held) else 1
    middle, worst = statistics.median(reached), min(reached)
    print(f"share: median {middle:.2f} (goal {MEDIAN_GOAL:g}), worst {worst:.2f} (goal {WORST_GOAL:g})")
    return 0 if middle >= MEDIAN_GOAL and worst >= WORST_GOAL and all(are_held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
