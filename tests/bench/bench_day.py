"""One simulated day with the true agent, in virtual time and as a process: seconds, memory, start to first sample."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agent.board import read_board
from simulator.demo.processes import SMALL
from simulator.scenarios import load
from simulator.virtual import live

ROUNDS = 3


def plant_alone():
    plant = load("office-tower", seed=1, days=1, learn_days=0)
    began_s = time.perf_counter()
    while plant.unix_s < plant.end_unix_s - 0.5:
        plant.step({})
    return time.perf_counter() - began_s


def whole_days(strategy, learn_days):
    """Seconds a day, and what the run came to."""
    plant = load("office-tower", seed=1, days=1, learn_days=learn_days)
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.perf_counter()
        lived = live(plant, Path(folder), strategy=strategy)
        return (time.perf_counter() - began_s) / (1 + learn_days), lived


def process_day():
    """The wire's day in lockstep, as fast as both compute; the agent is a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        common = {"env": os.environ | SMALL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        agent = [sys.executable, "-m", "agent"]
        asked = [
            "--seed",
            "1",
            "--days",
            "1",
            "--learn-days",
            "1",
            "--skip-learning",
            "--lockstep",
            "30",
            "--out",
            folder,
        ]
        with subprocess.Popen([*agent, "simulate", "office-tower", *asked, "--out", folder], **common) as plant:
            try:
                _until(out / "ready")
                began_s = time.perf_counter()
                with subprocess.Popen([*agent, "run", str(out / "site.yaml")], **common) as running:
                    try:
                        _until(out / "kpi.json")
                        took_s = time.perf_counter() - began_s
                    finally:
                        running.send_signal(signal.SIGTERM)
                return took_s, read_board(out / "data")["counts"]
            finally:
                plant.send_signal(signal.SIGTERM)


def _until(path):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.05)


def main():
    floor_s = min(plant_alone() for _ in range(ROUNDS))
    print(f"plant alone, one day of 300 s steps: {floor_s:.2f} s")
    for strategy, learn_days in (("baseline", 0), ("planner", 3)):
        took = [whole_days(strategy, learn_days) for _ in range(ROUNDS)]
        best_s, lived = min(took, key=lambda row: row[0])
        print(
            f"agent and plant in virtual time, {strategy} after {learn_days} days watched: "
            f"{best_s:.2f} s a day, {best_s / floor_s:.0f} x the plant alone; "
            f"samples read {lived.samples_read}, stored {lived.samples_stored}, not acknowledged {lived.unsent}"
        )
    took_s, counts = process_day()
    print(f"agent as a process on the real wire, lockstep: {took_s:.1f} s a day, CPU {counts['cpu_s']:.1f} s")
    print(f"peak memory {counts['memory_peak_mb']:.0f} MB; start to first sample {counts['first_sample_s']:.2f} s")
    print(
        f"samples read {counts['samples_read']}, stored {counts['samples_stored']}, "
        f"records not acknowledged {counts['unsent']}"
    )


if __name__ == "__main__":
    main()
