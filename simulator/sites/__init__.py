"""Whole sites, composed of parts: `SITES` by the name that a scenario gives under `site`."""

from __future__ import annotations

from simulator.sites import clinic, data_hall, large_office, lift_tower, server_room, small_office, tower
from simulator.sites.kinds import SiteKind

SITES: dict[str, SiteKind] = {
    "tower": tower.KIND,
    "large-office": large_office.KIND,
    "small-office": small_office.KIND,
    "clinic": clinic.KIND,
    "server-room": server_room.KIND,
    "data-hall": data_hall.KIND,
    "lift-tower": lift_tower.KIND,
}
