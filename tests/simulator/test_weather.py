"""Sun, sky and people: where they must be, and the same days however long the run."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from simulator.physics import occupancy, weather

FACING = ("north", "east", "south", "west")
MONDAY = date(2019, 7, 1)


def sky(days: int = 14, season: str = "summer", seed: int = 3, start: date = MONDAY) -> weather.Weather:
    return weather.draw(weather.SEASONS[season], start, days, 48.0, FACING, seed)


def test_noon_height_at_the_solstices():
    """90 - latitude +- 23.45 degrees."""
    for start, height in ((date(2019, 6, 21), 90.0 - 48.0 + 23.45), (date(2019, 12, 21), 90.0 - 48.0 - 23.45)):
        cos_zenith, azimuth = weather.sun_position(start, 1, 48.0)
        assert np.degrees(np.arcsin(cos_zenith.max())) == pytest.approx(height, abs=0.1)
        assert azimuth[int(cos_zenith.argmax())] == pytest.approx(0.0, abs=0.02)


def test_east_in_the_morning_west_in_the_afternoon():
    facade = sky().facade_w_m2.reshape(-1, 1440, 4).mean(axis=0)
    north, east, south, west = range(4)
    assert facade[8 * 60, east] > 2 * facade[8 * 60, west]
    assert facade[16 * 60, west] > 2 * facade[16 * 60, east]
    assert facade[:, south].sum() > facade[:, north].sum()


def test_the_sky_stays_within_reason():
    for season in weather.SEASONS:
        drawn = sky(season=season)
        assert drawn.irradiance_w_m2.min() >= 0.0 and drawn.irradiance_w_m2.max() < 1100.0
        assert drawn.facade_w_m2.min() >= 0.0 and drawn.facade_w_m2.max() < 1100.0
        assert drawn.outdoor_c.min() > -25.0 and drawn.outdoor_c.max() < 42.0
    assert sky().outdoor_c.mean() > sky(season="mid").outdoor_c.mean() > sky(season="winter").outdoor_c.mean()


def test_a_longer_run_begins_with_the_same_days():
    short, long = sky(days=3), sky(days=9)
    assert np.array_equal(short.outdoor_c, long.outdoor_c[: 3 * 1440])
    assert np.array_equal(short.facade_w_m2, long.facade_w_m2[: 3 * 1440])


def crowd(days: int = 70, seed: int = 5, holidays: tuple[date, ...] = ()) -> occupancy.Occupancy:
    return occupancy.draw(MONDAY, days, 4, 12, holidays, seed)


def test_people_keep_office_hours():
    people = crowd().people.sum(axis=1).reshape(-1, 1440)
    week = np.arange(70) % 7
    work = people[week < 5]
    assert people.min() == 0 and people.max() <= 48
    assert 30 < work[:, 11 * 60].mean() < 46
    assert work[:, 12 * 60 + 50].mean() < 0.85 * work[:, 11 * 60].mean()
    assert not work[:, : 7 * 60 + 30].any() and not work[:, 22 * 60 :].any()
    assert 0 < people[week == 5].max() < 12 and not people[week == 6].any()


def test_some_stay_on_about_three_days_in_ten():
    people = crowd(days=350).people.sum(axis=1).reshape(-1, 1440)
    late = people[np.arange(350) % 7 < 5][:, 18 * 60 + 31 :].any(axis=1)
    assert 0.2 < late.mean() < 0.4


def test_nobody_comes_on_a_holiday():
    people = crowd(days=3, holidays=(date(2019, 7, 2),)).people.reshape(3, -1)
    assert [bool(day.any()) for day in people] == [True, False, True]


def test_who_comes_also_goes():
    drawn = crowd(days=14)
    assert drawn.arrivals.sum() == drawn.departures.sum()
