"""Writes `model.onnx`: how many cars of a group serve, and how deep the others and the standing ones rest.

The steps of a day share one thing: how much longer people may wait in all. So each pair of (cars, depth) is judged in
every step, exactly, and the steps are tied by a price of a second's wait (a Lagrange multiplier): of the prices tried,
the cheapest plan that keeps the budget of waiting is taken. No dice, so the same inputs give the same plan.

Run with `python -m models.lift_group.build`; the same code gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import spox.opset.ai.onnx.v21 as op
from spox import Var

from models.graph import axes, expand, f, model, steps_of, total, write
from models.lift_group.example import example
from models.lift_group.promise import INPUTS, OUTPUTS
from models.lift_group.twin import FULLEST, plan
from models.promise import write_golden, write_signature

PATH = Path(__file__).parent / "model.onnx"
OVER_COST = 1.0e3

SHAPES: dict[str, tuple[str | int, ...]] = {
    "trips": ("steps",),
    "calls": ("steps",),
    "price": ("steps",),
    "step_h": (),
    "cars": ("choices",),
    "cars_all": (),
    "bar": ("steps", "choices", "depths"),
    "depth_saves": ("depths",),
    "depth_after_h": ("depths",),
    "depth_wake_s": ("depths",),
    "standing_kw": (),
    "sleeping_kw": (),
    "trip_kwh": (),
    "trip_busy_h": (),
    "wait_s": (),
    "wait_budget_s": (),
    "slow_s": (),
    "slow_budget": (),
    "second_cost": ("prices",),
    "slow_cost_s": (),
    "move_cost": (),
    "now_cars": (),
    "named_cars": ("named", "steps"),
    "named_depth": ("named", "steps"),
    "call_share": ("steps", "floors"),
    "floor": ("floors",),
}


def wait(v: dict[str, Var], calls: Var, cars: Var) -> Var:
    """Mean wait in s of a trip."""
    busy = op.min([op.div(op.mul(calls, v["trip_busy_h"]), op.mul(v["step_h"], cars)), f(FULLEST)])
    return op.div(op.div(op.mul(v["wait_s"], v["cars_all"]), cars), op.sub(f(1.0), busy))


def judge(
    v: dict[str, Var], flow: tuple[Var, Var], cars: Var, saves: Var, after_h: Var, wake_s: Var
) -> tuple[Var, Var, Var]:
    """kWh, longer waits in s and slow trips; all operands broadcast to one shape. `flow`: trips and calls."""
    trips, calls = flow
    a_car = op.div(trips, op.mul(v["step_h"], cars))
    rested = op.exp(op.neg(op.mul(a_car, after_h)))
    still = op.sub(f(1.0), op.min([op.mul(a_car, v["trip_busy_h"]), f(FULLEST)]))
    span = op.sub(v["standing_kw"], v["sleeping_kw"])
    awake = op.mul(op.mul(span, cars), op.sub(f(1.0), op.mul(saves, op.mul(rested, still))))
    kw = op.add(op.mul(v["sleeping_kw"], v["cars_all"]), awake)
    energy = op.add(op.mul(kw, v["step_h"]), op.mul(trips, v["trip_kwh"]))
    longer = op.sub(wait(v, calls, cars), wait(v, calls, v["cars_all"]))
    delay = op.mul(calls, op.add(longer, op.mul(wake_s, rested)))
    is_slow = op.cast(op.greater(longer, v["slow_s"]), to=np.float32)
    wakes_slow = op.mul(rested, op.cast(op.greater(wake_s, v["slow_s"]), to=np.float32))
    return energy, delay, op.mul(calls, op.max([is_slow, wakes_slow]))


def flat(x: Var) -> Var:
    return op.reshape(x, axes(0, -1))


def graph(v: dict[str, Var]) -> dict[str, Var]:
    """All outputs from all its inputs."""
    flow, cars = (expand(v["trips"], 1, 2), expand(v["calls"], 1, 2)), expand(v["cars"], 0, 2)
    of_depth = [expand(v[name], 0, 1) for name in ("depth_saves", "depth_after_h", "depth_wake_s")]
    energy, delay, slow = (flat(x) for x in judge(v, flow, cars, *of_depth))  # [n, pairs]
    away = op.mul(op.abs(op.sub(cars, v["now_cars"])), v["move_cost"])
    fixed = op.add(op.mul(energy, expand(v["price"], 1)), flat(op.add(v["bar"], away)))
    worth = op.add(delay, op.mul(slow, v["slow_cost_s"]))
    prices = expand(v["second_cost"], 1, 2)
    pick = op.arg_min(op.add(expand(fixed, 0), op.mul(prices, expand(worth, 0))), axis=2, keepdims=1)  # [m, n, 1]
    many = op.expand(f(1.0), op.concat([op.shape(v["second_cost"]), axes(1, 1)], axis=0))

    def taken(x: Var) -> Var:
        """[m, n] of what is [n, pairs]."""
        return op.squeeze(op.gather_elements(op.mul(expand(x, 0), many), pick, axis=2), axes(2))

    delays, slows = total(taken(delay), 1), total(taken(slow), 1)
    over = op.add(
        op.relu(op.sub(delays, v["wait_budget_s"])),
        op.mul(v["slow_cost_s"], op.relu(op.sub(slows, v["slow_budget"]))),
    )
    index = op.arg_min(op.add(total(taken(fixed), 1), op.mul(over, f(OVER_COST))), axis=0, keepdims=0)

    def best(x: Var) -> Var:
        """[1, n]"""
        return expand(op.gather(taken(x), index, axis=0), 0)

    blank = op.mul(energy, f(0.0))
    cars_flat = op.add(blank, flat(op.add(cars, op.mul(of_depth[0], f(0.0)))))
    depth_flat = op.add(blank, flat(op.add(op.mul(cars, f(0.0)), expand(steps_of(v["depth_saves"]), 0, 1))))
    named_depth = op.cast(v["named_depth"], to=np.int64)
    told = [op.gather(v[name], named_depth) for name in ("depth_saves", "depth_after_h", "depth_wake_s")]
    named = judge(v, (expand(v["trips"], 0), expand(v["calls"], 0)), v["named_cars"], *told)  # [named, n] each
    every = [op.concat([best(x), y], axis=0) for x, y in zip((energy, delay, slow), named, strict=True)]
    far = op.matmul(v["call_share"], op.abs(op.sub(expand(v["floor"], 1), expand(v["floor"], 0))))  # [n, floors]
    return {
        "cars_plan": op.squeeze(best(cars_flat), axes(0)),
        "depth_plan": op.squeeze(best(depth_flat), axes(0)),
        "park_plan": op.gather(v["floor"], op.arg_min(far, axis=1, keepdims=0)),
        "delay_s": op.squeeze(best(delay), axes(0)),
        "energy_kwh": op.squeeze(best(energy), axes(0)),
        "cost": total(op.mul(every[0], expand(v["price"], 0)), 1),
        "plan_energy_kwh": total(every[0], 1),
        "plan_delay_s": total(every[1], 1),
        "plan_slow": total(every[2], 1),
        "index": index,
    }


def lift_group() -> onnx.ModelProto:
    return model("lift_group", SHAPES, graph)


def main() -> None:
    """Write the graph, its promise and its golden vectors."""
    write(lift_group(), PATH)
    write_signature(PATH.parent, "lift_group", SHAPES, INPUTS, OUTPUTS)
    write_golden(PATH.parent, example(), plan)


if __name__ == "__main__":
    main()
