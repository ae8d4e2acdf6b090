"""Servers' loads: the diurnal wave that buildings always had, plateaus at night, bursts; each day by its own dice."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.parts import MINUTES
from simulator.physics.itload import BATCH, BURSTS, DIURNAL, SHAPES, Load

NOMINAL = np.array([[10_000.0], [20_000.0], [15_000.0]])


def test_the_diurnal_load_is_the_one_that_seeds_have_always_meant():
    """Figures kept from the first release; a change here changes every recorded run."""
    load = Load(NOMINAL, [42])
    days = [load(day) for day in range(3)]
    assert days[0][0, :, 0] == pytest.approx([8361.728400972923, 16651.00348426138, 12597.501902313696], rel=1e-12)
    assert days[1][845, :, 0] == pytest.approx([9118.300053345167, 18577.595566049975, 13714.373018882576], rel=1e-12)
    assert sum(day.sum() for day in days) == pytest.approx(168833931.04499337, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_loads_keep_to_what_the_racks_can_do(shape):
    nominal = np.full((4, 2), 10_000.0)
    day = Load(nominal, [1, 2], shape)(3)
    assert day.shape == (MINUTES, 4, 2)
    assert day.min() >= 3000.0 and day.max() <= 11_000.0


@pytest.mark.parametrize("shape", SHAPES)
def test_a_day_belongs_to_its_seed_whoever_else_is_there_and_whatever_was_asked_before(shape):
    crowd = Load(np.tile(NOMINAL, 3), [5, 6, 5], shape)
    crowd(0)
    day = crowd(4)
    assert np.array_equal(day[:, :, 1:2], Load(NOMINAL, [6], shape)(4))
    assert np.array_equal(day[:, :, 0], day[:, :, 2])
    assert not np.array_equal(day[:, :, 0], crowd(5)[:, :, 0])


def mean_of_days(shape) -> np.ndarray:
    """[1440], over a fortnight and all racks, as a share of the nominal power."""
    load = Load(np.ones((8, 1)), [1], shape)
    return np.mean([load(day).mean(axis=(1, 2)) for day in range(14)], axis=0)


def test_the_working_day_is_a_low_wave():
    day = mean_of_days(DIURNAL)
    assert day[14 * 60] == pytest.approx(0.92, abs=0.02)
    assert day[3 * 60] == pytest.approx(0.84, abs=0.02)


def test_batches_fill_the_night():
    day = mean_of_days(BATCH)
    assert day[23 * 60] > 1.3 * day[15 * 60] and day[4 * 60] > 1.3 * day[15 * 60]
    assert day[6 * 60] == pytest.approx(0.62, abs=0.03)


def test_bursts_strike_one_rack_and_pass():
    day = Load(np.ones((8, 1)), [1], BURSTS)(0)[:, :, 0]
    calm = np.median(day, axis=0)
    assert (day - calm).max() > 0.25
    loud = day - calm > 0.15
    assert 0.0 < loud.mean() < 0.4
    assert not loud.all(axis=1).any()
