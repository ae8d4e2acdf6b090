"""Inputs of the golden vectors: four zones on a hot day, drawn from a seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def example(seed: int = 1, *, zones: int = 4, steps: int = 96, outdoor_c: float = 24.0) -> dict[str, Floats]:
    """A plausible day; the same seed gives the same inputs."""
    rng = np.random.default_rng(seed)
    leads = np.tile([0.0, 1.0, 2.0, 4.0, 8.0, 16.0], 2)
    depths = np.repeat([0.0, 1.5], 6)
    supply = np.linspace(12.0, 20.0, 9)
    hour = np.arange(steps) / 4.0
    outdoor = outdoor_c + 6.0 * np.cos(2.0 * np.pi * (hour - 15.0) / 24.0)
    sun = 700.0 * np.maximum(0.0, np.sin(np.pi * (hour - 5.0) / 15.0))
    need = ((hour >= 7.5) & (hour < 19.0)).astype(float)
    shared = np.stack([outdoor, 0.3 * sun, 0.5 * sun, 0.2 * sun, 8.0 * need, np.ones(steps)], axis=1)
    decay = np.stack([rng.uniform(0.5, 0.7, zones), rng.uniform(0.97, 0.99, zones)], axis=1)
    air = np.array([0.02, 2e-4, 2e-4, 2e-4, 0.03, 0.1]) * rng.uniform(0.8, 1.2, (zones, 6))
    split = np.stack([np.full(zones, 0.9), np.full(zones, 0.1)], axis=1)
    full, weight = np.ones((steps, zones)), 2.0 * need[:, None] * np.ones(zones)
    inputs = {
        "mode_decay": decay,
        "mode_gain": 0.2 * split * rng.uniform(0.8, 1.2, (zones, 1)),
        "mode_state": np.stack([rng.uniform(0.0, 0.6, zones), rng.uniform(22.0, 25.0, zones)], axis=1),
        "drive_gain": split[:, :, None] * air[:, None, :],
        "drives": np.repeat(shared[:, None, :], zones, axis=1),
        "flow_min_kg_s": np.full(zones, 0.28),
        "flow_max_kg_s": rng.uniform(0.9, 1.3, zones),
        "reheat_max_kw": rng.uniform(5.0, 8.0, zones),
        "outdoor_air_kg_s": 0.7,
        "economizer": 1.0,
        "fan_floor_kw": 0.9,
        "fan_cubic": 0.075,
        "coil_cool_max_kw": 58.0,
        "coil_heat_max_kw": 25.0,
        "outdoor_c": outdoor,
        "supply_c": supply,
        "cool_ratio": np.clip(0.3 + 0.005 * (outdoor[:, None] - 25.0) - 0.006 * (supply - 14.0), 0.1, 1.0),
        "heat_ratio": np.clip(0.33 - 0.008 * (outdoor - 7.0), 0.15, 1.0),
        "coil_gas": 1.0,
        "reheat_gas": 0.0,
        "comfort_low_c": 20.8 * full,
        "comfort_high_c": 25.2 * full,
        "comfort_weight": weight,
        "target_low_c": 20.9 * full,
        "target_high_c": 25.1 * full,
        "price": np.ones(steps),
        "gas_price": np.full(steps, 0.4),
        "need": need,
        "step_h": 0.25,
        "lead_steps": leads,
        "lag_steps": np.zeros(len(leads)),
        "depth_k": depths,
        "named_on": np.stack([np.ones(steps), ((hour >= 5.0) & (hour < 19.0)).astype(float)]),
        "named_low_c": np.full((2, steps, zones), 21.5),
        "named_high_c": np.full((2, steps, zones), 24.0),
        "named_bar": np.broadcast_to(np.where(supply == 14.0, 0.0, 1.0e3), (2, steps, len(supply))),
        "bonus": np.concatenate([np.zeros(len(leads)), np.full(2, -1.0e6)]),
    }
    return {name: np.asarray(value, np.float32) for name, value in inputs.items()}
