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


def terminals(v: Mapping[str, Array], air: Array, low: Array, high: Array, supply: float) -> tuple[Array, ...]:
    """Heat, flow, reheat and missing cooling of each zone at one supply, [z]."""
    gain = v["mode_gain"].sum(axis=1)
    carried = CP_KJ_KG_K * (supply - air)
    idle = v["flow_min_kg_s"] * carried
    to_low = np.minimum((low - air) / gain, idle + v["reheat_max_kw"])
    wish = (high - air) / gain
    heat = np.minimum(np.maximum(idle, to_low), np.maximum(wish, v["flow_max_kg_s"] * carried))
    more = np.maximum(-heat, 0.0) / np.maximum(-carried, 0.5)
    flow = np.clip(more, v["flow_min_kg_s"], v["flow_max_kg_s"])
    return heat, flow, np.maximum(heat - idle, 0.0), np.maximum(heat - np.maximum(wish, to_low), 0.0)


def machine(v: Mapping[str, Array], k: int, s: int, air: Array, flow: Array, reheat: float) -> tuple[float, ...]:
    """Electricity, gas and what they are worth at one supply."""
    supply, stream = v["supply_c"][s], flow.sum()
    back = (flow * air).sum() / stream
    fan = v["fan_floor_kw"] + v["fan_cubic"] * stream**3
    carried, gap = stream * CP_KJ_KG_K, back - v["outdoor_c"][k]
    fresh = min(1.0, v["outdoor_air_kg_s"] / stream)
    if v["economizer"] > 0.5 and gap > 0.5:
        fresh = max(fresh, min(1.0, (back - (supply - fan / carried)) / gap))
    coil = carried * (supply - back + fresh * gap) - fan
    cold, hot = max(0.0, -coil), max(0.0, coil)
    over = max(0.0, cold - v["coil_cool_max_kw"]) + max(0.0, hot - v["coil_heat_max_kw"])
    burned = hot * v["coil_gas"] + reheat * v["reheat_gas"]
    power = fan + cold * v["cool_ratio"][k, s] + (hot + reheat - burned) * v["heat_ratio"][k]
    gas = GAS_RATIO * burned
    both = max(v["price"][k] + v["gas_price"][k], 1.0e-6)
    paid = 2.0 * (power * v["price"][k] + gas * v["gas_price"][k]) / both
    return power, gas, paid + over**2 - TIE_COST * supply


def roll(v: Mapping[str, Array], on: Array, low: Array, high: Array, bar: Array) -> tuple[Array, Array]:
    """Temperature [n, z], and supply, flow, power and gas [n, 4] of one plan; its arrays without the plans' axis."""
    n, zones = low.shape
    drive = np.einsum("zmd,nzd->nzm", v["drive_gain"], v["drives"])
    temperature, rest = np.empty((n, zones)), np.empty((n, 4))
    state = v["mode_state"].copy()
    for k in range(n):
        free = state * v["mode_decay"] + drive[k]
        air = free.sum(axis=1)
        best = np.inf
        for s, supply in enumerate(v["supply_c"]):
            heat, flow, reheat, short = terminals(v, air, low[k], high[k], supply)
            power, gas, rank = machine(v, k, s, air, flow, reheat.sum())
            rank += SHORT_COST * (short**2).sum() + bar[k, s]
            if rank < best:
                best, given = rank, heat * on[k]
                rest[k] = supply, flow.sum() * on[k], power * on[k], gas * on[k]
        state = free + given[:, None] * v["mode_gain"]
        temperature[k] = state.sum(axis=1)
    return temperature, rest


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
    rolled = [roll(v, on[p], low[p], high[p], bar[p]) for p in range(len(on))]
    temperature, air = np.stack([one for one, _ in rolled]), np.stack([other for _, other in rolled])
    air[:, :, 2:] *= v["step_h"]
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
