"""How long a plan takes, and what ten buildings save by it. Run with `python -m tests.bench.bench_planner --help`."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from agent.optimize.host import ModelHost
from models.crac.example import example as crac_example
from models.lift_group.example import example as lift_example
from models.zone_ahu.example import example as zone_example
from tests.bench.closed_loop import run

MODELS = Path(__file__).parents[2] / "models"
SCENARIOS = ("office-tower", "office-tower-winter")
STRATEGIES = ("own", "baseline", "planner")
TOLERANCE_KH = 0.05
"""Kelvin-hours by which comfort may be worse than the better of the others and still count as held."""
TOLERANCE_H = 0.1
TOLERANCE_WAIT_S = 0.1
"""Half of the cars rest by night: the few who ride then wait longer, by so much in the mean over a day."""


def time_plans(turns: int = 50) -> None:
    """Median and 95th percentile of one plan in one thread."""
    for name, inputs in (("zone_ahu", zone_example()), ("crac", crac_example()), ("lift_group", lift_example())):
        host = ModelHost(MODELS / name)
        host.run(inputs)
        took = []
        for _ in range(turns):
            start = time.perf_counter()
            host.run(inputs)
            took.append(1000.0 * (time.perf_counter() - start))
        took.sort()
        print(f"{name:10} {statistics.median(took):6.2f} ms median, {took[int(0.95 * turns)]:6.2f} ms p95, one thread")


def compare(scenario: str, seed: int, days: float, learn_days: int) -> tuple[dict[str, float], bool]:
    """Site energy by strategy, and whether the planner held everything."""
    accounts = {}
    for strategy in STRATEGIES:
        done = run(scenario, seed, strategy, days=days, learn_days=learn_days)
        accounts[strategy] = done.account
        clips = sum(n for name, n in done.verdicts.items() if name.startswith(("clip", "refuse")))
        a = done.account
        ahu = a.kwh["fan"] + a.kwh["cooling"] + a.kwh["heating"]
        print(
            f"{seed:4} {strategy:9}{a.site_kwh:9.0f}{a.hvac_kwh:9.0f}{ahu:8.0f}"
            f"{a.kwh['crac_fan'] + a.kwh['compressor']:8.0f}{a.server_fan_kwh:8.0f}{a.kwh['lifts']:7.0f}"
            f"{a.comfort_hi_kh:7.2f}{a.comfort_lo_kh:7.2f}{a.unvent_h:7.2f}{a.inlet_kh:7.2f}{a.worst_inlet_c:7.1f}"
            f"{a.lift_waiting_mean_s:6.2f}{clips:6}",
            flush=True,
        )
    own, rules, plan = (accounts[name] for name in STRATEGIES)

    def held(name: str, slack: float) -> bool:
        return bool(getattr(plan, name) <= min(getattr(own, name), getattr(rules, name)) + slack)

    ok = (
        plan.site_kwh < own.site_kwh
        and plan.site_kwh <= rules.site_kwh
        and plan.comfort_hi_kh + plan.comfort_lo_kh
        <= min(x.comfort_hi_kh + x.comfort_lo_kh for x in (own, rules)) + TOLERANCE_KH
        and held("inlet_kh", 0.0)
        and held("unvent_h", TOLERANCE_H)
        and held("lift_waiting_mean_s", TOLERANCE_WAIT_S)
    )
    return {name: account.site_kwh for name, account in accounts.items()}, ok


def main(arguments: Sequence[str] = ()) -> int:
    """Prints the table; returns 1 when the planner failed to hold what it must."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--seeds", type=int, default=10)
    ask.add_argument("--days", type=float, default=1.0, help="judged days")
    ask.add_argument("--learn-days", type=int, default=14)
    ask.add_argument("--scenario", action="append", choices=SCENARIOS)
    told = ask.parse_args(list(arguments))
    time_plans()
    failed = []
    for scenario in told.scenario or SCENARIOS:
        print(f"\n{scenario}, {told.days:g} judged days after {told.learn_days} days of learning")
        print(
            "seed strategy      site     hvac     ahu    crac  srvfan  lifts"
            "  hi Kh  lo Kh  unv h  in Kh  inlet  wait  clip"
        )
        totals = dict.fromkeys(STRATEGIES, 0.0)
        for seed in range(1, told.seeds + 1):
            energy, ok = compare(scenario, seed, told.days, told.learn_days)
            totals = {name: totals[name] + energy[name] for name in totals}
            failed += [] if ok else [f"{scenario} seed {seed}"]
        own = totals["own"]
        print(
            "all:",
            ", ".join(f"{name} {kwh:.0f} kWh ({100.0 * (kwh / own - 1.0):+.1f} %)" for name, kwh in totals.items()),
        )
    print("\nthe planner held everything" if not failed else f"\nnot held: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
