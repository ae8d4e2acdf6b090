"""Lift groups are learned from what they show: traffic by time of week, power by state, what a wake costs."""

import numpy as np
import pytest

from agent.core.clock import Instant
from agent.core.features import Features
from agent.equipment.systems import LiftSystem
from agent.features.grid import SLOTS, grid_of
from agent.learn.lifts import AFTER_H, learn_lifts
from agent.learn.parameters import Parameters

GROUP = LiftSystem(lifts="lifts1", cars=4)
STANDING, SLEEPING, TRIP_KWH = 0.44, 0.05, 0.02
MONDAY = 4 * 86_400.0


def shown(days: int = 7, *, depth_from: float = 1e9, wake_s: float = 0.0, noise: float = 0.0) -> Features:
    """A group whose truth we wrote: rush from 8 to 18 h, and standby of some depth from a day on."""
    rng = np.random.default_rng(5)
    steps = days * SLOTS
    hour = np.arange(steps) % SLOTS / 4.0
    trips = np.where((hour >= 8.0) & (hour < 18.0), rng.poisson(20.0, steps), rng.poisson(0.02, steps)).astype(float)
    depth = np.where(np.arange(steps) >= depth_from * SLOTS, 2.0, 0.0)
    rested = np.exp(-trips * 4.0 / 4.0 * AFTER_H[2]) * (depth > 0)
    kw = 4 * (STANDING - (STANDING - SLEEPING) * 0.7 * rested) + trips * 4.0 * TRIP_KWH
    columns = {
        "lifts1.trips_count": np.cumsum(trips),
        "lifts1.electric_power": kw + noise * rng.standard_normal(steps),
        "lifts1.cars_in_service": np.full(steps, 4.0),
        "lifts1.cars_in_service_setpoint": np.full(steps, 4.0),
        "lifts1.standby_depth_setpoint": depth,
        "lifts1.waiting_time_mean": 5.0 + wake_s * rested,
    }
    values = np.column_stack(list(columns.values())).astype(np.float32)
    at = Instant(unix_s=MONDAY + days * 86_400.0, mono_s=0.0)
    return Features(
        names=tuple(columns),
        units=("",) * len(columns),
        values=values,
        mask=np.isfinite(values),
        grid_s=900.0,
        at=at,
    )


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_power_and_traffic_are_found(noise):
    learned = learn_lifts(grid_of(shown(noise=noise)), GROUP, 0.0)
    assert learned.standing_kw == pytest.approx(STANDING, rel=0.03)
    assert learned.trip_kwh == pytest.approx(TRIP_KWH, rel=0.1)
    assert learned.wait_s == pytest.approx(5.0, abs=0.1)
    assert learned.is_fit
    noon, night = learned.trips[0][48], learned.trips[0][8]
    assert 20.0 <= noon < 32.0 and night < 0.6
    assert learned.depth_steps == (0.0, 0.0, 0.0)  # Nothing but own control was seen.


def test_a_depth_that_was_tried_is_measured():
    learned = learn_lifts(grid_of(shown(14, depth_from=7, wake_s=12.0)), GROUP, 0.0)
    assert learned.depth_saves[2] == pytest.approx(0.76, abs=0.08)  # Of standing less an assumed sleep.
    assert learned.depth_steps[2] > 100
    assert learned.depth_wake_s[2] < 30.0


def test_less_than_three_days_are_too_few():
    assert learn_lifts(grid_of(shown(2)), GROUP, 0.0) is None


def test_a_counter_that_was_set_back_is_no_traffic():
    told = shown()
    values = np.array(told.values)
    values[300:, 0] -= values[300, 0]
    back = Features(
        names=told.names, units=told.units, values=values, mask=np.isfinite(values), grid_s=900.0, at=told.at
    )
    learned = learn_lifts(grid_of(back), GROUP, 0.0)
    assert min(min(row) for row in learned.trips) >= 0.0 and learned.is_fit


def test_there_and_back_through_json():
    learned = learn_lifts(grid_of(shown()), GROUP, 0.0)
    told = Parameters(learned_unix_s=1.0, days=7.0, lifts=(learned,))
    assert Parameters.from_json(told.to_json()) == told
