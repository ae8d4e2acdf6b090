"""Makes a planner for each machine that was learned well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.equipment.systems import Systems
from agent.learn.parameters import Parameters
from agent.optimize.crac import CracPlanner
from agent.optimize.host import ModelHost
from agent.optimize.hosts import Hosts
from agent.optimize.ladder import ZoneLadder
from agent.optimize.lifts import LiftPlanner
from agent.optimize.objective import Objective
from agent.optimize.shape import Shaper
from agent.optimize.zones import ZonePlanner


class MachinePlanner(Protocol):
    """Plans one machine with what was learned of it."""

    def propose(self, features: Features, now: Instant) -> list[Proposal]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A machine's planner, the host that its graph runs in, and what measures it."""

    planner: MachinePlanner
    host: ModelHost | None
    meters: tuple[str, ...]
    """Power meters that together measure what the graph's `energy_kwh` foretells; none: it is not compared."""
    spare: MachinePlanner | None = None
    """Runs it while the planner is not trusted; without one the rules do."""


def planners_of(
    systems: Systems, parameters: Parameters, hosts: Hosts, shaper: Shaper, objective: Objective
) -> dict[str, Planned]:
    """By machine; without those whose fit is poor."""
    return {
        **dict(_zones(systems, parameters, hosts.get("zone_ahu"), shaper, objective)),
        **dict(_rooms(systems, parameters, hosts.get("crac"), shaper, objective)),
        **dict(_lifts(systems, parameters, hosts.get("lift_group"), shaper, objective)),
    }


def _zones(
    systems: Systems, parameters: Parameters, host: ModelHost | None, shaper: Shaper, objective: Objective
) -> Iterator[tuple[str, Planned]]:
    """A ladder for those without a model, or without a supply air to choose."""
    fits = {fit.ahu: fit for fit in parameters.ahus if fit.is_fit}
    crowds = {told.ahu: told for told in parameters.occupancy}
    ways = {told.ahu: told for told in parameters.thermostats}
    where: dict[str, Any] = {"site": systems.site, "utc_offset_h": systems.utc_offset_h}
    for ahu in systems.ahus:
        if ahu.ahu not in crowds or ahu.ahu not in ways:
            continue
        crowd, way = crowds[ahu.ahu], ways[ahu.ahu]
        ladder = ZoneLadder(ahu, crowd, way, shaper, **where)
        if host is not None and ahu.ahu in fits and shaper.has(f"{ahu.ahu}.supply_air_temperature_setpoint"):
            planner = ZonePlanner(ahu, fits[ahu.ahu], crowd, way, host, shaper, **where, objective=objective)
            yield ahu.ahu, Planned(planner=planner, host=host, meters=planner.meters, spare=ladder)
        else:
            yield ahu.ahu, Planned(planner=ladder, host=None, meters=())


def _rooms(
    systems: Systems, parameters: Parameters, host: ModelHost | None, shaper: Shaper, objective: Objective
) -> Iterator[tuple[str, Planned]]:
    learned = {room.room: room for room in parameters.rooms if room.is_fit}
    where: dict[str, Any] = {"site": systems.site, "utc_offset_h": systems.utc_offset_h}
    for room in systems.rooms:
        if host is not None and room.room in learned:
            planner = CracPlanner(room, learned[room.room], host, shaper, **where, objective=objective)
            yield room.room, Planned(planner=planner, host=host, meters=planner.meters)


def _lifts(
    systems: Systems, parameters: Parameters, host: ModelHost | None, shaper: Shaper, objective: Objective
) -> Iterator[tuple[str, Planned]]:
    learned = {group.lifts: group for group in parameters.lifts if group.is_fit}
    for group in systems.lifts:
        if host is not None and group.lifts in learned:
            planner = LiftPlanner(
                group, learned[group.lifts], host, shaper, utc_offset_h=systems.utc_offset_h, objective=objective
            )
            yield group.lifts, Planned(planner=planner, host=host, meters=planner.meters)
