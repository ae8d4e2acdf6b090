"""Lift groups of a tall house, with standby that can be told to go deeper; nothing else is looked at."""

from __future__ import annotations

from simulator.physics.lifts import LiftGroup, Traffic
from simulator.sites import building
from simulator.sites.kinds import Order, SiteKind, Size
from simulator.world import Site

SIZES = {
    "groups": Size(2, 1, 6, "lift groups"),
    "cars": Size(4, 1, 8, "cars a group"),
    "people": Size(12, 1, 40, "people on each of four floors we know; ten times as many ride"),
    "regenerated": Size(0.25, 0.0, 0.45, "share of an empty or full car's run energy that the drives feed back"),
}


def compose(order: Order) -> Site:
    dice, groups = order.dice(), order.count("groups")
    people = order.people(4, order.count("people"))
    parts = []
    for n in range(groups):
        plan = building.lifts(
            dice,
            order.count("cars"),
            group=f"lifts{1 + n}",
            floors_like_ours=10.0 / groups,
            has_depth=True,
            regenerated=float(order.sizes["regenerated"]),
        )
        seeds = [seed + n for seed in order.seeds.traffic]
        parts.append(LiftGroup(plan, Traffic(people, seeds, plan.floors_like_ours), order.own(LiftGroup)))
    return Site(parts=tuple(parts), meters={"meter1": ()})


KIND = SiteKind(about=__doc__ or "", sizes=SIZES, parts=(LiftGroup,), compose=compose)
