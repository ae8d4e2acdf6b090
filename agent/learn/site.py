"""Learns everything of a site from its history; pure, some seconds long: run it off the loop."""

from __future__ import annotations

from agent.core.features import Features
from agent.equipment.systems import Systems
from agent.features.grid import DAY_S, grid_of
from agent.learn.crac import learn_room
from agent.learn.occupancy import learn_occupancy
from agent.learn.parameters import Parameters
from agent.learn.thermostats import learn_thermostats
from agent.learn.zones import learn_ahu


def learn(history: Features, systems: Systems) -> Parameters:
    """What the history tells; a machine whose columns are missing is left out."""
    grid = grid_of(history)
    site, offset_h = systems.site, systems.utc_offset_h
    ahus = [learn_ahu(grid, ahu, site, offset_h) for ahu in systems.ahus]
    rooms = [learn_room(grid, room, site, offset_h) for room in systems.rooms]
    return Parameters(
        learned_unix_s=history.at.unix_s,
        days=float(history.mask.any(axis=1).sum()) * history.grid_s / DAY_S,
        ahus=tuple(fit for fit in ahus if fit is not None),
        occupancy=tuple(learn_occupancy(grid, ahu, offset_h) for ahu in systems.ahus),
        thermostats=tuple(learn_thermostats(grid, ahu, offset_h) for ahu in systems.ahus),
        rooms=tuple(fit for fit in rooms if fit is not None),
    )
