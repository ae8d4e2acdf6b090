"""The same plan in plain numpy, float64, pair by pair: the oracle of the golden vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
TURNS = 4


def judge(v: Mapping[str, Array], k: int, supply: float, speed: float) -> tuple[float, float, Array]:
    """kW, cost and inlets [r] of one pair in one step."""
    base = v["base_it_kw"][k]
    inlet = np.full(len(v["leak"]), supply)
    it, reached = base, inlet
    for _ in range(TURNS):
        draw = 1.0 + v["server_draw_per_k"] * np.maximum(0.0, inlet - v["server_knee_c"])
        it = base * (1.0 + v["server_fan_share"] * np.mean(draw**3 - 1.0))
        rise = (it * (1.0 + v["ups_share"]) + v["ups_fixed_kw"]) / (v["stream_kw_k"] * speed)
        short = np.maximum(0.0, 1.0 - speed / (v["short_speed"] * draw))
        reached = supply + (v["leak"] + (1.0 - v["leak"]) * short) * rise
        inlet = np.clip(0.5 * inlet + 0.5 * reached, -20.0, 60.0)
    inlet = np.maximum(inlet, np.clip(reached, -20.0, 60.0))
    fan = v["fan_max_kw"] * speed**3
    ups = v["ups_fixed_kw"] + v["ups_share"] * it
    cold = supply - v["evaporator_k"]
    lift = max(3.0, float(v["condensing_c"][k] - cold + v["lift_offset_k"]))
    compressor = (it + ups + fan) * v["lift_scale"] * lift / (cold + 273.15)
    power = float(it + ups + fan + compressor)
    over = float((np.maximum(0.0, inlet - v["limit_c"]) ** 2).sum())
    return power, power * float(v["step_h"] * v["price"][k]) + float(v["limit_cost"]) * over, inlet


def choose(v: Mapping[str, Array], k: int) -> tuple[float, float]:
    """The best pair of one step."""
    best = (np.inf, 0.0, 0.0)
    for s, supply in enumerate(v["supply_c"]):
        for w, speed in enumerate(v["speed"]):
            away = abs(supply - v["now_supply_c"]) + 10.0 * abs(speed - v["now_speed"])
            rank = judge(v, k, supply, speed)[1] + v["bar"][k, s, w] + v["move_cost"] * away
            if rank < best[0]:
                best = (rank, supply, speed)
    return best[1], best[2]


def plan(inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, Array]:
    """All outputs of the graph from all its inputs."""
    v = {name: np.asarray(value, np.float64) for name, value in inputs.items()}
    steps = range(len(v["base_it_kw"]))
    named = list(zip(v["named_supply_c"], v["named_speed"], strict=True))
    plans = [[choose(v, k) for k in steps], *([pair for _ in steps] for pair in named)]
    judged = [[judge(v, k, *pairs[k]) for k in steps] for pairs in plans]
    cost = np.array([sum(step[1] for step in row) for row in judged])
    energy = np.array([[step[0] * float(v["step_h"]) for step in row] for row in judged])
    index = int(np.argmin(cost - v["bonus"]))
    return {
        "supply_plan_c": np.array([pair[0] for pair in plans[index]]),
        "speed_plan": np.array([pair[1] for pair in plans[index]]),
        "inlet_c": np.array([step[2] for step in judged[index]]),
        "energy_kwh": energy[index],
        "cost": cost,
        "plan_energy_kwh": energy.sum(axis=1),
        "index": np.array(index, np.float64),
    }
