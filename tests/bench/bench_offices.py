"""EnergyPlus's office in five climates, winter and summer: default, best constants and the agent; and plan times.

The true agent watches 14 days and is judged on 14, in virtual time. `python -m tests.bench offices` takes about three
quarters of an hour on two busy cores, nearly all of it the search for the best constants;
`python -m tests.bench.bench_offices --place chicago --start 2019-07-01` one case.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from agent.optimize.host import ModelHost
from models.zone_ahu.example import example
from simulator.energyplus import api
from simulator.energyplus.api import EnergyPlusFault
from tests.bench import capture
from tests.bench.capture import Site

MODEL = Path(__file__).parents[2] / "models" / "zone_ahu"
STARTS = ("2019-01-14", "2019-07-01")
ROLES = (
    "zone_air_heating_temperature_setpoint",
    "zone_air_cooling_temperature_setpoint",
    "supply_air_temperature_setpoint",
)
COARSE, ROUNDS = 3, 2
"""Of the search: levels of the first grid, and halvings of the step afterwards (to 0.9 K, 1.1 K and 1 K)."""
WANTED_MEDIAN, WANTED_WORST = 0.9, 0.6
PLANS = ((4, 20.0), (32, 100.0))
"""Zones, and the most milliseconds of a plan of 96 steps."""


def time_plans(turns: int = 30) -> bool:
    host, good = ModelHost(MODEL), True
    for zones, most_ms in PLANS:
        inputs, took = example(zones=zones), []
        host.run(inputs)
        for _ in range(turns):
            began_s = time.perf_counter()
            host.run(inputs)
            took.append(1000.0 * (time.perf_counter() - began_s))
        good &= statistics.median(took) <= most_ms
        print(f"a plan of {zones:2} zones x 96 steps: {statistics.median(took):5.1f} ms median, goal {most_ms:g} ms")
    return good


def judge(site: Site) -> tuple[float, bool]:
    """Captured share, and whether nothing got worse; prints the line."""
    own = capture.default_run(site)
    best = capture.best_constants(site, roles=ROLES, coarse=COARSE, rounds=ROUNDS, own=own)
    lived = capture.agent_run(site)
    share, worse = capture.share(own, best.account, lived.account), capture.violations(lived.account, own)
    held = "/".join(f"{best.held[role]:.1f}" for role in ROLES if role in best.held) or "own control"
    accounts = (own, best.account, lived.account)
    energy = "".join(f"{account.energy_kwh:8.0f}" for account in accounts)
    outside = "".join(f"{capture.outside_kh(account):7.1f}" for account in accounts)
    air = "".join(f"{account.unvent_h:6.2f}" for account in accounts)
    print(f"{site!s:34}{energy}  {held:15}{share:6.2f} {outside} {air}  {_told(worse)}", flush=True)
    return share, not worse and not lived.verdicts.get("refuse", 0)


def _told(worse: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:+.2f}" for name, value in worse.items()) or "held"


def main(arguments: Sequence[str] = ()) -> int:
    """Returns 1 when a goal was missed; nothing to judge where EnergyPlus is not installed."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--place", action="append")
    ask.add_argument("--start", action="append")
    told = ask.parse_args(list(arguments))
    good = time_plans()
    try:
        places = told.place or sorted(api.weather_files())
    except EnergyPlusFault as fault:
        print(f"cannot judge: {fault}")
        return 0 if good else 1
    print(f"\n{'':34}{'energy, kWh':^24}  {'constants':15}{'share':>6} {'outside, Kh':^21} {'no air, h':^18}")
    print(f"{'':34}{'default':>8}{'best':>8}{'agent':>8}  {'heat/cool/supply':15}")
    found = [
        judge(Site(name=f"energyplus-office-{place}", start=start))
        for place in places
        for start in told.start or STARTS
    ]
    shares = [share for share, _ in found]
    median, worst = statistics.median(shares), min(shares)
    print(f"\ncaptured share: median {median:.2f} (goal {WANTED_MEDIAN}), worst {worst:.2f} (goal {WANTED_WORST})")
    return 0 if good and all(held for _, held in found) and median >= WANTED_MEDIAN and worst >= WANTED_WORST else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
