"""An office floor with its air handler, a data room with a CRAC, and a lift group behind one meter."""

from __future__ import annotations

from simulator.physics.dataroom import DataHall
from simulator.physics.floor import Floor
from simulator.physics.itload import SHAPES, Load
from simulator.physics.lifts import LiftGroup, Traffic
from simulator.sites import building
from simulator.sites.kinds import Order, SiteKind, Size
from simulator.world import Site

SIZES = {
    "zones": Size(4, 1, 40, "zones of 200 m2 behind one air handler"),
    "people": Size(12, 1, 40, "people a zone"),
    "racks": Size(4, 1, 40, "racks of the data room"),
    "cars": Size(4, 1, 8, "lift cars"),
    "load": Size(0, 0, 2, "of the servers: 0 diurnal, 1 nightly batch, 2 bursts"),
}
METERS = {"meter1": (), "meter2": ("it", "ups", "pdu")}
ROOM_USES = ("it", "ups", "pdu", "crac_fan", "compressor")


def compose(order: Order) -> Site:
    """The order of the dice is part of what a seed means: do not change it."""
    dice, zones, racks = order.dice(), order.count("zones"), order.count("racks")
    fabric = order.fabric
    drawn = building.zones(dice, zones, fabric=fabric)
    handler = building.air_handler(dice, zones)
    hall = building.hall(dice, racks)
    group = building.lifts(dice, order.count("cars"))
    nominal_w = building.rack_w(dice, racks)
    light, base = fabric.gains * dice(building.LIGHT_W), fabric.gains * dice(building.PLUG_BASE_W)
    plan = building.floor_plan(drawn, handler, building.gains(light, base, zones))
    people = order.people(zones, order.count("people"))
    load = Load(nominal_w, order.seeds.load, SHAPES[order.count("load")])
    traffic = Traffic(people, order.seeds.traffic, group.floors_like_ours)
    return Site(
        parts=(
            Floor(plan, people, slice(0, zones), order.own(Floor)),
            DataHall(hall, load, order.own(DataHall)),
            LiftGroup(group, traffic, order.own(LiftGroup)),
        ),
        meters=METERS,
        room_uses=ROOM_USES,
    )


KIND = SiteKind(about=__doc__ or "", sizes=SIZES, parts=(Floor, DataHall, LiftGroup), compose=compose)
