"""Inputs of the golden vectors: six racks on chilled water on a summer's day, drawn from a seed."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def example(seed: int = 1, *, steps: int = 24, racks: int = 6) -> dict[str, Floats]:
    """A plausible day; the same seed gives the same inputs."""
    rng = np.random.default_rng(seed)
    hour = np.arange(steps)
    air = itertools.product(np.arange(16.0, 26.1, 0.5), np.arange(0.45, 1.001, 0.025), (9.0,), (24.0,))
    water = itertools.product((18.0,), (0.8,), np.arange(6.0, 15.1, 1.0), np.arange(18.0, 30.1, 1.0))
    knobs = np.array([*air, *water, (18.0, 0.8, 9.0, 24.0), (19.0, 0.9, 9.0, 24.0)])
    z = (knobs - np.array([17.0, 1.0, 6.5, 24.0])) / 5.0
    z[:, 1] = np.log(knobs[:, 1])
    wish = np.column_stack((z, z**2, *(z[:, i] * z[:, j] for i, j in itertools.combinations(range(4), 2))))
    spread = rng.normal(0.0, 0.01, (18, 18)) + np.diag(rng.uniform(0.005, 0.03, 18))
    bar = np.zeros((steps, len(knobs)))
    bar[0, np.abs(knobs[:, 0] - 18.0) > 1.0] = 1.0e4  # The first hour reaches only so far.
    inputs = {
        "base_kw": 82.0 + 6.0 * np.exp(-(((hour - 14.0) / 3.5) ** 2)) + rng.normal(0.0, 0.3, steps),
        "ratio": 0.26 + 0.03 * np.cos(2.0 * np.pi * (hour - 15.0) / 24.0),
        "drift": 1.0 + 0.6 * np.cos(2.0 * np.pi * (hour - 15.0) / 24.0),
        "price": np.where((hour >= 7) & (hour < 21), 1.5, 1.0),
        "step_h": 1.0,
        "knobs": knobs,
        "supply_c": knobs[:, 0] + 0.2,
        "speed": knobs[:, 1],
        "fan_kw": 7.4 * knobs[:, 1] ** 2.8,
        "wish": wish,
        "slope": rng.normal(0.0, 0.01, 14) - np.array([0.03, 0.01, 0.03, -0.01, *np.zeros(10)]),
        "bend": rng.normal(0.0, 0.005, 4),
        "doubt": spread,
        "bar": bar,
        "move": 0.02 * np.abs(knobs - knobs[-2]).sum(axis=1),
        "leak": rng.uniform(0.05, 0.09, racks),
        "need": rng.uniform(0.55, 0.8, (1, racks)) * (0.95 + 0.1 * rng.random((steps, 1))),
        "draw_knee_c": 23.0,
        "draw_per_k": 0.06,
        "stream_kw_k": 12.2,
        "server_knee_c": 23.0,
        "server_per_k": 0.06,
        "server_slope": np.array([0.004, 0.03]),
        "server_doubt": np.array([[0.002, 0.0], [0.001, 0.006]]),
        "inlet_ref": np.array([-0.4, 0.0]),
        "limit_c": 26.0,
        "limit_cost": 20.0,
        "curiosity": 1.0,
        "bonus": np.array([0.0, -1.0e6, -1.0e6]),
    }
    return {name: np.asarray(value, np.float32) for name, value in inputs.items()}
