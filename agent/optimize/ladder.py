"""Plans one air handler without a model of it: the cautious ladder.

| step                          | needs                                             |
|-------------------------------|---------------------------------------------------|
| edges of the comfort band     | a zone's temperature and a set-point              |
| off, or set back, when empty  | a counter, CO2, or the site's schedule            |
| optimal start                 | warm-up and cool-down rates; a prior where unseen |
| supply air by need            | its set-point; trim and respond                   |

What a site does not have is left out, the rest is done. It runs where a zone's model is not fit, or cannot be learned.
"""

from __future__ import annotations

import numpy as np

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.equipment.systems import AhuSystem
from agent.features.grid import SLOTS, STEP_S, latest
from agent.learn.parameters import OccupancyParameters, ThermostatParameters
from agent.optimize import floor
from agent.optimize.floor import COOLING, HEATING, Bands, Present, Watchman, Wish
from agent.optimize.forecast import Crowd, crowd_of
from agent.optimize.shape import Shaper
from agent.optimize.supply import SupplyReset

SLACK_H = 0.25
"""A start so much earlier than the rates ask for."""


class ZoneLadder:
    """The ladder of one air handler (or of one zone without any). Remembers how far it has trimmed the supply air."""

    def __init__(
        self,
        system: AhuSystem,
        occupancy: OccupancyParameters,
        thermostats: ThermostatParameters,
        shaper: Shaper,
        *,
        site: str,
        utc_offset_h: float,
    ) -> None:
        self.system = system
        self.occupancy = occupancy
        self.thermostats = thermostats
        self._shaper = shaper
        self._site = site
        self._offset_h = utc_offset_h
        self._bands = Bands.of(system, thermostats)
        self._watchman = Watchman(occupancy, thermostats, self._bands, utc_offset_h)
        self._reset = SupplyReset(system, self._bands, shaper)

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        """Wishes for this air handler; none while a zone cannot be seen."""
        present = floor.look(features, self.system, self.occupancy, self._site, self._offset_h)
        if not present.is_known:
            self._shaper.forget(f"{self.system.ahu}.")
            return []
        crowd = crowd_of(self.occupancy, present.people, now.unix_s, self._offset_h)
        is_on, why = self._is_on(present, crowd, now)
        wishes: list[Wish] = []
        if is_on or not self._watchman.leaves:
            wishes.append((f"{self.system.ahu}.on_off_command", float(is_on), why, 0.0))
        for z in range(len(self.system.zones)):
            wishes += self._setpoints(z, is_on, present, crowd)
        wishes += self._reset.wish(features, is_on, present, now)
        proposals = [
            self._shaper.propose(
                point, value, latest(features, point), now, source="ladder", reason=reason, dead_band=dead
            )
            for point, value, reason, dead in wishes
        ]
        return [proposal for proposal in proposals if proposal is not None]

    def _is_on(self, present: Present, crowd: Crowd, now: Instant) -> tuple[bool, str]:
        extra = self._watchman.extra(present, now)
        if (present.people > 0.0).any():
            return True, "somebody is in"
        if crowd.need[:2].any():
            return True, "people are expected now"
        if extra is not None:
            return True, extra
        steps = int(np.argmax(crowd.need)) if crowd.need.any() else SLOTS
        if steps >= SLOTS:
            return False, "nobody is in and nobody is expected within a day"
        until_h, lead_h = steps * STEP_S / 3600.0, self._lead_h(present)
        if until_h <= lead_h + SLACK_H:
            return True, f"people are expected in {until_h:.1f} h, and the zones need {lead_h:.1f} h to be ready"
        return False, f"nobody is in; people are expected in {until_h:.1f} h, the zones need {lead_h:.1f} h"

    def _lead_h(self, present: Present) -> float:
        """Hours that the zone furthest from its band needs, at the rates that were seen."""
        cold = float(np.max(self._bands.low - present.air_c)) / self.thermostats.heat_k_h
        warm = float(np.max(present.air_c - self._bands.high)) / self.thermostats.cool_k_h
        return min(self.thermostats.lead_h, max(0.0, cold, warm))

    def _setpoints(self, z: int, is_on: bool, present: Present, crowd: Crowd) -> list[Wish]:
        """Both of one zone; a machine that cannot be switched is set back instead."""
        low, high = float(self._bands.low[z]), float(self._bands.high[z])
        why = f"the comfort band less {low - self.system.comfort_low_c:.1f} K for how the zone swings"
        if not is_on and (self._watchman.leaves or not floor.can_switch(self._shaper, self.system.ahu)):
            low, high = self._watchman.own_setback_c, floor.SETBACK_HIGH_C
            why = "set back: nobody is in, and nobody is expected yet"
        elif floor.is_spare(z, present, crowd):
            low, high = floor.RELAXED_LOW_C, floor.RELAXED_HIGH_C
            why = "nobody is in this zone and nobody is expected for two hours"
        zone = self.system.zones[z]
        return [(f"{zone}.{COOLING}", high, why, 0.15), (f"{zone}.{HEATING}", low, why, 0.15)]
