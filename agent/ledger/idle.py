"""Idle hours, live: a machine runs and serves nobody.

| kind       | runs when                    | idle when it runs and                                                   |
|------------|------------------------------|-------------------------------------------------------------------------|
| ahu        | its status says on           | `nobody-in`: no one is counted in any zone that it serves               |
| crac       | its status says on           | `air-for-nobody`: return air is under 6 K warmer than supply air        |
| lift_group | a car is in service          | `cars-waiting`: no car moves; the share of cars that stand counts       |

The 6 K is half of the 12 K that data rooms are commonly designed for: colder return air means that more air is moved
than the servers breathe. It is our own choice, to be set by site later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from agent.core.image import Image

WASTED_AIR_BELOW_K = 6.0
LONGEST_GAP_S = 900.0
"""Between two looks further apart than this the books say nothing."""


@dataclass(slots=True)
class IdleLine:
    """One machine's line in the books."""

    running_hours: float = 0.0
    idle_hours: float = 0.0
    energy_kwh: float = 0.0
    idle_energy_kwh: float = 0.0
    unknown_hours: float = 0.0
    """Hours in which a point that the rule needs could not be seen."""
    rule: str = ""

    @property
    def idle_ratio(self) -> float:
        """Idle hours / running hours, 0..1; 0 for a machine that never ran."""
        return self.idle_hours / self.running_hours if self.running_hours else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine in the books: its equipment id, kind and, for an air handler, the zones it serves."""

    id: str
    kind: str
    serves: Sequence[str] = ()


class IdleBook:
    """Adds up what each image shows since the one before."""

    def __init__(self, machines: Sequence[Machine]) -> None:
        self._machines = [machine for machine in machines if machine.kind in RULES]
        self._last_mono_s: float | None = None
        self.lines: dict[str, IdleLine] = {machine.id: IdleLine() for machine in self._machines}

    def add(self, image: Image) -> None:
        last_s, self._last_mono_s = self._last_mono_s, image.at.mono_s
        if last_s is None or not 0 < image.at.mono_s - last_s <= LONGEST_GAP_S:
            return
        hours = (image.at.mono_s - last_s) / 3600
        for machine in self._machines:
            self._add(machine, image, hours)

    def _add(self, machine: Machine, image: Image, hours: float) -> None:
        line = self.lines[machine.id]
        running, idle, line.rule = RULES[machine.kind](machine, image)
        if running is None or idle is None:
            line.unknown_hours += hours
            return
        energy_kwh = (image.good(f"{machine.id}.electric_power") or 0.0) * hours
        line.running_hours += running * hours
        line.idle_hours += running * idle * hours
        line.energy_kwh += energy_kwh
        line.idle_energy_kwh += idle * energy_kwh if running else 0.0

    def figures(self) -> Mapping[str, Mapping[str, object]]:
        """JSON-able, by machine."""
        return {name: {**asdict(line), "idle_ratio": line.idle_ratio} for name, line in self.lines.items()}


Judged = tuple[float | None, float | None, str]
"""Share running 0..1, share of that idle 0..1, rule; None for what cannot be seen."""


def _ahu(machine: Machine, image: Image) -> Judged:
    running = image.good(f"{machine.id}.on_off_status")
    people = [image.good(f"{zone}.occupancy_count") for zone in machine.serves]
    seen = [count for count in people if count is not None]
    if any(count > 0 for count in seen):
        return running, 0.0, "nobody-in"
    return running, None if len(seen) < len(people) or not people else 1.0, "nobody-in"


def _crac(machine: Machine, image: Image) -> Judged:
    running = image.good(f"{machine.id}.on_off_status")
    supply_c = image.good(f"{machine.id}.supply_air_temperature")
    return_c = image.good(f"{machine.id}.return_air_temperature")
    if supply_c is None or return_c is None:
        return running, None, "air-for-nobody"
    return running, float(return_c - supply_c < WASTED_AIR_BELOW_K), "air-for-nobody"


def _lift_group(machine: Machine, image: Image) -> Judged:
    cars = image.good(f"{machine.id}.cars_in_service")
    moving = image.good(f"{machine.id}.cars_moving")
    if cars is None or moving is None:
        return None, None, "cars-waiting"
    return float(cars > 0), max(0.0, 1.0 - moving / cars) if cars else 0.0, "cars-waiting"


RULES = {"ahu": _ahu, "crac": _crac, "lift_group": _lift_group}
