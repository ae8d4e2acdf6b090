"""A low office: one roof-top unit a zone, with gas or a heat pump, and perhaps solar cells and a battery."""

from __future__ import annotations

from simulator.parts import Part
from simulator.physics.electrical import Battery, Pv
from simulator.physics.packaged import PackagedFloor
from simulator.sites import building
from simulator.sites.kinds import Order, SiteKind, Size
from simulator.world import Site

SIZES = {
    "zones": Size(4, 1, 40, "zones of 200 m2, each with a unit of its own"),
    "people": Size(10, 1, 40, "people a zone"),
    "heat_pump": Size(0, 0, 1, "1: heat pumps, 0: gas burners"),
    "economizer": Size(1, 0, 1, "1: dampers open when it is cooler outdoors"),
    "pv_kw": Size(0, 0, 500, "solar cells, kW peak; 0: none"),
    "battery_kwh": Size(0, 0, 1000, "battery, kWh; 0: none"),
}


def compose(order: Order) -> Site:
    dice, count = order.dice(), order.count("zones")
    drawn = building.zones(dice, count, fabric=order.fabric)
    gains = building.gains(
        order.fabric.gains * dice(building.LIGHT_W), order.fabric.gains * dice(building.PLUG_BASE_W), count
    )
    plan = building.packaged(
        dice,
        drawn,
        gains,
        heating="heat-pump" if order.sizes["heat_pump"] else "gas",
        economizer="dry-bulb" if order.sizes["economizer"] else "none",
    )
    people = order.people(count, order.count("people"))
    parts: list[Part] = [PackagedFloor(plan, people, slice(0, count), order.own(PackagedFloor))]
    sizes = order.sizes
    parts += building.sources(sizes["pv_kw"], sizes["battery_kwh"], parts, len(order.first_days), order.own(Battery))
    return Site(parts=tuple(parts), meters={"meter1": ()})


KIND = SiteKind(about=__doc__ or "", sizes=SIZES, parts=(PackagedFloor, Pv, Battery), compose=compose)
