"""A data hall: racks on CRAHs, chilled water from chillers with a tower, UPS and distribution."""

from __future__ import annotations

from simulator.physics.chillers import ChillerPlant
from simulator.physics.dataroom import DataHall
from simulator.physics.itload import SHAPES, Load
from simulator.sites import building
from simulator.sites.kinds import Order, SiteKind, Size
from simulator.sites.tower import METERS
from simulator.world import Site

SIZES = {
    "racks": Size(8, 1, 40, "racks"),
    "crahs": Size(3, 1, 8, "CRAHs, one more than needed where there are several; called crac1 .. on the wire"),
    "chillers": Size(2, 1, 4, "chillers, of which one can rest on most days"),
    "economizer": Size(0, 0, 1, "1: a heat exchanger lets the tower cool the loop when it is cold"),
    "load": Size(0, 0, 2, "of the servers: 0 diurnal, 1 nightly batch, 2 bursts"),
}
ROOM_USES = ("it", "ups", "pdu", "crac_fan", "chiller", "pump", "tower_fan")
COOLING_W_RACK = 21_000.0
"""Of both chillers together."""


def compose(order: Order) -> Site:
    dice, racks, chillers = order.dice(), order.count("racks"), order.count("chillers")
    hall = building.hall(
        dice, racks, order.count("crahs"), is_coil_wet=True, pdu_share=0.02, ups_square=0.01, ups_rated_w=18e3 * racks
    )
    load = Load(building.rack_w(dice, racks), order.seeds.load, SHAPES[order.count("load")])
    plan = building.chillers(
        dice, chillers, COOLING_W_RACK * racks * 1.4 / chillers, economizer=bool(order.sizes["economizer"])
    )
    plant = ChillerPlant(plan, order.own(ChillerPlant))
    room = DataHall(hall, load, order.own(DataHall), chilled=plant)
    plant.serve([room])
    return Site(parts=(room, plant), meters=METERS, room_uses=ROOM_USES)


KIND = SiteKind(about=__doc__ or "", sizes=SIZES, parts=(DataHall, ChillerPlant), compose=compose)
