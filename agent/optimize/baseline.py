"""The baseline: ordinary good rules, without a model; what runs where nothing is learned yet, and the yardstick."""

from __future__ import annotations

import math

import numpy as np

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.core.limits import Envelope
from agent.equipment.systems import AhuSystem, CracSystem, LiftSystem, Schedule, Systems
from agent.features.grid import latest
from agent.optimize.shape import Shaper

EARLY_H = 2.0
"""The air handler starts so long before the schedule."""
EMPTY_S = 3600.0
"""And stops when nobody was in for so long."""
HEATING_C, COOLING_C = 21.5, 24.0
CRAC_SUPPLY_C, CRAC_FAN_PCT = 19.0, 90.0
WORST_INLET_C = 24.0
TRIM_STEP_K, TRIM_STEP_PCT = 0.5, 5.0
FROST_C = 16.0


def local_hour(now: Instant, utc_offset_h: float) -> tuple[int, float]:
    """Weekday (0 is Monday) and hour of the local day."""
    local = now.unix_s + utc_offset_h * 3600.0
    return int(local // 86_400 + 3) % 7, (local % 86_400) / 3600.0


def in_use(schedule: Schedule, now: Instant, utc_offset_h: float, early_h: float = 0.0) -> bool:
    day, hour = local_hour(now, utc_offset_h)
    return day in schedule.weekdays and schedule.start_h - early_h <= hour < schedule.stop_h


class Baseline:
    """Rules for all machines of a site, or for some kinds of them."""

    name = "baseline"

    def __init__(self, systems: Systems, envelope: Envelope) -> None:
        self.systems = systems
        self._shaper = Shaper(envelope)

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        wishes: list[Proposal] = []
        for ahu in self.systems.ahus:
            wishes += self.propose_ahu(ahu, features, now)
        for crac in self.systems.cracs:
            wishes += self.propose_crac(crac, features, now)
        for lifts in self.systems.lifts:
            wishes += self.propose_lifts(lifts, features, now)
        return wishes

    def propose_ahu(self, system: AhuSystem, features: Features, now: Instant) -> list[Proposal]:
        """On by the schedule, from two hours before; after it, and on free days, while somebody is in."""
        empty_s = _empty_s(features, system.zones)
        coldest = min((latest(features, f"{zone}.zone_air_temperature") for zone in system.zones), default=math.nan)
        if not math.isfinite(empty_s + coldest):
            self._shaper.forget(f"{system.ahu}.")
            return []
        is_on, why = _ahu_rule(system, empty_s, coldest, now, self.systems.utc_offset_h)
        wishes = [self._wish(features, f"{system.ahu}.on_off_command", 1.0 if is_on else 0.0, why, now)]
        for zone in system.zones:
            for role, value in (("cooling", COOLING_C), ("heating", HEATING_C)):
                point = f"{zone}.zone_air_{role}_temperature_setpoint"
                wishes.append(self._wish(features, point, value, "ordinary comfort set-points", now))
        return [wish for wish in wishes if wish]

    def propose_crac(self, system: CracSystem, features: Features, now: Instant) -> list[Proposal]:
        """A mild supply and fan, trimmed by the worst rack."""
        names = [f"{system.room}.rack_inlet_temperature_{n + 1}" for n in range(system.racks)]
        worst = max(latest(features, name) for name in names)
        supply_point = f"{system.crac}.supply_air_temperature_setpoint"
        speed_point = f"{system.crac}.fan_speed_setpoint"
        supply, speed = latest(features, supply_point), latest(features, speed_point)
        if not all(math.isfinite(latest(features, name)) for name in names) or not math.isfinite(supply + speed):
            self._shaper.forget(f"{system.crac}.")
            return []
        if worst > WORST_INLET_C:
            why = f"the worst inlet is {worst:.1f} C, above {WORST_INLET_C:.0f} C: more and cooler air"
            goal = (supply - TRIM_STEP_K, speed + TRIM_STEP_PCT)
        elif worst > WORST_INLET_C - 1.0:
            why, goal = f"the worst inlet is {worst:.1f} C, near {WORST_INLET_C:.0f} C: stay", (supply, speed)
        else:
            why = f"the worst inlet is {worst:.1f} C: {CRAC_SUPPLY_C:.0f} C supply and {CRAC_FAN_PCT:.0f} % fan will do"
            goal = (_near(supply, CRAC_SUPPLY_C, TRIM_STEP_K), _near(speed, CRAC_FAN_PCT, TRIM_STEP_PCT))
        wishes = [
            self._wish(features, supply_point, goal[0], why, now),
            self._wish(features, speed_point, goal[1], why, now),
        ]
        return [wish for wish in wishes if wish]

    def propose_lifts(self, system: LiftSystem, features: Features, now: Instant) -> list[Proposal]:
        """Half of the cars rest by night and on free days, as long as nobody is seen in the building."""
        empty_s = _empty_s(features, system.zones) if system.zones else math.inf
        if math.isnan(empty_s):
            return []
        busy = in_use(system.schedule, now, self.systems.utc_offset_h)
        few = max(1, (system.cars + 1) // 2)
        if busy or empty_s < EMPTY_S / 2:
            cars, why = system.cars, "the building is in use" if busy else "people are still in"
        else:
            cars, why = few, "night or a free day, and nobody is in: half of the cars rest"
        wish = self._wish(features, f"{system.lifts}.cars_in_service_setpoint", float(cars), why, now)
        return [wish] if wish else []

    def _wish(self, features: Features, point: str, value: float, reason: str, now: Instant) -> Proposal | None:
        present = latest(features, point)
        return self._shaper.propose(point, value, present, now, source=self.name, reason=reason)


def _ahu_rule(system: AhuSystem, empty_s: float, coldest: float, now: Instant, utc_offset_h: float) -> tuple[bool, str]:
    day, hour = local_hour(now, utc_offset_h)
    schedule = system.schedule
    if empty_s < EMPTY_S:
        return True, "people are in, or were within the hour"
    if day in schedule.weekdays and schedule.start_h - EARLY_H <= hour < schedule.start_h + 2.0:
        return True, f"the day begins at {schedule.start_h:.0f} h"
    if in_use(schedule, now, utc_offset_h):
        return False, "nobody has been in for an hour"
    if coldest < FROST_C:
        return True, f"a zone is below {FROST_C:.0f} C"
    return False, "outside the schedule, and nobody is in"


def _empty_s(features: Features, zones: tuple[str, ...]) -> float:
    """Seconds since somebody was last seen; inf for never in the window, NaN while a zone cannot be seen."""
    columns = [features.column(f"{zone}.occupancy_count") for zone in zones]
    if not columns or any(not np.isfinite(column[-3:]).any() for column in columns):
        return math.nan
    people = np.nansum(np.stack(columns), axis=0)
    inside = np.flatnonzero(people > 0.0)
    return math.inf if len(inside) == 0 else float(len(people) - 1 - inside[-1]) * features.grid_s


def _near(start: float, goal: float, step: float) -> float:
    return start + max(-step, min(step, goal - start))
