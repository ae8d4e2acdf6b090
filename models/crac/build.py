"""Writes `model.onnx`: supply air and fan speed of one CRAC for the next day, at the least power of the whole room.

A data room keeps minutes of heat, no hours: given the load and the weather, each step stands alone. So every pair of
(supply, speed) on a grid is judged in every step, exactly, and the best one that can be reached in time is taken: no
search that could miss it, and the same inputs give the same plan. The inlets feed back on themselves (a warm inlet
speeds the servers' fans, they draw more air, more of it comes round from behind): a few damped turns, unrolled.

Run with `python -m models.crac.build`; the same code gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import spox.opset.ai.onnx.v21 as op
from spox import Var

from models.crac.example import example
from models.crac.promise import INPUTS, OUTPUTS
from models.crac.twin import plan
from models.graph import axes, clip, expand, f, model, square, total, write
from models.promise import write_golden, write_signature

PATH = Path(__file__).parent / "model.onnx"
TURNS = 4
"""Of the inlet loop; with four the last one moved an inlet by less than 0.05 K in the band (golden vectors)."""
KELVIN = 273.15

SHAPES: dict[str, tuple[str | int, ...]] = {
    "base_it_kw": ("steps",),
    "condensing_c": ("steps",),
    "price": ("steps",),
    "step_h": (),
    "supply_c": ("supplies",),
    "speed": ("speeds",),
    "bar": ("steps", "supplies", "speeds"),
    "leak": ("racks",),
    "short_speed": ("racks",),
    "stream_kw_k": (),
    "fan_max_kw": (),
    "ups_fixed_kw": (),
    "ups_share": (),
    "server_fan_share": (),
    "server_knee_c": (),
    "server_draw_per_k": (),
    "evaporator_k": (),
    "lift_scale": (),
    "lift_offset_k": (),
    "limit_c": (),
    "limit_cost": (),
    "move_cost": (),
    "now_supply_c": (),
    "now_speed": (),
    "named_supply_c": ("named",),
    "named_speed": ("named",),
    "bonus": ("plans",),
}


def inlets(v: dict[str, Var], supply: Var, speed: Var) -> tuple[Var, Var]:
    """Inlets [n, k, r] and IT power [n, k] for k pairs of supply and speed, [1 or n, k] each."""
    base = expand(v["base_it_kw"], 1)
    rise = op.mul(op.mul(base, f(0.0)), supply)  # [n, k], zeros
    inlet = op.add(expand(op.add(rise, supply), 2), op.mul(expand(v["leak"], 0, 1), f(0.0)))
    it = base
    for _ in range(TURNS):
        warm = op.mul(op.relu(op.sub(inlet, v["server_knee_c"])), v["server_draw_per_k"])
        draw = op.add(f(1.0), warm)  # [n, k, r], air drawn over that at the base speed
        cube = op.sub(op.mul(draw, square(draw)), f(1.0))
        it = op.mul(base, op.add(f(1.0), op.mul(v["server_fan_share"], op.reduce_mean(cube, axes(2), keepdims=0))))
        load = op.add(op.mul(it, op.add(f(1.0), v["ups_share"])), v["ups_fixed_kw"])
        rise = op.div(load, op.mul(v["stream_kw_k"], speed))
        share = op.div(expand(speed, 2), op.mul(expand(v["short_speed"], 0, 1), draw))
        short = op.relu(op.sub(f(1.0), share))
        around = op.add(v["leak"], op.mul(op.sub(f(1.0), v["leak"]), short))
        reached = op.add(expand(supply, 2), op.mul(around, expand(rise, 2)))
        inlet = clip(op.add(op.mul(inlet, f(0.5)), op.mul(reached, f(0.5))), f(-20.0), f(60.0))
    # The last word has the full turn: half-way values would tell a kinder inlet than comes.
    return op.max([inlet, clip(reached, f(-20.0), f(60.0))]), it


def judge(v: dict[str, Var], supply: Var, speed: Var) -> tuple[Var, Var, Var]:
    """kW of the whole room [n, k], its cost a step [n, k], inlets [n, k, r]."""
    inlet, it = inlets(v, supply, speed)
    fan = op.mul(v["fan_max_kw"], op.mul(speed, square(speed)))
    ups = op.add(v["ups_fixed_kw"], op.mul(it, v["ups_share"]))
    heat = op.add(op.add(it, ups), fan)
    cold = op.sub(supply, v["evaporator_k"])
    lift = op.max([op.add(op.sub(expand(v["condensing_c"], 1), cold), v["lift_offset_k"]), f(3.0)])
    compressor = op.mul(heat, op.div(op.mul(v["lift_scale"], lift), op.add(cold, f(KELVIN))))
    power = op.add(op.add(it, ups), op.add(fan, compressor))
    over = total(square(op.relu(op.sub(inlet, v["limit_c"]))), 2)
    paid = op.mul(op.mul(power, v["step_h"]), expand(v["price"], 1))
    return power, op.add(paid, op.mul(over, v["limit_cost"])), inlet


def graph(v: dict[str, Var]) -> dict[str, Var]:
    """All outputs from all inputs."""
    s, w = op.shape(v["supply_c"]), op.shape(v["speed"])
    both = op.concat([s, w], axis=0)
    supply = op.reshape(op.expand(expand(v["supply_c"], 1), both), axes(1, -1))  # [1, k]
    speed = op.reshape(op.expand(expand(v["speed"], 0), both), axes(1, -1))
    _, cost, _ = judge(v, supply, speed)
    away = op.add(op.abs(op.sub(supply, v["now_supply_c"])), op.abs(op.mul(op.sub(speed, v["now_speed"]), f(10.0))))
    bar = op.reshape(v["bar"], axes(0, -1))
    pick = op.arg_min(op.add(op.add(cost, bar), op.mul(away, v["move_cost"])), axis=1, keepdims=0)  # [n]
    flat_supply, flat_speed = op.reshape(supply, axes(-1)), op.reshape(speed, axes(-1))
    best = (expand(op.gather(flat_supply, pick), 1), expand(op.gather(flat_speed, pick), 1))  # [n, 1]
    blank = op.mul(best[0], f(0.0))
    all_supply = op.concat([best[0], op.add(blank, expand(v["named_supply_c"], 0))], axis=1)
    all_speed = op.concat([best[1], op.add(blank, expand(v["named_speed"], 0))], axis=1)
    power, cost, inlet = judge(v, all_supply, all_speed)
    cost = total(cost, 0)
    index = op.arg_min(op.sub(cost, v["bonus"]), axis=0, keepdims=0)
    energy = op.mul(power, v["step_h"])
    return {
        "supply_plan_c": op.gather(all_supply, index, axis=1),
        "speed_plan": op.gather(all_speed, index, axis=1),
        "inlet_c": op.gather(inlet, index, axis=1),
        "energy_kwh": op.gather(energy, index, axis=1),
        "cost": cost,
        "plan_energy_kwh": total(energy, 0),
        "index": index,
    }


def crac() -> onnx.ModelProto:
    return model("crac", SHAPES, graph)


def main() -> None:
    """Write the graph, its promise and its golden vectors."""
    write(crac(), PATH)
    write_signature(PATH.parent, "crac", SHAPES, INPUTS, OUTPUTS)
    write_golden(PATH.parent, example(), plan)


if __name__ == "__main__":
    main()
