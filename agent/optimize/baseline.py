"""The baseline: ordinary good rules, without a model; what runs where nothing is learned yet, and the yardstick.

The rules stand in `rules_air.py`, `rules_room.py` and `rules_lifts.py`; here they are put to a site's machines.
"""

from __future__ import annotations

import math

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.core.limits import Envelope
from agent.equipment.systems import AhuSystem, CracSystem, LiftSystem, Systems
from agent.features.grid import latest
from agent.optimize import rules_air, rules_lifts, rules_room
from agent.optimize.rules_air import in_use, local_hour
from agent.optimize.shape import Shaper

__all__ = ["Baseline", "in_use", "local_hour"]


class Baseline:
    """Rules for all machines of a site, or for some kinds of them."""

    name = "baseline"

    def __init__(self, systems: Systems, envelope: Envelope) -> None:
        self.systems = systems
        self._shaper = Shaper(envelope)
        self._stood: dict[str, tuple[float, float]] = {}
        """By trimmed point, its value and since when it stands there."""
        self._own_c: dict[str, float] = {}
        """By trimmed point, where it stood when we first saw it: what the machine kept by itself."""

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        wishes: list[Proposal] = []
        for ahu in self.systems.ahus:
            wishes += self.propose_ahu(ahu, features, now)
        for crac in self.systems.cracs:
            wishes += self.propose_crac(crac, features, now)
        for lifts in self.systems.lifts:
            wishes += self.propose_lifts(lifts, features, now)
        for plant in rules_room.plants_of(features):
            wishes += self.propose_plant(plant, features, now)
        return wishes

    def propose_ahu(self, system: AhuSystem, features: Features, now: Instant) -> list[Proposal]:
        """On by schedule and people, started as late as will do; set back when empty; supply air by requests."""
        view = rules_air.look(system, features)
        if not view.is_known:
            self._shaper.forget(f"{system.ahu}.")
            return []
        offset_h = self.systems.utc_offset_h
        runs, why = rules_air.is_on(system, view, features, now, offset_h)
        wishes = [self._wish(features, f"{system.ahu}.on_off_command", float(runs), why, now)]
        for place, zone in enumerate(system.zones):
            heat, cool, reason = rules_air.setpoints(system, view, place, runs, in_use(system.schedule, now, offset_h))
            for role, value in (("cooling", cool), ("heating", heat)):
                wishes.append(self._wish(features, f"{zone}.zone_air_{role}_temperature_setpoint", value, reason, now))
        point = f"{system.ahu}.supply_air_temperature_setpoint"
        present_c = latest(features, point)
        if runs and math.isfinite(present_c):
            since_s, own_c = self._stands_s(point, present_c, now), self._own_c.setdefault(point, present_c)
            supply_c = rules_air.supply_c(
                system, features, view, site=self.systems.site, present_c=present_c, own_c=own_c, since_s=since_s
            )
            reason = "trimmed while no zone is too warm, brought down by those that are (Guideline 36)"
            wishes.append(self._wish(features, point, supply_c, reason, now))
        return [wish for wish in wishes if wish]

    def propose_crac(self, system: CracSystem, features: Features, now: Instant) -> list[Proposal]:
        """A mild supply and fan, trimmed by the worst rack."""
        supply_point = f"{system.crac}.supply_air_temperature_setpoint"
        speed_point = f"{system.crac}.fan_speed_setpoint"
        supply, speed = latest(features, supply_point), latest(features, speed_point)
        worst = rules_room.worst_inlet_c(system, features)
        if not math.isfinite(worst + supply + speed):
            self._shaper.forget(f"{system.crac}.")
            return []
        since_s = min(self._stands_s(supply_point, supply, now), self._stands_s(speed_point, speed, now))
        supply_to, speed_to, why = rules_room.supply_and_fan(system, worst, supply, speed, since_s)
        wishes = [
            self._wish(features, supply_point, supply_to, why, now),
            self._wish(features, speed_point, speed_to, why, now),
        ]
        return [wish for wish in wishes if wish]

    def propose_plant(self, plant: str, features: Features, now: Instant) -> list[Proposal]:
        """Chilled water as warm as those whom it serves let it be; none while one of them cannot be seen."""
        point = f"{plant}{rules_room.RETURN}"
        present_c = latest(features, point)
        asked = self._requests(features)
        if asked is None or not math.isfinite(present_c):
            return []
        own_c = self._own_c.setdefault(point, present_c)
        since_s = self._stands_s(point, present_c, now)
        reason = "as warm as racks and zones let it be (trim and respond)"
        wish = self._wish(features, point, rules_room.water_c(asked, present_c, own_c, since_s), reason, now)
        return [wish] if wish else []

    def _requests(self, features: Features) -> int | None:
        """Of all racks and zones that are cooled with water; -1: stay."""
        asked = []
        for crac in self.systems.cracs:
            worst = rules_room.worst_inlet_c(crac, features)
            if math.isnan(worst):
                return None
            asked.append(rules_room.requests(crac, worst))
        for ahu in self.systems.ahus:
            view = rules_air.look(ahu, features)
            if not view.is_known:
                return None
            asked += [rules_air.asks(air - rules_air.COOLING_C) for air in view.air_c]
        if not asked:
            return None
        return max(asked) if max(asked) > 0 else min(asked)

    def propose_lifts(self, system: LiftSystem, features: Features, now: Instant) -> list[Proposal]:
        """Cars that stand go dark; half of them rest by night and on free days while nobody calls."""
        told = rules_lifts.cars(system, features, now, self.systems.utc_offset_h)
        if told is None:
            return []
        dark = "light and fan of cars that stand go off after some minutes; they start at once"
        wishes = [
            self._wish(features, f"{system.lifts}.cars_in_service_setpoint", told[0], told[1], now),
            self._wish(features, f"{system.lifts}.standby_depth_setpoint", rules_lifts.DARK, dark, now),
        ]
        return [wish for wish in wishes if wish]

    def _stands_s(self, point: str, value: float, now: Instant) -> float:
        """How long it stands where it is; inf at first."""
        before = self._stood.get(point)
        if before is None or abs(before[0] - value) > 0.01:
            self._stood[point] = (value, now.mono_s)
        return math.inf if before is None else now.mono_s - self._stood[point][1]

    def _wish(self, features: Features, point: str, value: float, reason: str, now: Instant) -> Proposal | None:
        present = latest(features, point)
        return self._shaper.propose(point, value, present, now, source=self.name, reason=reason)
