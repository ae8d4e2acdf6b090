"""Report by exception: a story of one point, and laws beside a plain reckoning of one sample at a time."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clock import Instant
from agent.core.points import Kind, PointSpec, PointTable, Quality
from agent.core.scan import Scan
from agent.ingest.changes import Changes

BANDS = (None, 0.0, 0.5, 2.0)
REPORT_S = 60.0


def table(bands=BANDS):
    return PointTable(
        [
            PointSpec(
                id=f"e.p{n}", unit="degC", kind=Kind.SENSOR, poll_s=1, fresh_s=9, deadband=band, report_s=REPORT_S
            )
            for n, band in enumerate(bands)
        ]
    )


def scan(mono_s, samples):
    handles = np.array(sorted(samples), np.int32)
    values = np.array([samples[handle] for handle in sorted(samples)], np.float64)
    quality = np.where(np.isnan(values), Quality.BAD, Quality.GOOD).astype(np.uint8)
    return Scan(device="d", handles=handles, values=values, quality=quality, at=Instant(unix_s=mono_s, mono_s=mono_s))


STORY = [  # seconds, value, stored
    (0, 21.0, True),  # The first one always is.
    (1, 21.5, False),  # Not more than the dead band away.
    (2, 21.6, True),
    (3, 21.2, False),  # Away from what was stored, not from what was seen.
    (4, math.nan, True),  # It failed,
    (5, math.nan, False),  # and still does,
    (6, 21.6, True),  # and is back.
    (65, 21.6, False),
    (66, 21.6, True),  # A minute without news is told as news.
]


def test_a_point_with_a_dead_band():
    changes = Changes(table())
    for mono_s, value, is_stored in STORY:
        assert (changes.of(scan(mono_s, {2: value})) is not None) == is_stored, mono_s


def test_without_dead_bands_nothing_is_looked_at():
    one = scan(0, {0: 1.0, 1: 2.0})
    changes = Changes(table((None, None)))
    assert changes.of(one) is one and changes.of(one) is one


samples = st.dictionaries(st.integers(0, 3), st.sampled_from([0.0, 0.3, 0.6, 1.0, 2.5, math.nan]), min_size=1)


@given(st.lists(st.tuples(st.floats(0.1, 40), samples), max_size=30))
def test_law_columns_decide_as_one_sample_at_a_time_would(story):
    changes, last, mono_s = Changes(table()), {}, 0.0
    for step_s, told in story:
        mono_s += step_s
        wanted = {}
        for handle, value in told.items():
            band, before = BANDS[handle], last.get(handle)
            is_news = band is None or before is None or mono_s - before[0] >= REPORT_S
            if not is_news:
                is_news = math.isnan(value) != math.isnan(before[1]) or abs(value - before[1]) > band
            if is_news:
                last[handle] = mono_s, value
                wanted[handle] = value
        news = changes.of(scan(mono_s, told))
        seen = {} if news is None else dict(zip(news.handles.tolist(), news.values.tolist(), strict=True))
        assert seen.keys() == wanted.keys()
        assert all(value == wanted[h] or (math.isnan(value) and math.isnan(wanted[h])) for h, value in seen.items())
