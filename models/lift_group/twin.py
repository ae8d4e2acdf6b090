"""The same plan in plain numpy, float64, step by step: the oracle of the golden vectors, and the stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
FULLEST = 0.9
"""Cars are never taken as busier than this: beyond, waits have no bound and the formula no meaning."""


def judge(v: Mapping[str, Array], k: int, cars: float, depth: int) -> tuple[float, float, float]:
    """kWh, longer waits in s of all trips, and slow trips, of one pair in one step."""
    trips, calls, step_h = float(v["trips"][k]), float(v["calls"][k]), float(v["step_h"])
    a_car = trips / (step_h * cars)
    rested = float(np.exp(-a_car * v["depth_after_h"][depth]))
    still = 1.0 - min(FULLEST, a_car * float(v["trip_busy_h"]))
    saved = float(v["depth_saves"][depth]) * rested * still
    span = float(v["standing_kw"] - v["sleeping_kw"])
    kw = float(v["sleeping_kw"]) * float(v["cars_all"]) + span * cars * (1.0 - saved)
    wake_s = float(v["depth_wake_s"][depth])
    longer_s = wait(v, k, cars) - wait(v, k, float(v["cars_all"]))
    slow = calls * float(longer_s > v["slow_s"])
    if wake_s > v["slow_s"]:
        slow = max(slow, calls * rested)
    return kw * step_h + trips * float(v["trip_kwh"]), calls * (longer_s + wake_s * rested), slow


def wait(v: Mapping[str, Array], k: int, cars: float) -> float:
    """Mean wait of a trip in step k: inverse to the cars, and longer the busier they are."""
    busy = min(FULLEST, float(v["calls"][k]) * float(v["trip_busy_h"]) / (float(v["step_h"]) * cars))
    return float(v["wait_s"]) * float(v["cars_all"]) / cars / (1.0 - busy)


def plan(inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, Array]:
    """All outputs of the graph from all its inputs."""
    v = {name: np.asarray(value, np.float64) for name, value in inputs.items()}
    steps, pairs = range(len(v["trips"])), [(c, d) for c in v["cars"] for d in range(len(v["depth_saves"]))]
    judged = np.array([[judge(v, k, *pair) for pair in pairs] for k in steps])  # [n, pairs, 3]
    away = np.array([abs(cars - v["now_cars"]) for cars, _ in pairs])
    paid = judged[:, :, 0] * v["price"][:, None]
    fixed = paid + v["bar"].reshape(len(steps), -1) + v["move_cost"] * away
    choices = []
    for second in v["second_cost"]:
        worth = second * (judged[:, :, 1] + v["slow_cost_s"] * judged[:, :, 2])
        choices.append(np.argmin(fixed + worth, axis=1))
    rows = np.arange(len(steps))
    sums = np.array([[fixed[rows, c].sum(), *judged[rows, c, 1:].sum(axis=0)] for c in choices])
    over = np.maximum(0.0, sums[:, 1] - v["wait_budget_s"]) + v["slow_cost_s"] * np.maximum(
        0.0, sums[:, 2] - v["slow_budget"]
    )
    index = int(np.argmin(sums[:, 0] + 1.0e3 * over))
    best = choices[index]
    named = [
        np.array([judge(v, k, v["named_cars"][p, k], int(v["named_depth"][p, k])) for k in steps])
        for p in range(len(v["named_cars"]))
    ]
    told = [judged[rows, best], *named]
    far = np.abs(v["floor"][:, None] - v["floor"][None, :]) @ v["call_share"].T  # [floors, n]
    return {
        "cars_plan": np.array([pairs[c][0] for c in best]),
        "depth_plan": np.array([float(pairs[c][1]) for c in best]),
        "park_plan": v["floor"][np.argmin(far, axis=0)],
        "delay_s": told[0][:, 1],
        "energy_kwh": told[0][:, 0],
        "cost": np.array([(rows_[:, 0] * v["price"]).sum() for rows_ in told]),
        "plan_energy_kwh": np.array([rows_[:, 0].sum() for rows_ in told]),
        "plan_delay_s": np.array([rows_[:, 1].sum() for rows_ in told]),
        "plan_slow": np.array([rows_[:, 2].sum() for rows_ in told]),
        "index": np.array(index, np.float64),
    }
