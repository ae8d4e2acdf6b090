"""Sun and sky: where they must be, and the same days however long the run and whoever else lives beside."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from simulator.physics import psychrometrics
from simulator.physics.sun import sun_position
from simulator.physics.weather import CLIMATES, Spell, SyntheticSky

FACING = ("north", "east", "south", "west")
MONDAY = date(2019, 7, 1)


def sky(days=14, season="summer", seed=3, start=MONDAY, climate="continental", spell=None) -> SyntheticSky:
    return SyntheticSky(CLIMATES[climate][season], [start], start, days, 48.0, [seed], spell)


def series(some: SyntheticSky, days: int, what: str = "outdoor_c") -> np.ndarray:
    return np.concatenate([getattr(some.day(n), what)[:, 0] for n in range(days)])


def test_noon_height_at_the_solstices():
    """90 - latitude +- 23.45 degrees."""
    for start, height in ((date(2019, 6, 21), 90.0 - 48.0 + 23.45), (date(2019, 12, 21), 90.0 - 48.0 - 23.45)):
        cos_zenith, azimuth = sun_position([start], 48.0)
        assert np.degrees(np.arcsin(cos_zenith.max())) == pytest.approx(height, abs=0.1)
        assert azimuth[int(cos_zenith.argmax()), 0] == pytest.approx(0.0, abs=0.02)


def test_east_in_the_morning_west_in_the_afternoon():
    some = sky()
    facade = np.mean([some.day(n).facades(FACING)[:, :, 0] for n in range(14)], axis=0)
    north, east, south, west = range(4)
    assert facade[8 * 60, east] > 2 * facade[8 * 60, west]
    assert facade[16 * 60, west] > 2 * facade[16 * 60, east]
    assert facade[:, south].sum() > facade[:, north].sum()


@pytest.mark.parametrize("climate", CLIMATES)
def test_the_sky_stays_within_reason(climate):
    means = []
    for season in ("summer", "mid", "winter"):
        some = sky(season=season, climate=climate)
        outdoor = series(some, 14)
        assert outdoor.min() > -35.0 and outdoor.max() < 50.0
        sun = series(some, 14, "irradiance_w_m2")
        assert sun.min() >= 0.0 and sun.max() < 1100.0
        today = some.day(0)
        assert (today.wet_bulb_c <= today.outdoor_c + 1e-3).all()
        assert (today.diffuse_w_m2 <= today.irradiance_w_m2 + 1e-9).all()
        means.append(outdoor.mean())
    assert means[0] > means[1] > means[2]


def test_a_year_is_warm_in_july_and_cold_in_january():
    some = sky(days=365, season="year", start=date(2019, 1, 1))
    january = np.mean([some.day(n).outdoor_c.mean() for n in range(31)])
    july = np.mean([some.day(n).outdoor_c.mean() for n in range(181, 212)])
    assert july > january + 15.0


def test_a_spell_lifts_its_days_and_no_others():
    plain, hot = sky(days=5), sky(days=5, spell=Spell(first=MONDAY + timedelta(days=2), days=2, kelvin=8.0))
    risen = np.concatenate([hot.day(n).outdoor_c - plain.day(n).outdoor_c for n in range(5)])[:, 0]
    first, last = 2 * 1440, 4 * 1440
    assert risen[:first] == pytest.approx(0.0)
    assert risen[first + 360 : last] == pytest.approx(8.0)
    assert risen[last + 360 :] == pytest.approx(0.0, abs=1e-9)
    assert np.abs(np.diff(risen)).max() < 0.03, "it comes and goes over hours, not in a minute"


def test_a_longer_run_begins_with_the_same_days():
    assert np.array_equal(series(sky(days=3), 3), series(sky(days=9), 9)[: 3 * 1440])


def test_a_world_has_the_same_sky_alone_and_in_a_crowd():
    crowd = SyntheticSky(CLIMATES["continental"]["summer"], [MONDAY] * 3, MONDAY, 2, 48.0, [3, 4, 5])
    alone = sky(days=2, seed=4)
    assert np.array_equal(crowd.day(1).outdoor_c[:, 1], alone.day(1).outdoor_c[:, 0])
    assert np.array_equal(crowd.day(1).humidity_kg_kg[:, 1], alone.day(1).humidity_kg_kg[:, 0])


def test_there_is_no_day_after_the_last():
    with pytest.raises(IndexError):
        sky(days=2).day(2)


def test_worlds_that_begin_later_share_the_weather_of_the_origin():
    """World 0 begins on Monday, world 1 two days later: Wednesday is the same day for both, and so is Thursday."""
    both = SyntheticSky(CLIMATES["maritime"]["year"], [MONDAY, MONDAY + timedelta(days=2)], MONDAY, 5, 48.0, [3, 3])
    for number in range(2):
        later, sooner = both.day(number), both.day(number + 2)
        for what in ("outdoor_c", "humidity_kg_kg", "irradiance_w_m2", "cos_zenith"):
            assert np.array_equal(getattr(later, what)[:, 1], getattr(sooner, what)[:, 0])
        assert later.days[1] == sooner.days[0] and later.weekday[1] == sooner.weekday[0]


def test_same_seed_same_bytes():
    for what in ("outdoor_c", "humidity_kg_kg", "irradiance_w_m2", "diffuse_w_m2"):
        assert series(sky(), 14, what).tobytes() == series(sky(), 14, what).tobytes()
        assert series(sky(), 14, what).tobytes() != series(sky(seed=4), 14, what).tobytes()


def test_climates_are_as_damp_as_their_names():
    """Mean dew point of a summer: hot-humid above 22 C, hot-dry far below its air, maritime cool."""
    dew = {}
    for climate in CLIMATES:
        some = sky(climate=climate)
        dew[climate] = np.mean([psychrometrics.dew_point(some.day(n).humidity_kg_kg).mean() for n in range(14)])
    assert dew["hot-humid"] > 22.0 > dew["hot-dry"]
    assert 8.0 < dew["maritime"] < 16.0
    assert dew["hot-humid"] == max(dew.values())


def test_the_sky_is_colder_than_the_air_and_coldest_when_dry():
    humid, dry = sky(climate="hot-humid").day(3), sky(climate="hot-dry").day(3)
    colder = [(day.outdoor_c - day.sky_c).mean() for day in (humid, dry)]
    assert 2.0 < colder[0] < colder[1] < 35.0
