"""Idle hours, live: a machine runs and serves nobody.

| kind                | runs when               | idle when it runs and                                             |
|---------------------|-------------------------|-------------------------------------------------------------------|
| ahu                 | status or power says so | `nobody-in`: no one is counted in any zone that it serves         |
|                     |                         | `outside-hours`: no counters there, and not the site's hours      |
| crac                | status or power says so | `air-for-nobody`: return air is under 6 K warmer than supply air  |
| lift_group          | a car is in service     | `cars-waiting`: no car moves; the share of cars that stand counts |
| chilled_water_plant | pumps or chillers run   | `no-load`: next to no heat is taken from the water                |
| chiller, boiler     | status or power says so | `no-load`: it makes next to no cold or heat                       |
| pump                | status or power says so | `no-load`: water comes back as it went                            |

The 6 K is half of the 12 K that data rooms are commonly designed for: colder return air means that more air is moved
than the servers breathe. It is our own choice, and so are the other figures below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from agent.core.image import Image
from agent.equipment.systems import Schedule

WASTED_AIR_BELOW_K = 6.0
LONGEST_GAP_S = 900.0
"""Between two looks further apart than this the books say nothing."""
RUNS_KW = 0.05
"""Power from which a machine without a status counts as running."""
LOAD_LEAST_K = 0.5
"""Water that comes back nearer than this to what left carries no load."""
LOAD_LEAST_RATIO = 0.5
"""Heat over power below which a chiller or boiler turns for itself."""


@dataclass(slots=True)
class IdleLine:
    """One machine's line in the books."""

    running_hours: float = 0.0
    idle_hours: float = 0.0
    energy_kwh: float = 0.0
    """Electricity, and a boiler's gas."""
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
    """A machine in the books: its equipment id, kind and, for an air handler, the zones it serves and its hours."""

    id: str
    kind: str
    serves: Sequence[str] = ()
    schedule: Schedule | None = None
    utc_offset_h: float = 0.0


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
        energy_kwh = _power_kw(machine, image) * hours
        line.running_hours += running * hours
        line.idle_hours += running * idle * hours
        line.energy_kwh += energy_kwh
        line.idle_energy_kwh += idle * energy_kwh if running else 0.0

    def figures(self) -> Mapping[str, Mapping[str, object]]:
        """JSON-able, by machine."""
        return {name: {**asdict(line), "idle_ratio": line.idle_ratio} for name, line in self.lines.items()}


Judged = tuple[float | None, float | None, str]
"""Share running 0..1, share of that idle 0..1, rule; None for what cannot be seen."""


def _power_kw(machine: Machine, image: Image) -> float:
    return sum(image.good(f"{machine.id}.{role}") or 0.0 for role in ("electric_power", "gas_power"))


def _runs(machine: Machine, image: Image, *powers: str) -> float | None:
    """By its status; a machine without one by these powers."""
    status = image.good(f"{machine.id}.on_off_status")
    if status is not None or f"{machine.id}.on_off_status" in image.table:
        return status
    seen = [image.good(f"{machine.id}.{role}") for role in powers or ("electric_power",)]
    known = [kw for kw in seen if kw is not None]
    return float(sum(known) > RUNS_KW) if known else None


def _ahu(machine: Machine, image: Image) -> Judged:
    running = _runs(machine, image, "fan_power", "electric_power")
    names = [f"{zone}.occupancy_count" for zone in machine.serves]
    counted = [name for name in names if name in image.table]
    if not counted and machine.schedule is not None and machine.serves:
        return running, float(not _is_hours(machine.schedule, image.at.unix_s, machine.utc_offset_h)), "outside-hours"
    people = [image.good(name) for name in names]
    seen = [count for count in people if count is not None]
    if any(count > 0 for count in seen):
        return running, 0.0, "nobody-in"
    return running, None if len(seen) < len(people) or not people else 1.0, "nobody-in"


def _is_hours(schedule: Schedule, unix_s: float, utc_offset_h: float) -> bool:
    local = unix_s + utc_offset_h * 3600.0
    day, hour = int(local // 86_400 + 3) % 7, (local % 86_400) / 3600.0
    return day in schedule.weekdays and schedule.start_h <= hour < schedule.stop_h


def _crac(machine: Machine, image: Image) -> Judged:
    running = _runs(machine, image, "fan_power", "electric_power")
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


def _plant(machine: Machine, image: Image) -> Judged:
    running = _runs(machine, image, "chiller_power", "pump_power", "electric_power")
    entering = image.good(f"{machine.id}.entering_chilled_water_temperature")
    leaving = image.good(f"{machine.id}.leaving_chilled_water_temperature")
    if entering is not None and leaving is not None:
        return running, float(abs(entering - leaving) < LOAD_LEAST_K), "no-load"
    return running, _little_heat(machine, image), "no-load"


def _maker(machine: Machine, image: Image) -> Judged:
    """A chiller or a boiler."""
    return _runs(machine, image, "electric_power", "gas_power"), _little_heat(machine, image), "no-load"


def _little_heat(machine: Machine, image: Image) -> float | None:
    heat = image.good(f"{machine.id}.thermal_power")
    if heat is None:
        return None
    return float(abs(heat) <= max(RUNS_KW, LOAD_LEAST_RATIO * _power_kw(machine, image)))


def _pump(machine: Machine, image: Image) -> Judged:
    running = _runs(machine, image)
    went = image.good(f"{machine.id}.supply_water_temperature")
    came = image.good(f"{machine.id}.return_water_temperature")
    if went is None or came is None:
        return running, None, "no-load"
    return running, float(abs(went - came) < LOAD_LEAST_K), "no-load"


RULES = {
    "ahu": _ahu,
    "crac": _crac,
    "lift_group": _lift_group,
    "chilled_water_plant": _plant,
    "chiller": _maker,
    "boiler": _maker,
    "pump": _pump,
}
