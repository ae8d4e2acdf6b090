"""A clinic: wards that never sleep beside consulting rooms, an air handler with a gas boiler for reheat, bed lifts."""

from __future__ import annotations

from simulator.physics.floor import Floor
from simulator.physics.hotwater import HotWater
from simulator.physics.lifts import LiftGroup, Traffic
from simulator.sites import building
from simulator.sites.kinds import Order, SiteKind, Size
from simulator.world import Site

SIZES = {
    "zones": Size(4, 2, 20, "zones of 200 m2, of which the first half is wards"),
    "people": Size(10, 1, 40, "people a zone"),
    "cars": Size(3, 1, 8, "lift cars"),
}


def compose(order: Order) -> Site:
    dice, fabric, zones = order.dice(), order.fabric, order.count("zones")
    drawn = building.zones(dice, zones, fabric=fabric)
    handler = building.air_handler(dice, zones, heating="hot-water", is_coil_wet=True)
    light, base = fabric.gains * dice(building.LIGHT_W), fabric.gains * dice(building.PLUG_BASE_W)
    plan = building.floor_plan(drawn, handler, building.gains(light, base, zones), heating_from="hot-water")
    people = order.people(zones, order.count("people"), habits="clinic")
    hot = HotWater(building.boiler(dice, 12_500.0 * zones), [], order.own(HotWater))
    own = {"start_h": 0.0, "stop_h": 24.0} | order.own(Floor)
    floor = Floor(plan, people, slice(0, zones), own, hot=hot)
    hot.clients = [floor]
    group = building.lifts(dice, order.count("cars"), floors_like_ours=5.0)
    traffic = Traffic(people, order.seeds.traffic, group.floors_like_ours)
    return Site(parts=(floor, hot, LiftGroup(group, traffic, order.own(LiftGroup))), meters={"meter1": ()})


KIND = SiteKind(about=__doc__ or "", sizes=SIZES, parts=(Floor, HotWater, LiftGroup), compose=compose)
