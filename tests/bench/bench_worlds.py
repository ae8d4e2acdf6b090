"""How fast worlds turn: a zone-year, a thousand worlds side by side, a day with the agent; and the same bytes twice."""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from simulator import scenarios
from simulator.judge.pool import THREADS
from simulator.plant import Account
from simulator.scenarios import Plan
from simulator.virtual import live
from simulator.world import Worlds

YEAR = "a-year-in-the-office"
TOWER = "office-tower"
STRETCHES, STRETCH_DAYS = 182, 2
SETTLING_DAYS = 2
"""Of each stretch's world, beyond its day of warm-up, before it counts: the slabs forget where they began. Weeks with
three days come to the same year, and take 1.8 times as long."""
ZONE_YEAR_S, THOUSAND_S, AGENT_DAY_S = 3.0, 10.0, 5.0
ROUNDS = 3
HASHED_WORLDS, HASHED_STEPS = 5, 288


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """One zone over a year of minutes."""

    took_s: float
    site_kwh: float
    hvac_kwh: float
    gas_kwh: float


def one_zone(days: int) -> Plan:
    """The smallest office there is, a zone with a unit of its own; a few days before the year begins."""
    plan = scenarios.read(YEAR)
    start = plan.start - timedelta(days=SETTLING_DAYS)
    return scenarios.changed(
        plan, sizes={"zones": 1.0}, start=start, days=days, learn_days=SETTLING_DAYS, wire_step_s=3600, seed=1
    )


def year_in_stretches() -> Year:
    """All stretches of one year side by side, all of the same seed, each with days to settle first."""
    plan = one_zone(STRETCH_DAYS)
    first_days = [plan.start + timedelta(days=STRETCH_DAYS * n) for n in range(STRETCHES)]
    began_s = time.perf_counter()
    accounts = judged(scenarios.worlds(plan, [plan.seed] * STRETCHES, first_days=first_days))
    return year_of(accounts, time.perf_counter() - began_s)


def year_in_a_row() -> Year:
    """The same year as one world."""
    plan = one_zone(STRETCH_DAYS * STRETCHES)
    began_s = time.perf_counter()
    accounts = judged(scenarios.worlds(plan, [plan.seed]))
    return year_of(accounts, time.perf_counter() - began_s)


def year_of(accounts: list[Account], took_s: float) -> Year:
    return Year(
        took_s=took_s,
        site_kwh=sum(account.site_kwh for account in accounts),
        hvac_kwh=sum(account.hvac_kwh for account in accounts),
        gas_kwh=sum(account.gas_kwh for account in accounts),
    )


def judged(worlds: Worlds) -> list[Account]:
    """Lived to the end under own control."""
    while worlds.unix_s < worlds.judge_unix_s - 0.5:
        worlds.step()
    worlds.start_account()
    while worlds.unix_s < worlds.end_unix_s - 0.5:
        worlds.step()
    return worlds.accounts()


def thousand_worlds() -> tuple[float, float]:
    """One day of a thousand towers: seconds to draw them with their warm-up day, and seconds of the day."""
    plan = scenarios.changed(scenarios.read(TOWER), days=1, learn_days=0)
    began_s = time.perf_counter()
    worlds = scenarios.worlds(plan, range(1, 1001))
    drawn_s = time.perf_counter()
    judged(worlds)
    return drawn_s - began_s, time.perf_counter() - drawn_s


def agent_day() -> float:
    """The best of three: the tower's day with the agent in charge, in virtual time."""
    took = []
    for _ in range(ROUNDS):
        plant = scenarios.load(TOWER, seed=1, days=1, learn_days=0)
        with tempfile.TemporaryDirectory() as folder:
            began_s = time.perf_counter()
            live(plant, Path(folder), strategy="planner")
            took.append(time.perf_counter() - began_s)
    return min(took)


def bytes_of_a_day() -> str:
    """What all points of some worlds showed at every step, as a hash."""
    plan = scenarios.changed(scenarios.read(TOWER), days=1, learn_days=0, wire_step_s=300)
    worlds = scenarios.worlds(plan, range(1, HASHED_WORLDS + 1))
    digest = hashlib.sha256()
    for step in range(HASHED_STEPS):
        held = np.where(np.arange(worlds.worlds) % 2, np.nan, 1.0 if 80 <= step < 220 else 0.0)
        worlds.hold({"ahu1.on_off_command": held})
        worlds.step()
        digest.update(np.ascontiguousarray(worlds.read()).tobytes())
    return digest.hexdigest()


def bytes_in_a_process() -> str:
    """The same in a process of its own."""
    asked = [sys.executable, "-m", "tests.bench.bench_worlds", "--bytes"]
    alone = os.environ | dict.fromkeys(THREADS, "1")
    return subprocess.run(asked, check=True, capture_output=True, text=True, timeout=300, env=alone).stdout.strip()


def tell(what: str, took_s: float, goal_s: float) -> None:
    print(f"{what:64} {took_s:7.2f} s, goal {goal_s:g} s: {'met' if took_s < goal_s else 'NOT met'}", flush=True)


def tell_year(name: str, year: Year) -> None:
    print(f"  {name:12} site {year.site_kwh:.0f}, of it air {year.hvac_kwh:.0f}, gas {year.gas_kwh:.0f} kWh")


def main(arguments: Sequence[str] = ()) -> int:
    """Returns 1 only when the same seed gave other bytes; seconds depend on the machine."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--sequential", action="store_true", help="also live the year in a row, and compare")
    ask.add_argument("--bytes", action="store_true", help="print the hash of a day and end")
    told = ask.parse_args(list(arguments))
    if told.bytes:
        print(bytes_of_a_day())
        return 0
    year = year_in_stretches()
    tell(f"a zone-year at 1-minute steps, as {STRETCHES} stretches side by side", year.took_s, ZONE_YEAR_S)
    tell_year("in stretches", year)
    if told.sequential:
        row = year_in_a_row()
        tell_year("in a row", row)
        off = 100.0 * (year.site_kwh + year.gas_kwh) / (row.site_kwh + row.gas_kwh) - 100.0
        print(f"  in a row it takes {row.took_s:.0f} s; the stretches' energy is off by {off:+.2f} %")
    drawn_s, day_s = thousand_worlds()
    tell("1,000 worlds of one day (drawing and warm-up not counted)", day_s, THOUSAND_S)
    print(f"  drawing them, with a day of warm-up, takes {drawn_s:.1f} s")
    tell("agent and plant, one day in virtual time", agent_day(), AGENT_DAY_S)
    digests = [bytes_of_a_day(), bytes_in_a_process(), bytes_in_a_process()]
    is_same = len(set(digests)) == 1
    print(f"same seed, same bytes, in this process and two others: {'yes' if is_same else f'NO, {digests}'}")
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
