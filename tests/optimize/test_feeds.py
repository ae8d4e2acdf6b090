"""A feed is believed until it is stale or measured to be worse than the days before, and again when it mends."""

import numpy as np
import pytest

from agent.core.clock import Instant
from agent.core.features import Features
from agent.optimize.feeds import Feeds

POINT = "site.outdoor_air_temperature"
DAY_S = 86_400.0
START_S = 20_000 * DAY_S


def weather(unix_s):
    """Each day is 3 K warmer or colder than the one before: persistence errs."""
    day = np.floor(np.asarray(unix_s) / DAY_S)
    shift = 3.0 * np.where(day % 2 == 0, 1.0, -1.0) * np.sin((np.asarray(unix_s) % DAY_S) / DAY_S * np.pi)
    return 15.0 + 8.0 * np.sin((np.asarray(unix_s) % DAY_S) / DAY_S * 2.0 * np.pi - 2.0) + shift


def look(now_s: float) -> Features:
    at = now_s - 900.0 * np.arange(4 * 96)[::-1]
    values = weather(at)[:, None].astype(np.float32)
    now = Instant(unix_s=now_s, mono_s=now_s)
    return Features(names=(POINT,), units=("degC",), values=values, mask=np.isfinite(values), grid_s=900.0, at=now)


def hours(feeds: Feeds, count: int, *, first: int = 0, wrong_k: float = 0.0, renew: bool = True) -> list[bool]:
    """Was it used, by hour; the feed is renewed each hour and errs by so much."""
    used = []
    for hour in range(first, first + count):
        now_s = START_S + 3600.0 * hour
        if renew or hour == first:
            at = now_s + 3600.0 * np.arange(48)
            feeds.put(POINT, (at, weather(at) + wrong_k))
        features = feeds.attach(look(now_s), Instant(unix_s=now_s, mono_s=now_s))
        used.append(POINT in features.forecasts)
    return used


def test_a_right_feed_is_used_throughout():
    feeds = Feeds()
    assert all(hours(feeds, 60))
    assert feeds.notes == []


def test_a_wrong_feed_is_left_and_a_mended_one_is_used_again():
    feeds = Feeds()
    used = hours(feeds, 30, wrong_k=9.0)
    assert used[0] and not used[-1]
    assert "is left: three hours ahead it misses by 9" in feeds.notes[0]
    assert hours(feeds, 60, first=30)[-1]
    assert "used again" in feeds.notes[-1]


def test_a_feed_that_comes_no_more_is_stale():
    feeds = Feeds()
    used = hours(feeds, 48, renew=False)
    assert used[0] and not used[-1] and "does not reach" in feeds.notes[-1]


def test_without_feeds_nothing_changes():
    features = look(START_S)
    assert Feeds().attach(features, features.at) is features


def test_a_price_that_nobody_measures_is_believed_while_fresh():
    feeds = Feeds()
    at = START_S + 3600.0 * np.arange(48)
    feeds.put("site.electricity_price", (at, np.full(48, 0.3)))
    assert "site.electricity_price" in feeds.attach(look(START_S), Instant(unix_s=START_S, mono_s=0.0)).forecasts


@pytest.mark.parametrize("reach_h", [1, 4])
def test_a_forecast_that_ends_too_soon_is_not_used(reach_h):
    feeds = Feeds()
    feeds.put(POINT, (START_S + 3600.0 * np.arange(reach_h + 1), np.full(reach_h + 1, 12.0)))
    assert feeds.attach(look(START_S), Instant(unix_s=START_S, mono_s=0.0)).forecasts == {}
