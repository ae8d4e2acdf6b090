"""Windows and grids: even rows, honest gaps, local calendar."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clock import Instant
from agent.core.features import Features
from agent.core.image import Image
from agent.core.points import Kind, PointSpec, PointTable, Quality
from agent.features.grid import day_kind_of, fill, grid_of, latest, slot_of, weekday_of
from agent.features.window import Window

TABLE = PointTable(
    [
        PointSpec(id=f"zone{n}.zone_air_temperature", unit="degC", kind=Kind.SENSOR, poll_s=60, fresh_s=600)
        for n in (1, 2)
    ]
)


def at(second: float) -> Instant:
    return Instant(unix_s=second, mono_s=second)


def look(second: float, values: list[float], quality: Quality = Quality.GOOD) -> Image:
    return Image(
        at=at(second),
        table=TABLE,
        values=np.array(values),
        quality=np.full(len(values), quality, np.uint8),
        sampled_mono_s=np.full(len(values), second),
    )


def features(values: list[float], grid_s: float = 300.0) -> Features:
    table = np.array(values, np.float32)[:, None]
    return Features(
        names=("a.b",),
        units=("degC",),
        values=table,
        mask=np.isfinite(table),
        grid_s=grid_s,
        at=at(300.0 * len(values)),
    )


def test_a_window_tells_what_was_seen_and_what_was_not():
    window = Window(TABLE, grid_s=300.0, rows=4)
    window.add(look(300, [20.0, 21.0]))
    window.add(look(900, [22.0, 23.0]))  # Nobody looked at 600.
    window.add(look(1000, [22.5, 23.5]))  # The same cell: the later look stands.
    window.add(look(700, [1.0, 1.0]))  # Too late to matter.
    seen = window.features(at(1000)).column("zone1.zone_air_temperature")
    np.testing.assert_array_equal(seen, np.array([np.nan, 20.0, np.nan, 22.5], np.float32))


def test_a_bad_sample_is_unknown():
    window = Window(TABLE, grid_s=300.0, rows=2)
    window.add(look(300, [20.0, 21.0], Quality.BAD))
    told = window.features(at(300))
    assert not told.mask.any() and np.isnan(told.values).all()


def test_a_long_silence_empties_the_window():
    window = Window(TABLE, grid_s=300.0, rows=3)
    window.add(look(300, [20.0, 21.0]))
    window.add(look(300_000, [22.0, 23.0]))
    assert window.features(at(300_000)).mask.sum() == 2


def test_features_are_a_copy():
    window = Window(TABLE, grid_s=300.0, rows=2)
    window.add(look(300, [20.0, 21.0]))
    before = window.features(at(300))
    window.add(look(300, [30.0, 31.0]))
    assert before.values[-1, 0] == 20.0


def test_steps_have_ends_and_means():
    grid = grid_of(features([9.0, 1.0, 2.0, 3.0, 4.0, np.nan, 8.0]))  # The oldest row is left over.
    np.testing.assert_allclose(grid.mean("a.b"), [2.0, 6.0])
    np.testing.assert_allclose(grid.end("a.b"), [3.0, 8.0])
    assert grid.end_unix_s[-1] - grid.end_unix_s[0] == 900.0
    assert np.isnan(grid.mean("no.such")).all()


@given(st.integers(0, 2), st.integers(0, 10_000))
def test_a_point_that_is_polled_once_a_step_is_not_smeared_over_two(row, seed):
    """The image shows the last sample until the next one comes: rows before it tell of the step before."""
    news = np.random.default_rng(seed).normal(20.0, 1.0, 40)
    shown = np.concatenate((np.full(row, 7.0), np.repeat(news, 3)))[:120]
    told = grid_of(features(list(shown))).mean("a.b")
    np.testing.assert_allclose(told, news, rtol=1e-6)


def test_a_point_that_moves_at_any_time_counts_in_each_row():
    told = grid_of(features([0.0, 0.0, 6.0, 6.0, 0.0, 0.0, 0.0, 6.0, 0.0] * 5)).mean("a.b")
    np.testing.assert_allclose(told, [2.0, 2.0, 2.0] * 5)


@given(st.integers(9, 40), st.integers(0, 8))
def test_an_even_grid_tells_the_same_of_a_step_in_each_later_cycle(rows, more):
    values = [float(row) for row in range(rows + more)]
    before, after = (grid_of(features(values[:n]), is_even=True) for n in (rows, rows + more))
    assert (before.end_unix_s % 900.0 == 0.0).all() and before.end_unix_s[-1] > before.features.at.unix_s - 900.0
    shared = np.isin(after.end_unix_s, before.end_unix_s)
    np.testing.assert_array_equal(after.mean("a.b")[shared], before.mean("a.b"))
    np.testing.assert_array_equal(after.end("a.b")[shared], before.end("a.b"))


def test_a_grid_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="does not divide"):
        grid_of(features([1.0], grid_s=700.0))


def test_gaps_are_filled_for_a_while():
    np.testing.assert_array_equal(
        fill(np.array([np.nan, 1.0, np.nan, np.nan, np.nan]), longest=2), [np.nan, 1.0, 1.0, 1.0, np.nan]
    )


def test_latest_looks_back_a_little():
    assert latest(features([1.0, 2.0, np.nan]), "a.b") == 2.0
    assert np.isnan(latest(features([1.0, np.nan, np.nan, np.nan]), "a.b"))


@given(st.integers(40_000_000, 3_700_000_000), st.integers(-11, 12))
def test_the_calendar_is_the_local_one(second, offset_h):
    unix = np.array([float(second)])
    local = datetime.fromtimestamp(second + 3600 * offset_h, UTC)
    assert weekday_of(unix, offset_h)[0] == local.weekday()
    assert slot_of(unix, offset_h)[0] == local.hour * 4 + local.minute // 15
    assert day_kind_of(unix, offset_h)[0] == max(0, local.weekday() - 4)
