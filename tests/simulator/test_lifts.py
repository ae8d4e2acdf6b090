"""The lifts obey their laws: fewer cars, longer waits; a car that sleeps is cheaper and wakes slowly."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import lifts
from simulator.physics.lifts import Lifts, service
from simulator.sites import building

GROUP = building.draw(0, 0.0).lifts


def test_round_trip_of_one_passenger_by_hand():
    """One passenger: one stop, highest floor 6.5 on average; 2 x 6.5 x 1.7 + 2 x 8 + 2 x 1.2 s."""
    seconds, stops = lifts.round_trip(1.0)
    assert stops == pytest.approx(1.0)
    assert seconds == pytest.approx(2 * 6.5 * 1.7 + 2 * 8.0 + 2.4)


@given(passengers=st.integers(0, 60))
def test_fewer_cars_wait_longer(passengers):
    waits = [service(cars, passengers).waiting_s for cars in (1, 2, 3, 4)]
    assert all(more <= fewer for fewer, more in pairwise(waits))


@given(cars=st.integers(1, 4), passengers=st.integers(0, 100))
def test_fuller_cars_run_less_a_passenger(cars, passengers):
    assert service(cars, passengers + 5).runs_per_passenger <= service(cars, passengers).runs_per_passenger + 1e-9


def test_a_sleeping_car_takes_little():
    awake, asleep = Lifts(GROUP), Lifts(GROUP)
    awake.advance(0.0, 0.0, 4)
    asleep.advance(0.0, 0.0, 1)
    assert awake.power_w == pytest.approx(4 * GROUP.standing_w)
    assert asleep.power_w == pytest.approx(GROUP.standing_w + 3 * GROUP.sleeping_w)


def test_cars_wake_one_by_one():
    group = Lifts(GROUP)
    group.advance(0.0, 0.0, 1)
    cars = []
    for _ in range(10):
        group.advance(0.0, 0.0, 4)
        cars.append(group.in_service)
    assert cars == [1, 1, 2, 2, 2, 3, 3, 3, 4, 4]


def test_a_crowd_that_finds_no_room_queues_and_is_served_later():
    group = Lifts(GROUP)
    for _ in range(5):
        group.advance(20.0, 100.0, 1)
    assert group.queue > 50.0 and group.waiting_s > 300.0
    for _ in range(60):
        group.advance(0.0, 0.0, 4)
    assert group.queue == 0.0


def test_idle_begins_after_a_quarter_of_an_hour():
    group = Lifts(GROUP)
    idle = []
    for _ in range(20):
        group.advance(0.0, 0.0, 3)
        idle.append(group.idle_cars)
    assert idle[14] == 0 and idle[15] == 3
