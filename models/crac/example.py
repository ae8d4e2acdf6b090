"""Inputs of the golden vectors: four racks on a summer's day, drawn from a seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def example(seed: int = 1, *, steps: int = 24) -> dict[str, Floats]:
    """A plausible day; the same seed gives the same inputs."""
    rng = np.random.default_rng(seed)
    hour = np.arange(steps)
    inputs = {
        "base_it_kw": 52.0 + 4.0 * np.exp(-(((hour - 14.0) / 3.5) ** 2)) + rng.normal(0.0, 0.3, steps),
        "condensing_c": np.maximum(25.0, 35.0 + 6.0 * np.cos(2.0 * np.pi * (hour - 15.0) / 24.0)),
        "price": np.ones(steps),
        "step_h": 1.0,
        "supply_c": np.arange(17.0, 26.01, 0.5),
        "speed": np.arange(0.45, 1.001, 0.05),
        "bar": np.zeros((steps, 19, 12)),
        "leak": rng.uniform(0.05, 0.09, 4),
        "short_speed": rng.uniform(0.55, 0.85, 4),
        "stream_kw_k": 8.2,
        "fan_max_kw": 5.1,
        "ups_fixed_kw": 1.2,
        "ups_share": 0.036,
        "server_fan_share": 0.03,
        "server_knee_c": 23.0,
        "server_draw_per_k": 0.08,
        "evaporator_k": 8.0,
        "lift_scale": 2.6,
        "lift_offset_k": 0.4,
        "limit_c": 26.0,
        "limit_cost": 20.0,
        "move_cost": 0.02,
        "now_supply_c": 17.0,
        "now_speed": 1.0,
        "named_supply_c": np.array([17.0, 19.0]),
        "named_speed": np.array([1.0, 0.9]),
        "bonus": np.array([0.0, -1.0e6, -1.0e6]),
    }
    inputs["bar"][0, 5:, :] = 1.0e4  # The first hour reaches only so far.
    return {name: np.asarray(value, np.float32) for name, value in inputs.items()}
