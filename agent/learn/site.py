"""Learns everything of a site from its history; pure, some seconds long: run it off the loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from agent.core.features import Features
from agent.equipment.systems import Systems
from agent.features.grid import DAY_S, grid_of
from agent.learn.crac import learn_room
from agent.learn.lifts import learn_lifts
from agent.learn.occupancy import learn_occupancy
from agent.learn.parameters import Distrust, Parameters
from agent.learn.thermostats import learn_thermostats
from agent.learn.zones import learn_ahu


def _without_before(history: Features, systems: Systems, distrusts: tuple[Distrust, ...]) -> Features:
    """Of a machine that is not what it was, only what came since that was noticed."""
    values = history.values
    rows = np.arange(len(values))
    for told in distrusts:
        gone = history.at.unix_s - (len(values) - 1 - rows) * history.grid_s < told.since_unix_s
        if gone.any() and not gone.all():
            values = np.where(gone[:, None] & _columns_of(told.machine, systems, history), np.nan, values)
    values = values.astype(np.float32)
    return replace(history, values=values, mask=np.isfinite(values))


def _columns_of(machine: str, systems: Systems, history: Features) -> npt.NDArray[np.bool_]:
    """The machine's own columns, and its room's or its zones', bool [1, n]."""
    zones = [zone for ahu in systems.ahus if ahu.ahu == machine for zone in ahu.zones]
    parts = [part for room in systems.rooms if room.room == machine for part in (*room.cracs, room.plant)]
    ids = {machine, *zones, *parts}
    return np.array([[name.partition(".")[0] in ids for name in history.names]])


def learn(history: Features, systems: Systems, distrusts: tuple[Distrust, ...] = ()) -> Parameters:
    """What the history tells; a machine whose columns are missing is left out.

    Of a machine that is distrusted only what came since is taken for its model; its people come and go as ever, and
    whoever runs it meanwhile needs to know them.
    """
    whole, grid = grid_of(history), grid_of(_without_before(history, systems, distrusts))
    site, offset_h = systems.site, systems.utc_offset_h
    ahus = [learn_ahu(grid, ahu, site, offset_h) for ahu in systems.ahus]
    rooms = [learn_room(grid, room, site, offset_h) for room in systems.rooms]
    groups = [learn_lifts(grid, group, offset_h) for group in systems.lifts]
    return Parameters(
        learned_unix_s=history.at.unix_s,
        days=float(history.mask.any(axis=1).sum()) * history.grid_s / DAY_S,
        ahus=tuple(fit for fit in ahus if fit is not None),
        occupancy=tuple(learn_occupancy(whole, ahu, offset_h) for ahu in systems.ahus),
        thermostats=tuple(learn_thermostats(whole, ahu, offset_h) for ahu in systems.ahus),
        rooms=tuple(fit for fit in rooms if fit is not None),
        lifts=tuple(fit for fit in groups if fit is not None),
        distrusts=distrusts,
    )
