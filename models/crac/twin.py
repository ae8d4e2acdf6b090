"""The same plan in plain numpy, float64: the oracle of the golden vectors, and what plans where onnxruntime fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
TURNS = 4


def servers(v: Mapping[str, Array], inlet: Array) -> Array:
    """What inlets [k, r] do to the servers, less that of the history: [k, 2]."""
    draw = 1.0 + v["server_per_k"] * np.maximum(0.0, inlet - v["server_knee_c"])
    both = np.stack([np.mean((inlet - 20.0) / 5.0, axis=1), np.mean(draw**3 - 1.0, axis=1)], axis=1)
    return np.asarray(both - v["inlet_ref"])


def room_kw(v: Mapping[str, Array], n: int, columns: Array) -> Array:
    return np.asarray(v["base_kw"][n] * np.clip(1.0 + columns @ v["server_slope"], 0.3, 3.0))


def inlets(v: Mapping[str, Array], n: int) -> Array:
    """Of all candidates in one step, [k, r]."""
    supply, speed = v["supply_c"][:, None], v["speed"][:, None]
    inlet = np.repeat(supply, len(v["leak"]), axis=1)
    reached = inlet
    for _ in range(TURNS):
        rise = room_kw(v, n, servers(v, inlet))[:, None] / (v["stream_kw_k"] * speed)
        draw = 1.0 + v["draw_per_k"] * np.maximum(0.0, inlet - v["draw_knee_c"])
        short = np.maximum(0.0, 1.0 - speed / (v["need"][n] * draw))
        reached = np.clip(supply + (v["leak"] + (1.0 - v["leak"]) * short) * rise, -20.0, 60.0)
        inlet = 0.5 * inlet + 0.5 * reached
    return np.asarray(np.maximum(inlet, reached))


def cooling(v: Mapping[str, Array], n: int) -> tuple[Array, Array]:
    """Electricity for a unit of heat, and the standard deviation of what it is beyond that of hold; [k] each."""
    p, d = v["wish"].shape[1], v["knobs"].shape[1]
    drift = v["drift"][n]
    level = v["wish"] @ v["slope"] + drift * (v["wish"][:, :d] @ v["bend"])
    away = v["wish"] - v["wish"][-2]
    spread = away @ v["doubt"][:p] + drift * (away[:, :d] @ v["doubt"][p:])
    return np.maximum(0.0, v["ratio"][n] + level), np.sqrt((spread**2).sum(axis=1))


def judge(v: Mapping[str, Array], n: int) -> tuple[Array, Array, Array, Array]:
    """kWh, its doubt, cost and inlets [k, r] of all candidates in one step."""
    inlet = inlets(v, n)
    columns = servers(v, inlet)
    heat = room_kw(v, n, columns) + v["fan_kw"]
    ratio, spread = cooling(v, n)
    off = (((columns - columns[-2]) @ v["server_doubt"]) ** 2).sum(axis=1)
    unsure = np.sqrt((heat * spread) ** 2 + v["base_kw"][n] ** 2 * off)
    over = (np.maximum(0.0, inlet - v["limit_c"]) ** 2).sum(axis=1)
    energy = heat * (1.0 + ratio) * v["step_h"]
    return energy, unsure * v["step_h"], energy * v["price"][n] + v["limit_cost"] * over, inlet


def plan(inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, Array]:
    """All outputs of the graph from all its inputs."""
    v = {name: np.asarray(value, np.float64) for name, value in inputs.items()}
    count = len(v["knobs"])
    steps = range(len(v["base_kw"]))
    judged = [judge(v, n) for n in steps]
    picks, plain = [], []
    for n, (_, unsure, cost, _) in enumerate(judged):
        rank = cost + v["bar"][n] + v["move"]
        picks.append(int(np.argmin(rank - v["curiosity"] * unsure * v["price"][n])))
        plain.append(int(np.argmin(rank)))
    plans = [picks, [count - 2] * len(picks), [count - 1] * len(picks)]
    costs = np.array([sum(judged[n][2][places[n]] for n in steps) for places in plans])
    energy = np.array([[judged[n][0][places[n]] for n in steps] for places in plans])
    index = int(np.argmin(costs - v["bonus"]))
    chosen = plans[index]
    return {
        "plan": v["knobs"][chosen],
        "inlet_c": np.array([judged[n][3][chosen[n]] for n in steps]),
        "energy_kwh": energy[index],
        "doubt_kwh": np.array([judged[n][1][chosen[n]] for n in steps]),
        "trial_kwh": np.array([judged[n][0][chosen[n]] - judged[n][0][plain[n]] for n in steps]),
        "cost": costs,
        "plan_energy_kwh": energy.sum(axis=1),
        "index": np.array(index, np.float64),
    }
