"""The same plan in plain numpy, float64, step by step: the oracle of the golden vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

CP_KJ_KG_K = 1.006
SHORT_COST, MISSED_COST, TIE_COST, GAS_RATIO = 5.0, 100.0, 1.0e-3, 1.25


def windows(need: Array, lead: Array, lag: Array) -> Array:
    """1 while on, [policies, n]."""
    n = len(need)
    on = np.zeros((len(lead), n))
    for p in range(len(lead)):
        for m in np.flatnonzero(need > 0.5):
            on[p, max(0, m - int(lead[p])) : m + int(lag[p]) + 1] = 1.0
    return on


def roll(v: Mapping[str, Array], on: Array, low: Array, high: Array, warmest: Array) -> tuple[Array, Array]:
    """Temperature and heat, [p, n, z]."""
    plans, n = on.shape
    gain = v["mode_gain"].sum(axis=1)
    least, most = CP_KJ_KG_K * v["flow_min_kg_s"], CP_KJ_KG_K * v["flow_max_kg_s"]
    coldest = v["supply_c"].min()
    drive = np.einsum("zmd,nzd->nzm", v["drive_gain"], v["drives"])
    temperature, heats = np.empty((plans, n, len(gain))), np.empty((plans, n, len(gain)))
    for p in range(plans):
        state = v["mode_state"].copy()
        for k in range(n):
            free = state * v["mode_decay"] + drive[k]
            air = free.sum(axis=1)
            idle = least * (warmest[p, k] - air)
            to_low = np.minimum((low[p, k] - air) / gain, idle + v["reheat_max_kw"])
            to_high = np.maximum((high[p, k] - air) / gain, most * (coldest - air))
            heat = on[p, k] * np.minimum(np.maximum(idle, to_low), to_high)
            state = free + heat[:, None] * v["mode_gain"]
            temperature[p, k], heats[p, k] = state.sum(axis=1), heat
    return temperature, heats


def supply_air(
    v: Mapping[str, Array], k: int, run: float, bar: Array, air: Array, heat: Array
) -> tuple[float, float, float, float]:
    """Cheapest supply C, flow kg/s, kWh and kWh of gas of one plan in one step."""
    best = (np.inf, 0.0, 0.0, 0.0, 0.0)
    price, gas_price = float(v["price"][k]), float(v["gas_price"][k])
    dear = max(price + gas_price, 1.0e-6)
    for s, supply in enumerate(v["supply_c"]):
        chill = CP_KJ_KG_K * (air - supply)
        flow = np.clip(np.maximum(-heat, 0.0) / np.maximum(chill, 0.5), v["flow_min_kg_s"], v["flow_max_kg_s"])
        missing = -heat - flow * chill
        reheat = np.maximum(-missing, 0.0).sum()
        stream = flow.sum()
        back = (flow * air).sum() / stream
        mixed = back + min(1.0, v["outdoor_air_kg_s"] / stream) * (v["outdoor_c"][k] - back)
        fan = v["fan_floor_kw"] + v["fan_cubic"] * stream**3
        coil = stream * CP_KJ_KG_K * (supply - mixed) - fan
        cold, hot = max(0.0, -coil), max(0.0, coil)
        over = max(0.0, cold - v["coil_cool_max_kw"]) + max(0.0, hot - v["coil_heat_max_kw"])
        heats = ((hot, v["coil_gas"] > 0.5), (reheat, v["reheat_gas"] > 0.5))
        gas = GAS_RATIO * sum(kw for kw, burns in heats if burns)
        electric = sum(kw for kw, burns in heats if not burns)
        power = fan + cold * v["cool_ratio"][k, s] + electric * v["heat_ratio"][k]
        paid = 2.0 * (power * price + gas * gas_price) / dear
        short = (np.maximum(missing, 0.0) ** 2).sum()
        rank = paid + over**2 + SHORT_COST * short + bar[s] - TIE_COST * supply
        if rank < best[0]:
            step_h = run * float(v["step_h"])
            best = (rank, supply, stream * run, power * step_h, gas * step_h)
    return best[1], best[2], best[3], best[4]


def plan(inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, Array]:
    """All outputs of the graph from all its inputs."""
    v = {name: np.asarray(value, np.float64) for name, value in inputs.items()}
    policy = windows(v["need"], v["lead_steps"], v["lag_steps"])
    policies, n = policy.shape
    shift = v["depth_k"][:, None, None] * (1.0 - v["need"])[None, :, None]
    low = np.broadcast_to(v["target_low_c"], (policies, *v["target_low_c"].shape))
    high = np.maximum(v["target_high_c"][None] - shift, low + 0.5)
    on = np.concatenate([policy, v["named_on"]])
    low, high = np.concatenate([low, v["named_low_c"]]), np.concatenate([high, v["named_high_c"]])
    bar = np.concatenate([np.zeros((policies, n, len(v["supply_c"]))), v["named_bar"]])
    warmest = np.max(np.where(bar > 1.0, -np.inf, v["supply_c"]), axis=2)
    temperature, heat = roll(v, on, low, high, warmest)
    air = np.array(
        [
            [supply_air(v, k, on[p, k], bar[p, k], temperature[p, k], heat[p, k]) for k in range(n)]
            for p in range(len(on))
        ]
    )
    below = np.maximum(v["comfort_low_c"] - temperature, 0.0)
    above = np.maximum(temperature - v["comfort_high_c"], 0.0)
    pain = ((below**2 + above**2) * v["comfort_weight"]).sum(axis=(1, 2))
    missed = ((1.0 - on) * v["need"]).sum(axis=1)
    cost = air[:, :, 2] @ v["price"] + air[:, :, 3] @ v["gas_price"] + pain + MISSED_COST * missed
    index = int(np.argmin(cost - v["bonus"]))
    return {
        "on": on[index],
        "temperature_c": temperature[index],
        "supply_plan_c": air[index, :, 0],
        "flow_kg_s": air[index, :, 1],
        "energy_kwh": air[index, :, 2],
        "gas_kwh": air[index, :, 3],
        "cost": cost,
        "plan_energy_kwh": air[:, :, 2].sum(axis=1),
        "plan_gas_kwh": air[:, :, 3].sum(axis=1),
        "index": np.array(index, np.float64),
    }
