"""Writes `model.onnx`: run windows, set-points and supply air of one air handler and its zones for the next day.

A `Scan` rolls every candidate policy (how early to start, how long to stay, how deep to pre-cool) and every named plan
(hold, baseline, incumbent) through the zones' thermal modes under a thermostat, and in each step takes from a grid the
supply-air temperature of least cost (fan, coil, reheat). One function scores all plans, so that costs compare.

Run with `python -m models.zone_ahu.build`; the same code gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import spox.opset.ai.onnx.v21 as op
from spox import Var

from models.graph import axes, clip, expand, f, model, square, steps_of, total, write
from models.promise import write_golden, write_signature
from models.zone_ahu.example import example
from models.zone_ahu.promise import INPUTS, OUTPUTS
from models.zone_ahu.twin import plan

PATH = Path(__file__).parent / "model.onnx"
FAR = 1.0e4
"""Steps; a distance that stands for "never in this horizon"."""
CP_KJ_KG_K = 1.006
"""Dry air near room temperature."""
MISSED_COST = 100.0
"""Cost of one step without air while air is needed; above any day's energy."""
GAS_RATIO = 1.25
"""Gas a heat: the least that ASHRAE 90.1 asks of warm-air furnaces is an efficiency of 0.80, boilers lie near."""
TIE_COST = 1.0e-3
"""kW a kelvin in favor of warmer supply: in winter coil and reheat cost the same, and rounding must not decide."""
SHORT_COST = 5.0
"""Cost of a squared kilowatt of cooling that the air cannot carry, so that supply air is picked that can."""

SHAPES: dict[str, tuple[str | int, ...]] = {
    "mode_decay": ("zones", 2),
    "mode_gain": ("zones", 2),
    "mode_state": ("zones", 2),
    "drive_gain": ("zones", 2, "kinds"),
    "drives": ("steps", "zones", "kinds"),
    "flow_min_kg_s": ("zones",),
    "flow_max_kg_s": ("zones",),
    "reheat_max_kw": ("zones",),
    "outdoor_air_kg_s": (),
    "economizer": (),
    "fan_floor_kw": (),
    "fan_cubic": (),
    "coil_cool_max_kw": (),
    "coil_heat_max_kw": (),
    "outdoor_c": ("steps",),
    "supply_c": ("supplies",),
    "cool_ratio": ("steps", "supplies"),
    "heat_ratio": ("steps",),
    "coil_gas": (),
    "reheat_gas": (),
    "comfort_low_c": ("steps", "zones"),
    "comfort_high_c": ("steps", "zones"),
    "comfort_weight": ("steps", "zones"),
    "target_low_c": ("steps", "zones"),
    "target_high_c": ("steps", "zones"),
    "price": ("steps",),
    "gas_price": ("steps",),
    "need": ("steps",),
    "step_h": (),
    "lead_steps": ("policies",),
    "lag_steps": ("policies",),
    "depth_k": ("policies",),
    "named_on": ("named", "steps"),
    "named_low_c": ("named", "steps", "zones"),
    "named_high_c": ("named", "steps", "zones"),
    "named_bar": ("named", "steps", "supplies"),
    "bonus": ("plans",),
}


def lead_and_lag(need: Var) -> tuple[Var, Var]:
    """Steps until the next need and since the last one, float32 [n] each."""
    k = steps_of(need)
    gap = op.sub(expand(k, 0), expand(k, 1))  # [n, m]: m minus n
    far = op.add(op.abs(gap), op.mul(op.sub(f(1.0), expand(need, 0)), f(FAR)))
    ahead = op.add(far, op.mul(op.cast(op.less(gap, f(0.0)), to=np.float32), f(FAR)))
    behind = op.add(far, op.mul(op.cast(op.greater(gap, f(0.0)), to=np.float32), f(FAR)))
    return op.reduce_min(ahead, axes(1), keepdims=0), op.reduce_min(behind, axes(1), keepdims=0)


def windows(v: dict[str, Var]) -> Var:
    """1 while on, float32 [policies, n]: from `lead` before a need to `lag` after it."""
    ahead, behind = lead_and_lag(v["need"])
    early = op.less_or_equal(expand(ahead, 0), expand(v["lead_steps"], 1))
    late = op.less_or_equal(expand(behind, 0), expand(v["lag_steps"], 1))
    return op.cast(op.or_(early, late), to=np.float32)


def plans(v: dict[str, Var]) -> tuple[Var, Var, Var, Var]:
    """on [p, n], both set-points [p, n, z] and barred supplies [p, n, s]: all policies, then all named plans."""
    on = windows(v)
    empty = op.sub(f(1.0), v["need"])
    shift = op.mul(expand(v["depth_k"], 1, 2), expand(empty, 0, 2))  # Deeper only while nobody is in.
    low = op.add(expand(v["target_low_c"], 0), op.mul(shift, f(0.0)))
    high = op.max([op.sub(expand(v["target_high_c"], 0), shift), op.add(low, f(0.5))])
    free = op.mul(op.add(expand(on, 2), expand(v["supply_c"], 0, 1)), f(0.0))
    return (
        op.concat([on, v["named_on"]], axis=0),
        op.concat([low, v["named_low_c"]], axis=0),
        op.concat([high, v["named_high_c"]], axis=0),
        op.concat([free, v["named_bar"]], axis=0),
    )


