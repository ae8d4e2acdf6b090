"""Inputs as a site has them, by dice: for golden vectors and tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

STEPS = 96


def example(
    seed: int = 1, *, steps: int = STEPS, cars: int = 4, floors: int = 12
) -> dict[str, npt.NDArray[np.float32]]:
    """A group of an office from midnight on, with a depth of standby that can be told."""
    rng = np.random.default_rng(seed)
    hour = np.arange(steps) * 24.0 / steps
    rush = 90.0 * np.exp(-(((hour - 8.5) / 0.7) ** 2)) + 70.0 * np.exp(-(((hour - 12.7) / 1.0) ** 2))
    rush += 75.0 * np.exp(-(((hour - 17.3) / 0.8) ** 2)) + 25.0 * ((hour > 8.0) & (hour < 18.0))
    share = rng.uniform(0.2, 1.0, (steps, floors))
    share[:, 0] += np.where(hour < 11.0, 6.0, 0.0)
    trips = rush + rng.uniform(0.0, 0.3, steps)
    inputs = {
        "trips": trips,
        "calls": np.maximum(trips, np.append(trips[1:], trips[-1])),
        "price": np.where((hour > 7.0) & (hour < 20.0), 0.31, 0.19),
        "step_h": 24.0 / steps,
        "cars": np.arange(1.0, cars + 1.0),
        "cars_all": float(cars),
        "bar": np.zeros((steps, cars, 3)),
        "depth_saves": np.array([0.0, 0.42, 0.83]),
        "depth_after_h": np.array([0.0, 0.09, 0.5]),
        "depth_wake_s": np.array([0.0, 0.0, 22.0]),
        "standing_kw": 0.39,
        "sleeping_kw": 0.043,
        "trip_kwh": 0.019,
        "trip_busy_h": 13.0 / 3600.0,
        "wait_s": 4.1,
        "wait_budget_s": 60.0,
        "slow_s": 2.0,
        "slow_budget": 20.0,
        "second_cost": np.concatenate([[0.0], np.geomspace(1e-5, 10.0, 24)]),
        "slow_cost_s": 3.0,
        "move_cost": 1e-4,
        "now_cars": float(cars),
        "named_cars": np.stack([np.full(steps, cars), np.where((hour > 6.0) & (hour < 20.0), cars, (cars + 1) // 2)]),
        "named_depth": np.stack([np.zeros(steps), np.ones(steps)]),
        "call_share": share / share.sum(axis=1, keepdims=True),
        "floor": np.arange(float(floors)),
    }
    inputs["bar"][0, 0, :] = 1.0e3  # Reached a step later.
    return {name: np.asarray(value, np.float32) for name, value in inputs.items()}
