"""Laws of the columns in which samples wait."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clock import Instant
from agent.core.points import Quality
from agent.drivers import samples
from agent.drivers.mqtt_wire import MqttPoint
from agent.drivers.samples import FUTURE_S, MERGE_S, OLDEST_S, Samples

NOW = Instant(unix_s=1.7e9, mono_s=5000.0)
POINTS = [MqttPoint(point=f"e.p{n}", handle=10 + n, unit="degC", scale=0.5, offset=1.0) for n in range(3)]


def at(age_s):
    return Instant(unix_s=NOW.unix_s - age_s, mono_s=NOW.mono_s - age_s)


SAMPLE = st.tuples(
    st.integers(0, 2),
    st.floats(-1e3, 1e3) | st.just(math.nan),
    st.sampled_from(list(Quality)),
    st.none() | st.floats(-100, 2 * OLDEST_S),
    st.sampled_from((0.0, 0.01, 0.04, 1.0, 30.0)),
    st.booleans(),
)


@given(st.lists(SAMPLE, max_size=40))
def test_laws_of_a_poll(rows):
    waiting = Samples("d", POINTS)
    for slot, raw, quality, age_s, arrived_s, is_kept in rows:
        measured = math.nan if age_s is None else NOW.unix_s - age_s
        waiting.add(slot, raw, quality, measured, at(arrived_s), is_kept=is_kept)
    scans = waiting.drain(NOW)
    assert len(waiting) == 0 and waiting.drain(NOW) == []
    times = [scan.at.unix_s for scan in scans]
    assert times == sorted(times)
    told = 0
    for scan in scans:
        assert len(set(scan.handles.tolist())) == len(scan), "a scan has each point once"
        assert abs((NOW.unix_s - scan.at.unix_s) - (NOW.mono_s - scan.at.mono_s)) < 1e-3
        for handle, value, quality in zip(scan.handles, scan.values, scan.quality, strict=True):
            told += 1
            assert math.isnan(value) == (quality == Quality.BAD)
            assert quality != Quality.GOOD or -60 <= value <= 150
            fits = [
                row
                for row in rows
                if row[0] == handle - 10
                and (math.isnan(value) or row[1] * 0.5 + 1.0 == value)
                and quality >= row[2]
                and scan.at.unix_s - 1e-3 <= _time_of(row) <= scan.at.unix_s + MERGE_S + 1e-3
            ]
            assert fits, "nobody said so"
            if quality == Quality.GOOD:
                assert any(not row[5] or (row[3] is not None and -FUTURE_S <= row[3] <= OLDEST_S) for row in fits)
    assert told <= len(rows)
    assert {int(h) for scan in scans for h in scan.handles} == {10 + row[0] for row in rows}


def _time_of(row):
    is_known = row[3] is not None and -FUTURE_S <= row[3] <= OLDEST_S
    return NOW.unix_s - (row[3] if is_known else row[4])


def test_samples_of_a_point_that_come_close_together_are_all_kept():
    waiting = Samples("d", POINTS)
    for n in range(5):
        waiting.add(0, float(n), Quality.GOOD, math.nan, at(1.0 - n * 0.001))
    assert [scan.values.tolist() for scan in waiting.drain(NOW)] == [[1.0], [1.5], [2.0], [2.5], [3.0]]


def test_memory_is_bounded_and_what_is_dropped_is_counted(monkeypatch):
    monkeypatch.setattr(samples, "MOST_WAITING", 100)
    waiting = Samples("d", POINTS)
    for n in range(1000):
        waiting.add(n % 3, float(n % 90), Quality.GOOD, math.nan, at(1000.0 - n))
        assert len(waiting) <= 110
    kept = sum(len(scan) for scan in waiting.drain(NOW))
    assert kept + waiting.dropped == 1000
    assert kept >= 100


def test_a_scan_owns_plain_columns():
    waiting = Samples("d", POINTS)
    waiting.add(1, 40.0, Quality.GOOD, math.nan, at(0.0))
    [scan] = waiting.drain(NOW)
    assert (scan.handles.dtype, scan.values.dtype, scan.quality.dtype) == (np.int32, np.float64, np.uint8)
    assert (scan.handles.tolist(), scan.values.tolist(), scan.quality.tolist()) == ([11], [21.0], [0])
