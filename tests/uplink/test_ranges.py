"""Ranges are the sets that they stand for."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.uplink.ranges import Ranges

SPANS = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 6)), max_size=12)


@given(SPANS, st.integers(0, 30), st.integers(0, 40))
def test_they_are_the_set_of_what_was_added(spans, after, until):
    ranges, numbers = Ranges(), set()
    for first, length in spans:
        ranges.add(first, first + length - 1)
        numbers |= set(range(first, first + length))
    told = list(ranges)
    assert {number for first, last in told for number in range(first, last + 1)} == numbers
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(told)), "neighbours are one"
    missing = [number for number in range(after + 1, until + 1) if number not in numbers]
    gap = ranges.gap_after(after, until)
    if not missing:
        assert gap is None
    else:
        assert gap is not None and gap[0] == missing[0]
        assert set(range(gap[0], gap[1] + 1)) <= set(missing)
        assert gap[1] == until or gap[1] + 1 in numbers
    assert ranges.covers(after + 1, until) == (set(range(after + 1, until + 1)) <= numbers) or until <= after
