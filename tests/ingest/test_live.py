"""The live image: the newest sample stands, and what was given away never changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clock import Instant
from agent.core.points import Kind, PointSpec, PointTable, Quality
from agent.core.scan import Scan
from agent.ingest.live import Live

TABLE = PointTable([PointSpec(id=f"e.p{n}", unit="degC", kind=Kind.SENSOR, poll_s=1, fresh_s=10) for n in range(4)])


def at(mono_s):
    return Instant(unix_s=1_750_000_000.0 + mono_s, mono_s=mono_s)


def scan(mono_s, samples):
    return Scan(
        device="d",
        handles=np.array(list(samples), np.int32),
        values=np.array(list(samples.values()), np.float64),
        quality=np.where(np.isnan(list(samples.values())), Quality.BAD, Quality.GOOD).astype(np.uint8),
        at=at(mono_s),
    )


def test_what_was_never_heard_is_not_good():
    image = Live(TABLE).image(at(5))
    assert [image.good(spec.id) for spec in TABLE] == [None] * 4


def test_the_image_is_frozen():
    live = Live(TABLE)
    live.update(scan(1, {0: 20.0, 2: 22.0}))
    image = live.image(at(2))
    live.update(scan(3, {0: 30.0, 2: np.nan}))
    assert (image.good("e.p0"), image.good("e.p2")) == (20.0, 22.0)
    assert (live.image(at(4)).good("e.p0"), live.image(at(4)).good("e.p2")) == (30.0, None)
    for column in (image.values, image.quality, image.sampled_mono_s):
        with pytest.raises(ValueError):
            column[0] = 1


def test_a_late_sample_never_overwrites_a_newer_one():
    live = Live(TABLE)
    live.update(scan(5, {1: 20.0}))
    live.update(scan(4, {1: 10.0, 3: 13.0}))
    image = live.image(at(6))
    assert (image.good("e.p1"), image.good("e.p3")) == (20.0, 13.0)
    assert (image.age_s("e.p1"), image.age_s("e.p3")) == (1.0, 2.0)
    assert live.image(at(14.5)).good("e.p3") is None, "stale after its fresh_s"


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.dictionaries(st.integers(0, 3), st.floats(-50, 50), min_size=1)), max_size=20
    )
)
def test_law_the_image_is_the_newest_of_each_point(story):
    live, newest = Live(TABLE), {}
    for mono_s, samples in story:
        live.update(scan(mono_s, samples))
        for handle, value in samples.items():
            if mono_s >= newest.get(handle, (-1, 0))[0]:
                newest[handle] = (mono_s, value)
    image = live.image(at(21))
    for handle in range(4):
        told = (image.sampled_mono_s[handle], image.values[handle])
        assert told == newest[handle] if handle in newest else np.isnan(told).all()
