"""Writes `model.onnx`: the set-points of a data room's cooling for the next day, at the least power of the whole room.

A data room keeps minutes of heat, no hours: given the load and the weather, each step stands alone. So every candidate
set of set-points (supply air, fan speed, and with a plant chilled and condenser water) is judged in every step, and the
best one that can be reached in time is taken: no search that could miss it, and the same inputs give the same plan.
The inlets feed back on themselves (a warm inlet speeds the servers' fans, they draw more air, more of it comes round
from behind): a few damped turns, unrolled. What is not known for sure is a bonus: where a candidate may well be better
than what is held now, it is worth a trial. The last two candidates are the named plans, hold and baseline.

Run with `python -m models.crac.build`; the same code gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
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

SHAPES: dict[str, tuple[str | int, ...]] = {
    "base_kw": ("steps",),
    "ratio": ("steps",),
    "drift": ("steps",),
    "price": ("steps",),
    "step_h": (),
    "knobs": ("candidates", "knobs"),
    "supply_c": ("candidates",),
    "speed": ("candidates",),
    "fan_kw": ("candidates",),
    "wish": ("candidates", "columns"),
    "slope": ("columns",),
    "bend": ("knobs",),
    "doubt": ("coefficients", "coefficients"),
    "bar": ("steps", "candidates"),
    "move": ("candidates",),
    "leak": ("racks",),
    "need": ("steps", "racks"),
    "draw_knee_c": (),
    "draw_per_k": (),
    "stream_kw_k": (),
    "server_knee_c": (),
    "server_per_k": (),
    "server_slope": (2,),
    "server_doubt": (2, 2),
    "inlet_ref": (2,),
    "limit_c": (),
    "limit_cost": (),
    "curiosity": (),
    "bonus": ("plans",),
}


def above(inlet: Var, knee: Var, per_k: Var) -> Var:
    """Air drawn over that with cool inlets."""
    return op.add(f(1.0), op.mul(op.relu(op.sub(inlet, knee)), per_k))


def servers(v: dict[str, Var], inlet: Var) -> Var:
    """What inlets [n, k, r] do to the servers, less that of the history: [n, k, 2]."""
    draw = above(inlet, v["server_knee_c"], v["server_per_k"])
    cube = op.sub(op.mul(draw, square(draw)), f(1.0))
    warm = op.div(op.sub(inlet, f(20.0)), f(5.0))
    both = [expand(op.reduce_mean(x, axes(2), keepdims=0), 2) for x in (warm, cube)]
    return op.sub(op.concat(both, axis=2), v["inlet_ref"])


def inlets(v: dict[str, Var]) -> tuple[Var, Var, Var]:
    """Inlets [n, k, r], servers' columns [n, k, 2] and the room's power [n, k] by step and candidate."""
    base, need = expand(v["base_kw"], 1), expand(v["need"], 1)
    supply, speed = expand(v["supply_c"], 0), expand(v["speed"], 0)
    inlet = op.add(expand(supply, 2), op.mul(need, f(0.0)))  # [n, k, r]
    reached = inlet
    for _ in range(TURNS):
        room = power(v, base, servers(v, inlet))
        rise = op.div(room, op.mul(v["stream_kw_k"], speed))
        draw = above(inlet, v["draw_knee_c"], v["draw_per_k"])
        short = op.relu(op.sub(f(1.0), op.div(expand(speed, 2), op.mul(need, draw))))
        around = op.add(v["leak"], op.mul(op.sub(f(1.0), v["leak"]), short))
        reached = clip(op.add(expand(supply, 2), op.mul(around, expand(rise, 2))), f(-20.0), f(60.0))
        inlet = op.add(op.mul(inlet, f(0.5)), op.mul(reached, f(0.5)))
    # The last word has the full turn: half-way values would tell a kinder inlet than comes.
    inlet = op.max([inlet, reached])
    columns = servers(v, inlet)
    return inlet, columns, power(v, base, columns)


def power(v: dict[str, Var], base: Var, columns: Var) -> Var:
    """Servers and UPS [n, k]."""
    more = total(op.mul(columns, v["server_slope"]), 2)
    return op.mul(base, clip(op.add(f(1.0), more), f(0.3), f(3.0)))


def knob_part(v: dict[str, Var], table: Var) -> Var:
    """The columns [k, d] that are the knobs themselves."""
    d = op.slice(op.shape(v["knobs"]), axes(1), axes(2))
    return op.slice(table, axes(0), d, axes(1))


def cooling(v: dict[str, Var]) -> Var:
    """Electricity for a unit of heat [n, k]."""
    drift, first = expand(v["drift"], 1), knob_part(v, v["wish"])
    level = total(op.mul(v["wish"], v["slope"]), 1)  # [k]
    bent = total(op.mul(first, v["bend"]), 1)
    return op.relu(op.add(expand(v["ratio"], 1), op.add(expand(level, 0), op.mul(drift, expand(bent, 0)))))


def held(x: Var, axis: int) -> Var:
    """The candidate before the last: hold."""
    return op.gather(x, op.const(np.array([-2], np.int64)), axis=axis)


def cooling_doubt(v: dict[str, Var]) -> Var:
    """Standard deviation of `cooling` less that of hold [n, k], from the root of the coefficients' covariance."""
    away = op.sub(v["wish"], held(v["wish"], 0))
    p = op.slice(op.shape(v["wish"]), axes(1), axes(2))
    level_root = op.slice(v["doubt"], axes(0), p, axes(0))
    bend_root = op.slice(v["doubt"], p, op.shape(v["doubt"], end=1), axes(0))
    level = op.matmul(away, level_root)  # [k, q]
    bent = op.matmul(knob_part(v, away), bend_root)
    drift = expand(v["drift"], 1)
    parts = (total(square(level), 1), total(op.mul(level, bent), 1), total(square(bent), 1))
    own, both, far = (expand(part, 0) for part in parts)
    variance = op.add(own, op.mul(drift, op.add(op.mul(both, f(2.0)), op.mul(drift, far))))
    return op.sqrt(op.relu(variance))


