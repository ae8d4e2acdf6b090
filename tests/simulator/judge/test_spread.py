"""Spread over seeds and paired changes: numbers one can check with a pocket calculator, and laws."""

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.judge.spread import Change, Interval, Spread, captured, t_975

SEEDS = st.lists(st.floats(1.0, 1e5), min_size=2, max_size=30)


def test_a_spread_is_what_a_statistician_says():
    spread = Spread.of([10.0, 12.0, 17.0])
    assert (spread.mean, spread.min, spread.max) == (13.0, 10.0, 17.0)
    assert spread.sd == pytest.approx(math.sqrt((9.0 + 1.0 + 16.0) / 2.0))


def test_one_seed_says_nothing_of_how_it_spreads():
    assert Spread.of([5.0]).sd is None
    change = Change.of([10.0], [8.0])
    assert (change.change.mean, change.change.low, change.change.high) == (-2.0, None, None)
    assert not change.change.is_sure


def test_an_interval_of_four_differences():
    """Mean -2, standard deviation 0.8165, t(3) 3.182: reach 3.182 * 0.8165 / 2 = 1.299."""
    interval = Interval.of([-1.0, -2.0, -2.0, -3.0])
    assert (interval.mean, interval.low) == (-2.0, pytest.approx(-3.299, abs=1e-3))
    assert interval.is_sure


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.706), (10, 2.228), (30, 2.042), (40, 2.021), (120, 1.980)])
def test_students_t_as_in_the_tables(freedom, t):
    assert t_975(freedom) == pytest.approx(t, abs=1e-3)


def test_law_t_falls_towards_the_normal():
    told = [t_975(freedom) for freedom in range(1, 2000)]
    assert all(earlier > later for earlier, later in itertools.pairwise(told))
    assert told[-1] == pytest.approx(1.96, abs=2e-3)


def test_the_interval_covers_the_truth_in_19_of_20():
    """Thousand times five seeds drawn about a known change."""
    dice = np.random.default_rng(1)
    hits = 0
    for _ in range(1000):
        interval = Interval.of((-3.0 + dice.standard_normal(5)).tolist())
        hits += interval.low <= -3.0 <= interval.high
    assert 930 <= hits <= 970


@given(SEEDS, st.floats(-50.0, 50.0))
def test_law_pairing_takes_the_buildings_out(hold, pct):
    """However unlike the buildings are: the same share saved in each is known exactly."""
    change = Change.of(hold, [own * (1.0 + pct / 100.0) for own in hold])
    assert change.pct.mean == pytest.approx(pct, abs=1e-6)
    assert change.pct.high - change.pct.low == pytest.approx(0.0, abs=1e-6)


@given(SEEDS)
def test_law_the_change_of_means_is_the_mean_of_changes(hold):
    values = hold[::-1]
    told = Change.of(hold, values).change.mean
    assert told == pytest.approx(statistics.fmean(values) - statistics.fmean(hold), abs=1e-6)


def test_no_percent_of_nothing():
    assert Change.of([0.0, 2.0], [1.0, 1.0]).pct is None


def test_captured_is_the_share_of_the_whole_way():
    assert captured([100.0, 200.0], [90.0, 185.0], [80.0, 170.0]) == pytest.approx(0.5)
    assert captured([100.0], [100.0], [80.0]) == 0.0
    assert captured([100.0], [110.0], [80.0]) == -0.5
    assert captured([100.0], [90.0], [100.0]) is None, "an oracle that saves nothing is no ruler"
