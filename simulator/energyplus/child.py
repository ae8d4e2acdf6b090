"""The process in which EnergyPlus runs: obeys at the begin of each zone time step, tells at its end.

`python -m simulator.energyplus.child ORDER.json IN OUT`, started by `run.py`. IN and OUT are inherited pipes; a frame
in is the float64 values of all actuators (NaN: the building's own control), a frame out of all means and states, both
behind one number more: 0, and the seconds that the means are over.
"""

from __future__ import annotations

import json
import math
import os
import struct
import sys
import traceback
from pathlib import Path
from typing import Any

from simulator.energyplus.api import EnergyPlusFault, Simulation

GAVE_UP, BUG = 3, 4
"""Exit codes; the words are on stderr."""


class Obedient:
    """Between the pipes and EnergyPlus."""

    def __init__(self, simulation: Simulation, order: dict[str, Any], heard: int, told: int) -> None:
        self._simulation, self._order = simulation, order
        self._heard, self._told = heard, told
        self._means: list[int] = []
        self._states: list[int] = []
        self._sums = [0.0] * len(order["means"])
        self._summed_s = 0.0
        self._actuators: list[int] = []
        self._now = struct.Struct(f"<{1 + len(order['actuators'])}d")
        self._values = struct.Struct(f"<{1 + len(order['means']) + len(order['states'])}d")
        self._held: list[tuple[int, float]] = []
        self._acting: set[int] = set()
        self._is_over = self._is_found = False
        for variable, key in [*order["means"], *order["states"]]:
            simulation.request(variable, key)
        simulation.hook("BeginZoneTimeStepBeforeInitHeatBalance", self._begin)
        simulation.hook("AfterPredictorAfterHVACManagers", self._insist)
        simulation.hook("EndOfSystemTimeStepAfterHVACReporting", self._add_up)
        simulation.hook("EndOfZoneTimeStepAfterZoneReporting", self._tell)

    def _is_live(self) -> bool:
        return not self._is_over and self._simulation.is_ready and self._simulation.is_weather_run

    def _begin(self) -> None:
        """Hear what to hold in the coming zone time step."""
        if not self._is_live():
            return
        if not self._is_found:
            self._find()
        frame = _read(self._heard, self._now.size)
        if frame is None:
            self._is_over = True
            self._simulation.stop()
            return
        _, *values = self._now.unpack(frame)
        self._held = list(zip(self._actuators, values, strict=True))
        for handle, value in self._held:
            if math.isnan(value) and handle in self._acting:
                self._simulation.release(handle)
                self._acting.discard(handle)
        self._act()

    def _find(self) -> None:
        simulation, order = self._simulation, self._order
        self._actuators = [simulation.actuator(*place) for place in order["actuators"]]
        self._means = [simulation.variable(*place) for place in order["means"]]
        self._states = [simulation.variable(*place) for place in order["states"]]
        self._is_found = True

    def _act(self) -> None:
        for handle, value in self._held:
            if not math.isnan(value):
                self._simulation.act(handle, value)
                self._acting.add(handle)

    def _insist(self) -> None:
        """Set-point managers wrote their nodes in this system step: write ours over them."""
        if self._held and self._is_live():
            self._act()

    def _add_up(self) -> None:
        """A variable shows the last system time step only: keep the sum over all of a zone time step."""
        if not self._is_found or not self._is_live():
            return
        seconds = self._simulation.system_step_s
        for n, handle in enumerate(self._means):
            self._sums[n] += seconds * self._simulation.value(handle)
        self._summed_s += seconds

    def _tell(self) -> None:
        if not self._is_live():
            return
        values = [self._summed_s, *(total / self._summed_s for total in self._sums)]
        values += [self._simulation.value(handle) for handle in self._states]
        self._sums, self._summed_s = [0.0] * len(self._sums), 0.0
        try:
            os.write(self._told, self._values.pack(*values))
        except BrokenPipeError:
            self._is_over = True
            self._simulation.stop()


def _read(pipe: int, size: int) -> bytes | None:
    """Exactly so many bytes, or None where nobody is left to send them."""
    frame = b""
    while len(frame) < size:
        more = os.read(pipe, size - len(frame))
        if not more:
            return None
        frame += more
    return frame


def _end_at_once(unraisable: Any) -> None:
    """An error in a callback cannot pass through EnergyPlus: say it and leave."""
    fault = unraisable.exc_value
    if isinstance(fault, EnergyPlusFault):
        sys.stderr.write(f"{fault}\n")
    else:
        traceback.print_exception(fault)
    sys.stderr.flush()
    os._exit(GAVE_UP if isinstance(fault, EnergyPlusFault) else BUG)


def main() -> int:
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.unraisablehook = _end_at_once
    try:
        simulation = Simulation()
        obedient = Obedient(simulation, order, int(sys.argv[2]), int(sys.argv[3]))
        simulation.run(Path(order["model"]), Path(order["weather"]), Path(order["folder"]))
    except EnergyPlusFault as fault:
        sys.stderr.write(f"{fault}\n")
        return GAVE_UP
    del obedient
    simulation.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
