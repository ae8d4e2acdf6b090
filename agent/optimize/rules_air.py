"""The baseline's rules for an air handler: schedule, optimal start, setback, standby, supply air by zones' requests."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agent.core.clock import Instant
from agent.core.features import Features
from agent.equipment.systems import AhuSystem, Schedule
from agent.features.grid import latest
from agent.optimize.trim import SUPPLY_AIR

EMPTY_S = 3600.0
"""It stops when nobody was in for so long."""
START_K_H = 1.0
"""A zone comes so fast to its set-point, until a start was seen (our assumption)."""
START_LEAST_H, START_MOST_H = 0.5, 3.0
"""Guideline 36, 5.4 (modes of zone groups): at most three hours; at least so long that the air is fresh (ours)."""
HEATING_C, COOLING_C = 21.5, 24.0
SETBACK_LOW_C, SETBACK_HIGH_C = 17.0, 29.0
"""Unoccupied set-points (Guideline 36, table 3.1.1.1, has 16 and 32)."""
STANDBY_K = 0.5
"""A zone of a running floor in which nobody is: 1 F wider (Guideline 36, 5.3.2)."""
STANDBY_S = 1800.0
FROST_C = 16.0
HOT_K, HOTTER_K, HOTTEST_K = 0.3, 2.0, 3.0
"""Above its cooling set-point a zone asks once, twice, three times (Guideline 36, 5.6.8.1: 2 and 3 K; once by its loop,
which we do not see: 0.3 K)."""
WARM_OUT_C, HOT_OUT_C = 16.0, 21.0
"""Between these outdoors the highest supply air falls to its lowest (Guideline 36, 5.16.2.2)."""
SUPPLY_HIGH_C = 18.0
"""Guideline 36, 5.16.2.2, for mild and dry climates. The lowest is what the building kept by itself."""
COOLS_KW = 0.05


def local_hour(now: Instant, utc_offset_h: float) -> tuple[int, float]:
    """Weekday (0 is Monday) and hour of the local day."""
    local = now.unix_s + utc_offset_h * 3600.0
    return int(local // 86_400 + 3) % 7, (local % 86_400) / 3600.0


def in_use(schedule: Schedule, now: Instant, utc_offset_h: float, early_h: float = 0.0) -> bool:
    day, hour = local_hour(now, utc_offset_h)
    return day in schedule.weekdays and schedule.start_h - early_h <= hour < schedule.stop_h


def empty_s(features: Features, zones: tuple[str, ...]) -> float:
    """Seconds since somebody was last seen; inf for never in the window or no sensor, NaN while one cannot be seen."""
    names = [f"{zone}.occupancy_count" for zone in zones]
    columns = [features.column(name) for name in names if name in features.names]
    if any(not np.isfinite(column[-3:]).any() for column in columns):
        return math.nan
    if not columns:
        return math.inf
    people = np.nansum(np.stack(columns), axis=0)
    inside = np.flatnonzero(people > 0.0)
    return math.inf if len(inside) == 0 else float(len(people) - 1 - inside[-1]) * features.grid_s


@dataclass(frozen=True, slots=True, kw_only=True)
class AirView:
    """What the rules see of one air handler."""

    air_c: tuple[float, ...]
    empty_s: float
    zone_empty_s: tuple[float, ...]

    @property
    def is_known(self) -> bool:
        return not math.isnan(self.empty_s) and all(math.isfinite(air) for air in self.air_c)


def look(system: AhuSystem, features: Features) -> AirView:
    return AirView(
        air_c=tuple(latest(features, f"{zone}.zone_air_temperature") for zone in system.zones),
        empty_s=empty_s(features, system.zones),
        zone_empty_s=tuple(empty_s(features, (zone,)) for zone in system.zones),
    )


def is_on(system: AhuSystem, view: AirView, features: Features, now: Instant, utc_offset_h: float) -> tuple[bool, str]:
    """Whether it runs now, and why."""
    schedule, (day, hour) = system.schedule, local_hour(now, utc_offset_h)
    if view.empty_s < EMPTY_S:
        return True, "people are in, or were within the hour"
    early_h = start_h(system, view, features)
    if day in schedule.weekdays and schedule.start_h - early_h <= hour < schedule.start_h + 2.0:
        return True, f"the day begins at {schedule.start_h:.0f} h, and the zones need {early_h:.1f} h"
    if in_use(schedule, now, utc_offset_h) and _has_people_sensor(system, features):
        return False, "nobody has been in for an hour"
    if in_use(schedule, now, utc_offset_h):
        return True, "the schedule says so"
    if min(view.air_c) < FROST_C:
        return True, f"a zone is below {FROST_C:.0f} C"
    return False, "outside the schedule, and nobody is in"


def _has_people_sensor(system: AhuSystem, features: Features) -> bool:
    return any(f"{zone}.occupancy_count" in features.names for zone in system.zones)


def start_h(system: AhuSystem, view: AirView, features: Features) -> float:
    """Optimal start: the zone farthest from its set-point over the pace that starts of the last days showed."""
    gap_k = max((max(HEATING_C - air, air - COOLING_C, 0.0) for air in view.air_c), default=0.0)
    return float(np.clip(gap_k / pace_k_h(system, features), START_LEAST_H, START_MOST_H))


def pace_k_h(system: AhuSystem, features: Features) -> float:
    """How fast the slowest zone came back in the first hour of a start in the window; ours until one was seen."""
    status = features.column(f"{system.ahu}.on_off_status")
    rows = max(1, round(3600.0 / features.grid_s))
    starts = np.flatnonzero((status[1:] > 0.5) & (status[:-1] < 0.5)) + 1
    paces = []
    for start in starts[starts + rows < len(status)].tolist():
        for zone in system.zones:
            air = features.column(f"{zone}.zone_air_temperature")
            before, after = float(air[start]), float(air[start + rows])
            gap = max(HEATING_C - before, before - COOLING_C)
            if math.isfinite(before + after) and gap > 1.0:
                paces.append(abs(after - before))
    return max(0.3, float(np.min(paces))) if paces else START_K_H


def setpoints(system: AhuSystem, view: AirView, place: int, runs: bool, is_used: bool) -> tuple[float, float, str]:
    """Heating and cooling set-point of a zone, and why; never tighter than the zone's comfort asks for."""
    heat = max(HEATING_C, system.comfort_low_c + 0.5)
    cool = max(heat + 1.0, min(COOLING_C, system.comfort_high_c - 1.0))
    if not runs and not is_used:
        return SETBACK_LOW_C, SETBACK_HIGH_C, "nobody is in: set back"
    if view.zone_empty_s[place] > STANDBY_S and math.isfinite(view.zone_empty_s[place]):
        return heat - STANDBY_K, cool + STANDBY_K, "nobody is in this zone: half a kelvin wider"
    return heat, cool, "ordinary comfort set-points"


