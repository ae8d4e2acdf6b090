"""The planner: ONNX models for machines that are learned well, the baseline's rules elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

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
from agent.optimize.lifts import LiftPlanner
from agent.optimize.objective import Objective
from agent.optimize.shape import Shaper
from agent.optimize.zones import ZonePlanner

MODELS = Path(__file__).parents[2] / "models"


class MachinePlanner(Protocol):
    """Plans one machine with what was learned of it."""

    def propose(self, features: Features, now: Instant) -> list[Proposal]: ...


class OnnxPlanner:
    """A strategy for a whole site; a machine whose fit is poor follows the baseline's rules."""

    name = "planner"

    def __init__(
        self, systems: Systems, envelope: Envelope, parameters: Parameters | None = None, *, models: Path = MODELS
    ) -> None:
        """Raises ModelError when a model folder is damaged. Without parameters all machines follow the rules."""
        self.systems = systems
        self.objective = Objective(
            aim=systems.aim, tariff=systems.tariff, utc_offset_h=systems.utc_offset_h, site=systems.site
        )
        self._shaper = Shaper(envelope)
        self._rules = Baseline(systems, envelope)
        self._zone_host = ModelHost(models / "zone_ahu") if systems.ahus else None
        self._crac_host = ModelHost(models / "crac") if systems.cracs else None
        self._lift_host = ModelHost(models / "lift_group") if systems.lifts else None
        self.faults: list[str] = []
        """What the models refused in the last cycle; the rules run these machines."""
        self._machines: dict[str, MachinePlanner] = {}
        if parameters is not None:
            self.adopt(parameters)

    def adopt(self, parameters: Parameters) -> None:
        """Plan with newly learned parameters from the next cycle on; what no longer fits falls back to the rules."""
        self._machines = {
            **self._zone_planners(parameters),
            **self._crac_planners(parameters),
            **self._lift_planners(parameters),
        }

    def _zone_planners(self, parameters: Parameters) -> dict[str, MachinePlanner]:
        pairs = {ahu.ahu: (ahu, people) for ahu, people in zip(parameters.ahus, parameters.occupancy, strict=True)}
        host, systems = self._zone_host, self.systems
        return {
            ahu.ahu: ZonePlanner(
                ahu, *pairs[ahu.ahu], host, self._shaper, site=systems.site, utc_offset_h=systems.utc_offset_h
            )
            for ahu in systems.ahus
            if host is not None and ahu.ahu in pairs and pairs[ahu.ahu][0].is_fit
        }

    def _crac_planners(self, parameters: Parameters) -> dict[str, MachinePlanner]:
        cracs = {crac.crac: crac for crac in parameters.cracs if crac.is_fit}
        host, systems = self._crac_host, self.systems
        return {
            crac.crac: CracPlanner(
                crac, cracs[crac.crac], host, self._shaper, site=systems.site, utc_offset_h=systems.utc_offset_h
            )
            for crac in systems.cracs
            if host is not None and crac.crac in cracs
        }

    def _lift_planners(self, parameters: Parameters) -> dict[str, MachinePlanner]:
        groups = {group.lifts: group for group in parameters.lifts if group.is_fit}
        host, systems = self._lift_host, self.systems
        return {
            group.lifts: LiftPlanner(
                group,
                groups[group.lifts],
                host,
                self._shaper,
                utc_offset_h=systems.utc_offset_h,
                objective=self.objective,
            )
            for group in systems.lifts
            if host is not None and group.lifts in groups
        }

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        """Wishes for this cycle; none for a machine that cannot be seen. Where a model refuses the rules run."""
        self.faults = []
        rules = self._rules
        wishes: list[Proposal] = []
        for ahu in self.systems.ahus:
            planned = self._ask(ahu.ahu, features, now)
            wishes += rules.propose_ahu(ahu, features, now) if planned is None else planned
        for crac in self.systems.cracs:
            planned = self._ask(crac.crac, features, now)
            wishes += rules.propose_crac(crac, features, now) if planned is None else planned
        for lifts in self.systems.lifts:
            planned = self._ask(lifts.lifts, features, now)
            wishes += rules.propose_lifts(lifts, features, now) if planned is None else planned
        return wishes

    def _ask(self, machine: str, features: Features, now: Instant) -> list[Proposal] | None:
        """None: the rules have to run it. An empty list: something needed cannot be seen, hands off."""
        planner = self._machines.get(machine)
        if planner is None:
            return None
        try:
            return planner.propose(features, now)
        except ModelError as fault:
            self.faults.append(f"{machine}: {fault}")
            return None
