"""Lifts: waiting grows with traffic and falls with cars, sleep saves, waking takes time, worlds live alone."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from simulator.parts import Dice
from simulator.physics.lifts import FLOORS, LiftGroup, Traffic, round_trip, service
from simulator.physics.occupancy import People
from simulator.sites import building
from tests.simulator.still import still_sky, value

MONDAY = date(2019, 7, 1)
CARS = "lifts1.cars_in_service_setpoint"
DEPTH = "lifts1.standby_depth_setpoint"


def group(seeds=(5,), **kinds) -> LiftGroup:
    people = People(4, 12, list(seeds), [MONDAY] * len(seeds))
    plan = building.lifts(Dice(list(seeds), 0.0), **kinds)
    return LiftGroup(plan, Traffic(people, list(seeds), plan.floors_like_ours))


def day(part: LiftGroup, held: dict[str, float] | None = None, minutes: int = 1440) -> np.ndarray:
    """Power of each minute, W [minutes, worlds]."""
    sky = still_sky(20.0, worlds=part.worlds)
    orders = np.array([[(held or {}).get(name, np.nan)] * part.worlds for name in part.writable])
    part.begin_day(0, sky)
    rows = []
    for minute in range(minutes):
        part.advance(minute, sky, orders)
        rows.append(part.power_w[0].copy())
    return np.array(rows)


def test_one_passenger_makes_one_stop():
    seconds, stops = round_trip(np.array(1.0))
    assert stops == pytest.approx(1.0)
    assert seconds > 2.0 * 1.7 * (FLOORS + 1) / 2


def test_more_cars_wait_less_and_more_traffic_waits_more():
    waiting = service(4).waiting_s
    assert (np.diff(waiting[1:, 60]) < 0.0).all()
    assert waiting[4, 120] > waiting[4, 10]
    assert service(4).capacity_per_min[4, 50] == pytest.approx(4.0 * service(4).capacity_per_min[1, 50])


def test_a_morning_is_busier_than_a_night():
    part = group()
    power = day(part)[:, 0]
    assert power[8 * 60 : 10 * 60].mean() > power[: 5 * 60].mean() + 300.0
    assert part.runs[0] > 300.0


def test_cars_out_of_service_sleep():
    held = {CARS: 1.0}
    night = slice(60, 300)
    assert day(group(), held)[night].mean() < 0.5 * day(group())[night].mean()


def test_a_car_takes_minutes_to_wake():
    part = group()
    day(part, {CARS: 1.0}, 5)
    assert part.in_service[0] == 1
    sky, orders = still_sky(20.0), np.array([[3.0]])
    served = []
    for minute in range(5, 12):
        part.advance(minute, sky, orders)
        served.append(int(part.in_service[0]))
    assert served == [1, 1, 2, 2, 2, 3, 3]


def test_idle_is_standing_lit_for_a_quarter_of_an_hour():
    part = group()
    day(part)
    sums = part.books.sums
    assert 0.3 < sums["idle_s/lifts1"][0] / sums["running_s/lifts1"][0] < 0.95
    assert sums["running_s/lifts1"][0] == pytest.approx(4 * 86400.0)


def test_deeper_standby_takes_less_and_wakes_later():
    kwh = [day(group(has_depth=True), {DEPTH: depth}).sum() / 60e3 for depth in (0.0, 1.0, 2.0)]
    assert kwh[0] > 1.1 * kwh[1] > 1.2 * kwh[2]
    part = group(has_depth=True)
    day(part, {DEPTH: 1.0}, 3)
    assert value(part, DEPTH) == 1.0


def test_regeneration_gives_back_a_share_of_the_runs_only():
    plain, green = day(group()), day(group(regenerated=0.3))
    assert green.sum() < plain.sum()
    assert green[180].item() >= 4 * 420.0 - 1e-6


def test_waits_are_booked_by_passenger():
    part = group()
    day(part)
    sums = part.books.sums
    assert sums["wait_hist"].sum() == sums["waited"][0] > 300.0
    assert 2.0 < sums["wait_s"][0] / sums["waited"][0] < 40.0


def test_each_world_lives_alone():
    together, alone = group((5, 6, 7)), group((6,))
    assert np.array_equal(day(together)[:, 1], day(alone)[:, 0])
