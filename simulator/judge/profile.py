"""The mean day of a run: power of the whole site by hour."""

from __future__ import annotations

import numpy as np

from simulator.parts import Array


class Profile:
    """Mean power of the whole site by hour of the day, from true values; for some worlds at once."""

    METER = "meter1.electric_power"

    def __init__(self, names: tuple[str, ...], worlds: int = 1) -> None:
        self._row = names.index(self.METER) if self.METER in names else None
        self._sum_kw, self._steps = np.zeros((24, worlds)), np.zeros((24, 1))

    def add(self, end_unix_s: float, step_s: float, values: Array) -> None:
        """A judged step's values, [len(names)] or [len(names), worlds]."""
        if self._row is not None:
            hour = int((end_unix_s - 0.5 * step_s) % 86400.0 // 3600.0)
            self._sum_kw[hour] += values[self._row]
            self._steps[hour] += 1.0

    def hourly_kw(self, world: int = 0) -> tuple[float, ...]:
        """Empty where no meter sees it."""
        if self._row is None or not self._steps.all():
            return ()
        return tuple((self._sum_kw / self._steps)[:, world].tolist())
