"""Law: a column comes back bit for bit, whatever it holds; and what a sensor gives takes few bytes."""

import math
from contextlib import nullcontext, suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.store.codec import pack_floats, pack_ints, unpack_floats, unpack_ints

FIGURES = st.one_of(
    st.floats(),
    st.floats(width=32),
    st.integers(-(2**63), 2**63 - 1).map(float),
    st.decimals(-1000, 1000, places=2).map(float),
    st.integers(-500, 500).map(lambda whole: whole * 0.1),
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 1.7e308]),
)
COLUMNS = st.one_of(
    st.lists(FIGURES, max_size=40),
    st.lists(st.decimals(-100, 100, places=1).map(float), max_size=300),
    st.lists(st.floats(width=32), max_size=40),
)


@given(column=COLUMNS)
def test_figures_come_back_bit_for_bit(column):
    values = np.array(column, np.float64)
    found = unpack_floats(pack_floats(values, 7), 7)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    real = ~np.isnan(values)
    assert found[real].tobytes() == values[real].tobytes()


@given(whole=arrays(np.int64, st.integers(0, 60), elements=st.integers(-(2**63), 2**63 - 1)))
def test_whole_numbers_come_back(whole):
    np.testing.assert_array_equal(unpack_ints(pack_ints(whole, 7), 7), whole)


@given(column=COLUMNS, place=st.integers(0, 10**6), bit=st.integers(0, 7), cut=st.booleans())
def test_a_spoiled_column_is_told_or_the_same(column, place, bit, cut):
    values = np.array(column, np.float64)
    data = bytearray(pack_floats(values, 7))
    if data:
        data[place % len(data)] ^= 1 << bit
    if cut and data:
        del data[1 + place % len(data) :]
    with suppress(ValueError):
        np.testing.assert_array_equal(unpack_floats(bytes(data), 7), values)


@given(column=COLUMNS.filter(len), seed=st.integers(0, 2**32 - 1))
def test_a_column_of_another_point_is_not_taken_for_this_one(column, seed):
    packed = pack_floats(np.array(column, np.float64), 7)
    with pytest.raises(ValueError, match="not a column") if seed != 7 else nullcontext():
        unpack_floats(packed, seed)


@pytest.mark.parametrize(
    ("what", "step", "bytes_a_sample"), [("temperature, 0.1 K", 0.1, 0.75), ("power, 1 W", 0.001, 2.0)]
)
def test_a_quiet_sensor_takes_less_than_its_resolution_suggests(what, step, bytes_a_sample):
    walk = 21 + np.cumsum(np.random.default_rng(1).normal(0, 0.05, 240))
    assert len(pack_floats(np.rint(walk / step) * step, 7)) <= bytes_a_sample * 240, what
