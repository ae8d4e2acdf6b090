"""The sun's place against known days, and Perez's sky against what it must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.sun import diffuse_share, perez, radiant_c, sky_emissivity, sun_at, sun_position, sunshine
from tests.simulator.still import still_sky


def noon_min(day_of_year: int, longitude: float = 15.0, utc_offset_h: float = 1.0) -> int:
    """The minute in which the sun stands highest."""
    return int(sun_at(day_of_year, 48.0, longitude, utc_offset_h)[0].argmax())


NOONS = [  # Day, equation of time in minutes: the tabulated extremes and zeros.
    (date(2019, 2, 11), -14.2),
    (date(2019, 4, 15), 0.0),
    (date(2019, 5, 14), 3.7),
    (date(2019, 7, 26), -6.5),
    (date(2019, 9, 1), 0.0),
    (date(2019, 11, 3), 16.4),
]


@pytest.mark.parametrize(("day", "early_min"), NOONS)
def test_noon_comes_early_or_late_by_the_equation_of_time(day, early_min):
    assert noon_min((day - date(2019, 1, 1)).days) == pytest.approx(720.0 - early_min, abs=1.5)


def test_noon_comes_four_minutes_later_a_degree_west():
    assert noon_min(100, longitude=5.0) - noon_min(100) == 40
    assert noon_min(100, longitude=-75.0, utc_offset_h=-5.0) == noon_min(100)


@pytest.mark.parametrize("latitude", [-35.0, 0.0, 28.0, 48.0, 60.0])
def test_both_declinations_agree_to_a_degree_and_a_half(latitude):
    for number in range(0, 365, 30):
        day = date.fromordinal(date(2019, 1, 1).toordinal() + number)
        plain = sun_position([day], latitude)[0].max()
        exact = sun_at(number, latitude, 0.0, 0.0)[0].max()
        assert np.degrees(np.arccos(plain)) == pytest.approx(np.degrees(np.arccos(exact)), abs=1.5)


def test_a_day_is_twelve_hours_at_the_equinox_and_north_of_the_equator_longer_in_june():
    spring, summer = (sun_position([day], 48.0)[0] for day in (date(2019, 3, 21), date(2019, 6, 21)))
    assert (spring > 0.0).sum() / 60.0 == pytest.approx(12.0, abs=0.1)
    assert (summer > 0.0).sum() / 60.0 == pytest.approx(15.8, abs=0.2)


@given(st.floats(0.0, 1.0))
def test_a_share_is_a_share(clearness):
    assert 0.16 <= float(diffuse_share(np.array(clearness))) <= 1.0


@given(st.floats(-1.0, 1.0), st.floats(0.0, 1.0))
def test_no_sun_from_below_and_less_under_cloud(cos_zenith, cloud):
    at = np.array(cos_zenith)
    ground, diffuse = sunshine(at, np.array(cloud))
    clear, _ = sunshine(at, np.array(0.0))
    assert 0.0 <= diffuse <= ground <= clear <= 1100.0
    assert cos_zenith > 0.0 or ground == 0.0


# --- Perez ---


def test_an_overcast_sky_is_nearly_even():
    """No beam: the first bin."""
    about_sun, horizon = perez(np.array(150.0), np.array(0.0), np.array(0.5))
    assert abs(float(about_sun)) < 0.15 and abs(float(horizon)) < 0.1


def test_a_clear_sky_is_bright_about_the_sun():
    """Clearness 7.6 at 60 degrees: the last bin. F1 = 0.678 - 0.327 d - 0.25 z, F2 = 0.156 - 1.377 d + 0.251 z with
    brightness d = 80 / (0.5 * 1361) and z = 1.0472."""
    bright = 80.0 / (0.5 * 1361.0)
    about_sun, horizon = perez(np.array(80.0), np.array(1180.0), np.array(0.5))
    assert float(about_sun) == pytest.approx(0.678 - 0.327 * bright - 0.25 * 1.0472, abs=1e-4)
    assert float(horizon) == pytest.approx(0.156 - 1.377 * bright + 0.251 * 1.0472, abs=1e-4)


def test_the_facade_that_sees_the_sun_sees_a_brighter_sky():
    even = still_sky(20.0, sun_w_m2=100.0)
    told_beam = np.full((1440, 1), 700.0)
    plain, bright = (replace(even, told_beam_w_m2=told_beam, is_bright_near_sun=is_perez) for is_perez in (False, True))
    sides = {side: (plain.facade(side)[1].mean(), bright.facade(side)[1].mean()) for side in ("south", "north")}
    assert sides["south"][1] > 1.2 * sides["south"][0]
    assert sides["north"][1] < sides["north"][0]
    assert sides["south"][0] == sides["north"][0], "an even sky is alike on all sides"
    assert plain.facade("south")[0].mean() > 0.0 == plain.facade("north")[0].max()


def test_a_facade_is_its_beam_and_its_diffuse():
    sky = still_sky(20.0, sun_w_m2=100.0)
    for n, side in enumerate(("east", "south")):
        assert sky.facades(("east", "south"))[:, n] == pytest.approx(sum(sky.facade(side)))


# --- the sky's own heat ---


@given(st.floats(-30.0, 28.0), st.floats(0.0, 1.0))
def test_a_sky_radiates_less_than_a_black_one_and_more_when_damp_or_cloudy(dew_c, cloud):
    here = sky_emissivity(np.array(dew_c), cloud)
    assert 0.6 < here < 1.09
    assert sky_emissivity(np.array(dew_c + 1.0), cloud) > here
    assert sky_emissivity(np.array(dew_c), 1.0) >= here


def test_a_black_sky_of_ten_degrees():
    """5.67e-8 * 283.15^4 = 364.4 W/m2."""
    assert float(radiant_c(np.array(364.4))) == pytest.approx(10.0, abs=0.05)
