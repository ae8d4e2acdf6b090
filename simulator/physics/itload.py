"""What servers compute, by rack and minute: flat with a wave, plateaus of nightly batches, or bursts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator.parts import MINUTES, Array

HOUR = np.arange(MINUTES) / 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A kind of load, as shares of the nominal power; our assumptions after the usual shapes of enterprise rooms."""

    base: float
    wave: float
    """Height of the working day's wave, highest at 14:00."""
    bursts: float
    """In a day, on the mean, on one rack each."""
    burst: tuple[float, float]
    """How high."""
    batch: float = 0.0
    """Height of the plateau from 22:00 to 05:00."""


DIURNAL = Shape(base=0.84, wave=0.08, bursts=3.0, burst=(0.05, 0.14))
BATCH = Shape(base=0.62, wave=0.04, bursts=3.0, burst=(0.05, 0.10), batch=0.35)
BURSTS = Shape(base=0.55, wave=0.10, bursts=20.0, burst=(0.10, 0.45))
SHAPES = (DIURNAL, BATCH, BURSTS)
"""In the order of a scenario's `load`."""


class Load:
    """Days of compute power, [1440, racks, worlds] W, drawn by (seed, day)."""

    def __init__(self, nominal_w: Array, seeds: Sequence[int], shape: Shape = DIURNAL) -> None:
        """`nominal_w` [racks, worlds]."""
        self._nominal_w, self._seeds, self._shape = nominal_w, list(seeds), shape

    def __call__(self, day: int) -> Array:
        drawn = {seed: self._draw(seed, day) for seed in set(self._seeds)}
        share = np.stack([drawn[seed] for seed in self._seeds], axis=-1)
        return np.clip(share, 0.3, 1.1) * self._nominal_w

    def _draw(self, seed: int, day: int) -> Array:
        """Shares of one world, [1440, racks]."""
        racks, shape = len(self._nominal_w), self._shape
        rng = np.random.default_rng([seed, day])
        wave = shape.wave * np.exp(-(((HOUR - 14.0) / 3.5) ** 2))
        if shape.batch:
            wave = wave + shape.batch * ((HOUR >= 22.0) | (HOUR < 5.0))
        today = shape.base + np.tile(wave[:, None], (1, racks)) + rng.normal(0.0, 0.01, size=racks)
        for _ in range(rng.poisson(shape.bursts)):
            begin, length = int(rng.integers(0, MINUTES)), int(rng.integers(20, 120))
            today[begin : begin + length, int(rng.integers(0, racks))] += rng.uniform(*shape.burst)
        flutter = np.repeat(rng.normal(0.0, 0.008, size=(MINUTES // 5, racks)), 5, axis=0)
        return today + flutter