def graph(v: dict[str, Var]) -> dict[str, Var]:
    """All outputs from all inputs."""
    inlet, columns, room = inlets(v)
    fan = expand(v["fan_kw"], 0)
    heat = op.add(room, fan)
    whole = op.add(heat, op.mul(heat, cooling(v)))  # kW, [n, k]
    off = total(square(op.matmul(op.sub(columns, held(columns, 1)), v["server_doubt"])), 2)
    unsure = op.sqrt(op.add(square(op.mul(heat, cooling_doubt(v))), op.mul(square(expand(v["base_kw"], 1)), off)))
    over = total(square(op.relu(op.sub(inlet, v["limit_c"]))), 2)
    price = op.mul(expand(v["price"], 1), v["step_h"])
    cost = op.add(op.mul(whole, price), op.mul(over, v["limit_cost"]))
    rank = op.add(cost, op.add(v["bar"], v["move"]))
    hoped = op.sub(rank, op.mul(op.mul(unsure, price), v["curiosity"]))
    pick, plain = (expand(op.arg_min(x, axis=1, keepdims=0), 1) for x in (hoped, rank))  # [n, 1]
    energy = op.mul(whole, v["step_h"])
    tail = op.const(np.array([-2, -1], np.int64))

    def of_plans(x: Var) -> Var:
        return op.concat([op.gather_elements(x, pick, axis=1), op.gather(x, tail, axis=1)], axis=1)

    costs, energies = total(of_plans(cost), 0), of_plans(energy)
    index = op.arg_min(op.sub(costs, v["bonus"]), axis=0, keepdims=0)
    chosen = op.gather(op.concat([pick, *_named(v, pick)], axis=1), index, axis=1)  # [n]
    row = expand(chosen, 1)
    racks = op.expand(expand(row, 2), op.concat([axes(1, 1), op.shape(v["leak"])], axis=0))
    return {
        "plan": op.gather(v["knobs"], chosen, axis=0),
        "inlet_c": op.squeeze(op.gather_elements(inlet, racks, axis=1), axes(1)),
        "energy_kwh": op.gather(energies, index, axis=1),
        "doubt_kwh": op.mul(op.squeeze(op.gather_elements(unsure, row, axis=1), axes(1)), v["step_h"]),
        "trial_kwh": op.squeeze(
            op.sub(op.gather_elements(energy, row, axis=1), op.gather_elements(energy, plain, axis=1)), axes(1)
        ),
        "cost": costs,
        "plan_energy_kwh": total(energies, 0),
        "index": index,
    }


def _named(v: dict[str, Var], pick: Var) -> list[Var]:
    """Places of hold and baseline among the candidates, [n, 1] each."""
    count = op.slice(op.shape(v["knobs"]), axes(0), axes(1))
    zero = op.mul(pick, op.const(np.array(0, np.int64)))
    return [op.add(zero, op.sub(count, axes(back))) for back in (2, 1)]


def crac() -> onnx.ModelProto:
    return model("crac", SHAPES, graph)


def main() -> None:
    """Write the graph, its promise and its golden vectors."""
    write(crac(), PATH)
    write_signature(PATH.parent, "crac", SHAPES, INPUTS, OUTPUTS)
    write_golden(PATH.parent, example(), plan)


if __name__ == "__main__":
    main()