def lay_out(v: dict[str, Var], on: Var, low: Var, high: Var) -> Var:
    """What each step of the scan reads of each plan and zone, [n, p, z, 5]: modal drive (2), run, low, high."""
    drive = total(op.mul(expand(v["drive_gain"], 0), expand(v["drives"], 2)), 3)  # [n, z, 2], K a step
    flat = op.mul(low, f(0.0))
    columns = [op.add(expand(on, 2), flat), low, high]
    table = op.transpose(op.concat([expand(x, 3) for x in columns], axis=3), perm=[1, 0, 2, 3])
    blank = op.mul(op.slice(table, axes(0), axes(2), axes(3)), f(0.0))
    return op.concat([op.add(expand(drive, 1), blank), table], axis=3)


def weather(v: dict[str, Var]) -> Var:
    """What each step reads of the day, [n, 4]: outdoor C, electricity a heat, worth of electricity and of gas."""
    both = op.max([op.add(v["price"], v["gas_price"]), f(1.0e-6)])
    worth = [op.mul(op.div(v[name], both), f(2.0)) for name in ("price", "gas_price")]  # 1 where both cost the same.
    return op.concat([expand(x, 1) for x in (v["outdoor_c"], v["heat_ratio"], *worth)], axis=1)


def roll(v: dict[str, Var], table: Var, bar: Var) -> tuple[Var, Var, Var, Var, Var]:
    """Temperature at the end of each step [n, p, z]; supply C, flow kg/s, kW of electricity and of gas, [n, p].

    In each step every supply-air temperature is tried, each zone under a thermostat that meets its set-point in one
    step: least air when neither bound is near, else more air or reheat. The cheapest supply is taken, so that a zone
    that needs nothing floats.
    """
    first = op.squeeze(op.gather(table, axes(0)), axes(0))  # [p, z, 5]
    start = op.add(expand(v["mode_state"], 0), op.mul(op.slice(first, axes(0), axes(2), axes(2)), f(0.0)))
    # spox 0.18 cuts an axis off the state's type, as if it were scanned: a state of unknown rank has none to cut.
    start = op.reshape(start, op.compress(op.shape(start), op.const(np.array([True, True, True]))))

    def body(state: Var, row: Var, barred: Var, cool_ratio: Var, day: Var) -> tuple[Var, ...]:
        state, row = op.reshape(state, axes(0, 0, 2)), op.reshape(row, axes(0, 0, 5))
        drive, run, low, high = op.split(row, axes(2, 1, 1, 1), axis=2)
        free = op.add(op.mul(state, v["mode_decay"]), drive)
        air = op.reduce_sum(free, axes(2))  # [p, z, 1]
        heat, flow, reheat, short = terminals(v, air, low, high)
        power, gas, rank = machine(v, air, flow, reheat, cool_ratio, day)
        rank = op.add(op.add(rank, op.mul(total(square(short), 1), f(SHORT_COST))), op.reshape(barred, axes(0, 0)))
        pick = op.arg_min(rank, axis=1, keepdims=1)  # [p, 1]
        runs = op.gather(run, op.const(np.array(0)), axis=1)  # [p, 1]; the same in all zones.

        def picked(x: Var) -> Var:
            return op.squeeze(op.mul(op.gather_elements(x, pick, axis=1), runs), axes(1))

        which = op.add(expand(pick, 2), op.cast(op.mul(air, f(0.0)), to=np.int64))
        given = op.mul(run, op.gather_elements(heat, which, axis=2))
        after = op.add(free, op.mul(given, v["mode_gain"]))
        supply = op.gather(v["supply_c"], op.squeeze(pick, axes(1)))
        stream = total(flow, 1)
        return after, op.reduce_sum(after, axes(2), keepdims=0), supply, picked(stream), picked(power), picked(gas)

    _, temperature, *rest = op.scan([start, table, bar, v["cool_ratio"], weather(v)], body=body, num_scan_inputs=4)
    supply, stream, power, gas = (op.reshape(x, axes(0, 0)) for x in rest)
    return op.reshape(temperature, axes(0, 0, 0)), supply, stream, power, gas


def terminals(v: dict[str, Var], air: Var, low: Var, high: Var) -> tuple[Var, Var, Var, Var]:
    """Of each zone at each supply: heat kW, flow kg/s, reheat kW, cooling kW that the air cannot carry; [p, z, s]."""
    gain = expand(total(v["mode_gain"], 1), 1)  # [z, 1], K a kW
    least, most = expand(v["flow_min_kg_s"], 1), expand(v["flow_max_kg_s"], 1)
    carried = op.mul(op.sub(expand(v["supply_c"], 0, 1), air), f(CP_KJ_KG_K))  # kW a kg/s
    idle = op.mul(least, carried)
    to_low = op.min([op.div(op.sub(low, air), gain), op.add(idle, expand(v["reheat_max_kw"], 1))])
    wish = op.div(op.sub(high, air), gain)
    to_high = op.max([wish, op.mul(most, carried)])
    heat = op.min([op.max([idle, to_low]), to_high])
    more = op.div(op.relu(op.neg(heat)), op.max([op.neg(carried), f(0.5)]))
    flow = clip(more, least, most)
    return heat, flow, op.relu(op.sub(heat, idle)), op.relu(op.sub(heat, op.max([wish, to_low])))