def supply_c(
    system: AhuSystem, features: Features, view: AirView, *, site: str, present_c: float, own_c: float, since_s: float
) -> float:
    """Supply air after this cycle: trimmed up, down by zones that are too warm, never below the building's own."""
    cool = [latest(features, f"{zone}.zone_air_cooling_temperature_setpoint") for zone in system.zones]
    requests = sum(asks(air - setpoint) for air, setpoint in zip(view.air_c, cool, strict=True))
    outdoor_c = latest(features, f"{site}.outdoor_air_temperature")
    most_c = highest_c(outdoor_c, own_c)
    if not _cools(system, features, outdoor_c, present_c):
        return max(own_c, min(most_c, present_c + SUPPLY_AIR.respond))
    return max(own_c, min(most_c, present_c + SUPPLY_AIR.move(requests, since_s)))


def _cools(system: AhuSystem, features: Features, outdoor_c: float, present_c: float) -> bool:
    """Warmer supply air saves only what a coil has cooled; in winter it would be heated to it."""
    cooling_kw = latest(features, f"{system.ahu}.cooling_power")
    return cooling_kw > COOLS_KW if math.isfinite(cooling_kw) else outdoor_c > present_c


def asks(over_k: float) -> int:
    """Requests of one zone; none of one whose set-point cannot be seen."""
    return sum(over_k > edge for edge in (HOT_K, HOTTER_K, HOTTEST_K))


def highest_c(outdoor_c: float, own_c: float) -> float:
    """The highest supply air in this weather; unknown weather is taken as hot."""
    share = 0.0 if math.isnan(outdoor_c) else (HOT_OUT_C - outdoor_c) / (HOT_OUT_C - WARM_OUT_C)
    return own_c + max(0.0, SUPPLY_HIGH_C - own_c) * min(1.0, max(0.0, share))
