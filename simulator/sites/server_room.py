"""A server room cooled by CRACs of its own, one more than needed where there are several."""

from __future__ import annotations

from simulator.physics.dataroom import DataHall
from simulator.physics.itload import SHAPES, Load
from simulator.sites import building
from simulator.sites.kinds import Order, SiteKind, Size
from simulator.sites.tower import METERS, ROOM_USES
from simulator.world import Site

SIZES = {
    "racks": Size(4, 1, 40, "racks"),
    "cracs": Size(1, 1, 8, "CRACs"),
    "load": Size(0, 0, 2, "of the servers: 0 diurnal, 1 nightly batch, 2 bursts"),
}


def compose(order: Order) -> Site:
    dice, racks = order.dice(), order.count("racks")
    hall = building.hall(dice, racks, order.count("cracs"), is_coil_wet=True, pdu_share=0.015)
    load = Load(building.rack_w(dice, racks), order.seeds.load, SHAPES[order.count("load")])
    return Site(parts=(DataHall(hall, load, order.own(DataHall)),), meters=METERS, room_uses=ROOM_USES)


KIND = SiteKind(about=__doc__ or "", sizes=SIZES, parts=(DataHall,), compose=compose)
