"""What goes wrong between a plant and whoever looks at it, as data; and the clock and the knobs among it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.faults import Fault, of_layer
from simulator.wires.disturbance import Disturbance
from simulator.wires.manners import Manners
from simulator.wires.overrides import Overrides


@dataclass(frozen=True, slots=True, kw_only=True)
class Malice:
    """Faults of a run, and how slow and noisy devices are without any."""

    faults: tuple[Fault, ...] = ()
    noise_k: float = 0.0
    """On temperatures, standard deviation."""
    latency_ms: float = 0.0
    """Wall time that every Modbus answer takes at least."""
    jitter_ms: float = 0.0
    """Up to so much more, even."""
    seed: int = 0

    def has(self, *kinds: str) -> bool:
        return any(fault.kind in kinds for fault in self.faults)

    def disturbance(self, names: Sequence[str]) -> Disturbance:
        """What the sensors of these points show. Raises ConfigError."""
        return Disturbance(names, noise_k=self.noise_k, faults=self.faults, seed=self.seed)

    def manners(self, devices: Mapping[str, int]) -> Manners:
        """How these devices behave, name -> unit. Raises ConfigError."""
        return Manners(
            devices, faults=self.faults, latency_ms=self.latency_ms, jitter_ms=self.jitter_ms, seed=self.seed
        )

    def clock_error_s(self, unix_s: float) -> float:
        """How far off is what is told as time."""
        return sum(fault.size for fault in of_layer(self.faults, "clock") if fault.is_on(unix_s))


class Knobs:
    """People who turn knobs: once when their fault begins, and back when it ends."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = of_layer(faults, "person")
        self._is_on = [False] * len(self._faults)

    def look(self, unix_s: float, overrides: Overrides) -> None:
        """It is this instant now."""
        for place, fault in enumerate(self._faults):
            if fault.is_on(unix_s) == self._is_on[place]:
                continue
            self._is_on[place] = not self._is_on[place]
            for name in fault.where:
                if self._is_on[place]:
                    overrides.turn(name, fault.size)
                else:
                    overrides.turn_back(name)
