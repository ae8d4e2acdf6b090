"""The planner: ONNX models for zones, air handlers and CRACs that are learned well, the baseline's rules elsewhere."""

from __future__ import annotations

from pathlib import Path

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.errors import ModelError
from agent.core.features import Features
from agent.core.limits import Envelope
from agent.equipment.systems import Systems
from agent.learn.parameters import Parameters
from agent.optimize.baseline import Baseline
from agent.optimize.crac import CracPlanner
from agent.optimize.host import ModelHost
from agent.optimize.ladder import ZoneLadder
from agent.optimize.shape import Shaper
from agent.optimize.zones import ZonePlanner

MODELS = Path(__file__).parents[2] / "models"


class OnnxPlanner:
    """A strategy for a whole site. Lifts follow the baseline's rules; so does a machine whose fit is poor."""

    name = "planner"

    def __init__(
        self, systems: Systems, envelope: Envelope, parameters: Parameters | None = None, *, models: Path = MODELS
    ) -> None:
        """Raises ModelError when a model folder is damaged. Without parameters all machines follow the rules."""
        self.systems = systems
        self._shaper = Shaper(envelope)
        self._rules = Baseline(systems, envelope)
        self._zone_host = ModelHost(models / "zone_ahu") if systems.ahus else None
        self._crac_host = ModelHost(models / "crac") if systems.rooms else None
        self.faults: list[str] = []
        """What the models refused in the last cycle; the machines concerned keep their hands off."""
        self._zones: dict[str, ZonePlanner | ZoneLadder] = {}
        self._rooms: dict[str, CracPlanner] = {}
        if parameters is not None:
            self.adopt(parameters)

    def adopt(self, parameters: Parameters) -> None:
        """Plan with newly learned parameters from the next cycle on; what no longer fits falls back to the rules."""
        self._zones, self._rooms = {}, {}
        systems = self.systems
        where = {"site": systems.site, "utc_offset_h": systems.utc_offset_h}
        fits = {fit.ahu: fit for fit in parameters.ahus if fit.is_fit}
        crowds, ways = ({told.ahu: told for told in group} for group in (parameters.occupancy, parameters.thermostats))
        rooms = {room.room: room for room in parameters.rooms}
        for ahu in systems.ahus:
            if ahu.ahu not in crowds or ahu.ahu not in ways:
                continue
            seen = (crowds[ahu.ahu], ways[ahu.ahu])
            is_variable = self._shaper.has(f"{ahu.ahu}.supply_air_temperature_setpoint")
            if self._zone_host is not None and ahu.ahu in fits and is_variable:
                self._zones[ahu.ahu] = ZonePlanner(ahu, fits[ahu.ahu], *seen, self._zone_host, self._shaper, **where)  # type: ignore[arg-type]
            else:
                self._zones[ahu.ahu] = ZoneLadder(ahu, *seen, self._shaper, **where)  # type: ignore[arg-type]
        for room in systems.rooms:
            if self._crac_host is not None and room.room in rooms and rooms[room.room].is_fit:
                self._rooms[room.room] = CracPlanner(room, rooms[room.room], self._crac_host, self._shaper, **where)  # type: ignore[arg-type]

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        """Wishes for this cycle; a machine whose inputs are unknown, or whose model refuses, gets none."""
        self.faults = []
        wishes: list[Proposal] = []
        for ahu in self.systems.ahus:
            zones = self._zones.get(ahu.ahu)
            wishes += self._rules.propose_ahu(ahu, features, now) if zones is None else self._ask(zones, features, now)
        planned = {crac for room in self.systems.rooms if room.room in self._rooms for crac in room.cracs}
        for room in self._rooms.values():
            wishes += self._ask(room, features, now)
        for crac in self.systems.cracs:
            if crac.crac not in planned:
                wishes += self._rules.propose_crac(crac, features, now)
        for lifts in self.systems.lifts:
            wishes += self._rules.propose_lifts(lifts, features, now)
        return wishes

    def _ask(self, planner: ZonePlanner | ZoneLadder | CracPlanner, features: Features, now: Instant) -> list[Proposal]:
        try:
            return planner.propose(features, now)
        except ModelError as fault:
            self.faults.append(str(fault))
            return []
