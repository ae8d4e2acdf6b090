"""The table of lift service against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.physics.round_trip import CAR_CAPACITY, FLOORS, round_trip, service


def test_one_passenger_makes_one_stop():
    seconds, stops = round_trip(np.array(1.0))
    assert stops == pytest.approx(1.0)
    assert seconds > 2.0 * 1.7 * (FLOORS + 1) / 2


def test_more_cars_wait_less_and_more_traffic_waits_more():
    waiting = service(4).waiting_s
    assert (np.diff(waiting[1:, 60]) < 0.0).all()
    assert waiting[4, 120] > waiting[4, 10]
    assert service(4).capacity_per_min[4, 50] == pytest.approx(4.0 * service(4).capacity_per_min[1, 50])


def test_half_full_cars_give_back_least():
    """They hang in balance with the counterweight; empty and full ones pull or are pulled."""
    told = service(2)
    assert told.imbalance[2, 0] > 0.9
    assert told.imbalance.min() == pytest.approx(0.5, abs=0.02)
    filled = told.imbalance[2].argmin()
    assert told.imbalance[2, -1] > told.imbalance[2, filled]


def test_full_cars_at_up_peak():
    """0.8 * 13 = 10.4 passengers, 12 floors: S = 7.14 stops, H = 11.45; 2 H tv + (S + 1) ts + 2 P tp = 129 s. The
    quality that Barney asks of an office is to carry 12 % of its people in five minutes."""
    seconds, stops = round_trip(np.array(0.8 * CAR_CAPACITY))
    assert stops == pytest.approx(12.0 * (1.0 - (11.0 / 12.0) ** 10.4), rel=1e-9)
    assert seconds == pytest.approx(129.0, abs=1.0)
    assert service(4).capacity_per_min[4, 0] == pytest.approx(60.0 * 10.4 * 4.0 / float(seconds))
    assert 5.0 * service(4).capacity_per_min[4, 0] > 0.12 * 48.0 * 10.0


def test_nobody_is_served_without_a_car():
    assert service(3).capacity_per_min[0].max() < 1e-6