def machine(v: dict[str, Var], air: Var, flow: Var, reheat: Var, cool_ratio: Var, day: Var) -> tuple[Var, Var, Var]:
    """Electricity kW, gas kW and what they are worth, of the whole machine at each supply, [p, s]."""
    outdoor, heat_ratio, worth, gas_worth = op.split(op.reshape(day, axes(4)), axes(1, 1, 1, 1), axis=0)
    supply = expand(v["supply_c"], 0)
    stream, heated = total(flow, 1), total(reheat, 1)
    back = op.div(total(op.mul(flow, air), 1), stream)
    fresh = op.min([op.div(v["outdoor_air_kg_s"], stream), f(1.0)])
    fan = op.add(v["fan_floor_kw"], op.mul(v["fan_cubic"], op.mul(stream, square(stream))))
    carried = op.mul(stream, f(CP_KJ_KG_K))  # kW a kelvin
    gap = op.sub(back, outdoor)
    wish = op.div(op.sub(back, op.sub(supply, op.div(fan, carried))), op.max([gap, f(0.5)]))
    is_open = op.mul(v["economizer"], op.cast(op.greater(gap, f(0.5)), to=np.float32))
    fresh = op.add(fresh, op.mul(is_open, op.sub(clip(wish, fresh, f(1.0)), fresh)))
    mixed = op.sub(back, op.mul(fresh, gap))
    coil = op.sub(op.mul(carried, op.sub(supply, mixed)), fan)
    cold, hot = op.relu(op.neg(coil)), op.relu(coil)
    over = op.add(op.relu(op.sub(cold, v["coil_cool_max_kw"])), op.relu(op.sub(hot, v["coil_heat_max_kw"])))
    burned = op.add(op.mul(hot, v["coil_gas"]), op.mul(heated, v["reheat_gas"]))
    electric = op.sub(op.add(hot, heated), burned)
    gas = op.mul(burned, f(GAS_RATIO))
    chilled = op.mul(cold, op.unsqueeze(op.reshape(cool_ratio, axes(-1)), axes(0)))
    power = op.add(op.add(fan, chilled), op.mul(electric, heat_ratio))
    rank = op.add(op.add(op.mul(power, worth), op.mul(gas, gas_worth)), square(over))
    return power, gas, op.sub(rank, op.mul(supply, f(TIE_COST)))


def discomfort(v: dict[str, Var], temperature: Var) -> Var:
    """Weighted squared kelvin outside the band, summed over steps and zones, [p]."""
    below = op.relu(op.sub(expand(v["comfort_low_c"], 1), temperature))
    above = op.relu(op.sub(temperature, expand(v["comfort_high_c"], 1)))
    return total(op.mul(op.add(square(below), square(above)), expand(v["comfort_weight"], 1)), 0, 2)


def graph(v: dict[str, Var]) -> dict[str, Var]:
    """All outputs from all inputs."""
    on, low, high, bar = plans(v)
    temperature, supply, flow, power, burned = roll(v, lay_out(v, on, low, high), op.transpose(bar, perm=[1, 0, 2]))
    energy, gas = op.mul(power, v["step_h"]), op.mul(burned, v["step_h"])
    missed = total(op.mul(op.sub(f(1.0), on), expand(v["need"], 0)), 1)
    paid = total(op.add(op.mul(energy, expand(v["price"], 1)), op.mul(gas, expand(v["gas_price"], 1))), 0)
    cost = op.add(op.add(paid, discomfort(v, temperature)), op.mul(missed, f(MISSED_COST)))
    index = op.arg_min(op.sub(cost, v["bonus"]), axis=0, keepdims=0)
    return {
        "on": op.gather(on, index, axis=0),
        "temperature_c": op.gather(temperature, index, axis=1),
        "supply_plan_c": op.gather(supply, index, axis=1),
        "flow_kg_s": op.gather(flow, index, axis=1),
        "energy_kwh": op.gather(energy, index, axis=1),
        "gas_kwh": op.gather(gas, index, axis=1),
        "cost": cost,
        "plan_energy_kwh": total(energy, 0),
        "plan_gas_kwh": total(gas, 0),
        "index": index,
    }


def zone_ahu() -> onnx.ModelProto:
    return model("zone_ahu", SHAPES, graph)


def main() -> None:
    """Write the graph, its promise and its golden vectors."""
    write(zone_ahu(), PATH)
    write_signature(PATH.parent, "zone_ahu", SHAPES, INPUTS, OUTPUTS)
    write_golden(PATH.parent, example(), plan)


if __name__ == "__main__":
    main()
