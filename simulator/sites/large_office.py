"""Office floors with an air handler each, on chilled water and hot water from a plant, and lifts."""

from __future__ import annotations

from simulator.physics.chillers import ChillerPlant
from simulator.physics.floor import Floor
from simulator.physics.hotwater import HotWater
from simulator.physics.lifts import LiftGroup, Traffic
from simulator.sites import building
from simulator.sites.kinds import Order, SiteKind, Size
from simulator.world import Site

SIZES = {
    "floors": Size(2, 1, 10, "floors, each with an air handler"),
    "zones": Size(4, 1, 8, "zones of 200 m2 a floor"),
    "people": Size(12, 1, 40, "people a zone"),
    "chillers": Size(2, 1, 4, "chillers, which together can cool the building on its hottest day"),
    "cars": Size(4, 1, 8, "lift cars"),
    "heat_pump": Size(0, 0, 1, "hot water from 1: an air-to-water heat pump, 0: a gas boiler"),
    "economizer": Size(1, 0, 2, "dampers: 0 fixed, 1 by temperature, 2 by enthalpy"),
}
ECONOMIZERS = ("none", "dry-bulb", "enthalpy")
COOLING_W, HEATING_W = 58_000.0, 50_000.0
"""A floor of four zones, coils and reheat together."""


def compose(order: Order) -> Site:
    dice, fabric = order.dice(), order.fabric
    floors, zones = order.count("floors"), order.count("zones")
    people = order.people(floors * zones, order.count("people"))
    size = floors * zones / 4.0
    chillers = order.count("chillers")
    plant = ChillerPlant(building.chillers(dice, chillers, COOLING_W * size / chillers), order.own(ChillerPlant))
    boiler = building.boiler(dice, HEATING_W * size, source="heat-pump" if order.sizes["heat_pump"] else "boiler")
    served = []
    hot = HotWater(boiler, served, order.own(HotWater))
    for n in range(floors):
        drawn = building.zones(dice, zones, fabric=fabric)
        handler = building.air_handler(
            dice,
            zones,
            cooling="chilled-water",
            heating="hot-water",
            economizer=ECONOMIZERS[order.count("economizer")],
            is_coil_wet=True,
        )
        light, base = fabric.gains * dice(building.LIGHT_W), fabric.gains * dice(building.PLUG_BASE_W)
        plan = building.floor_plan(
            drawn,
            handler,
            building.gains(light, base, zones),
            ahu=f"ahu{1 + n}",
            first_zone=1 + n * zones,
            heating_from="hot-water",
        )
        ours = slice(n * zones, (n + 1) * zones)
        served.append(Floor(plan, people, ours, order.own(Floor), chilled=plant, hot=hot))
    plant.serve(served)
    hot.clients = list(served)
    group = building.lifts(dice, order.count("cars"), floors_like_ours=10.0 / floors)
    traffic = Traffic(people, order.seeds.traffic, group.floors_like_ours)
    return Site(
        parts=(*served, plant, hot, LiftGroup(group, traffic, order.own(LiftGroup))),
        meters={"meter1": ()},
    )


KIND = SiteKind(about=__doc__ or "", sizes=SIZES, parts=(Floor, ChillerPlant, HotWater, LiftGroup), compose=compose)
