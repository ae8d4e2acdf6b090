"""People keep their hours, and the same days however long the run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest

from simulator.physics.occupancy import HABITS, People

MONDAY = date(2019, 7, 1)


@dataclass
class Party:
    date: date
    from_h: float
    to_h: float
    people: int
    zones: tuple[str, ...] = ()


def crowd(days=70, seed=5, **told) -> np.ndarray:
    """People in all zones, [days, 1440]."""
    people = People(4, 12, [seed], [MONDAY], **told)
    return np.stack([people.day(n).people[:, :, 0].sum(axis=1) for n in range(days)])


def test_people_keep_office_hours():
    people = crowd()
    week = np.arange(70) % 7
    work = people[week < 5]
    assert people.min() == 0 and people.max() <= 48
    assert 30 < work[:, 11 * 60].mean() < 46
    assert work[:, 12 * 60 + 50].mean() < 0.85 * work[:, 11 * 60].mean()
    assert not work[:, : 7 * 60 + 30].any() and not work[:, 22 * 60 :].any()
    assert 0 < people[week == 5].max() < 12 and not people[week == 6].any()


def test_some_stay_on_about_three_days_in_ten():
    late = crowd(350)[np.arange(350) % 7 < 5][:, 18 * 60 + 31 :].any(axis=1)
    assert 0.2 < late.mean() < 0.4


def test_nobody_comes_on_a_holiday():
    people = crowd(3, holidays=(date(2019, 7, 2),))
    assert [bool(day.any()) for day in people] == [True, False, True]


def test_an_event_brings_its_people_to_its_zones():
    party = Party(date(2019, 7, 2), 19.0, 22.0, 20, ("zone2",))
    plain, merry = (People(4, 12, [5], [MONDAY], events=told) for told in ((), (party,)))
    more = merry.day(1).people - plain.day(1).people
    assert more[20 * 60, :, 0].tolist() == [0.0, 20.0, 0.0, 0.0]
    assert more[: 19 * 60].sum() == more[22 * 60 :].sum() == 0.0
    assert np.array_equal(merry.day(2).people, plain.day(2).people)


def test_who_comes_also_goes():
    people = People(4, 12, [5], [MONDAY])
    days = [people.day(n) for n in range(14)]
    assert sum(day.arrivals.sum() for day in days) == sum(day.departures.sum() for day in days)


@pytest.mark.parametrize("habits", HABITS)
def test_every_habit_makes_whole_people(habits):
    people = crowd(14, habits=habits)
    assert people.min() >= 0.0 and people.max() > 0.0
    assert np.array_equal(people, np.rint(people))


@pytest.mark.parametrize("habits", HABITS)
def test_nobody_appears_or_vanishes_at_midnight(habits):
    """Who is in at 23:59 is in at 0:00, but for those who come or go in that minute."""
    people = People(4, 12, [5], [MONDAY], habits=habits)
    evening = people.day(0).people[-1, :, 0].sum()
    for number in range(1, 15):
        day = people.day(number)
        assert day.people[0, :, 0].sum() == evening + day.arrivals[0, 0] - day.departures[0, 0]
        evening = day.people[-1, :, 0].sum()


def test_a_clinic_never_sleeps():
    wards = People(4, 12, [5], [MONDAY], habits="clinic")
    for number in range(14):
        day = wards.day(number).people[:, :, 0]
        assert day[:, :2].sum(axis=1).min() > 0.0
        assert not day[120:300, 2:].any(), "the other half closes"


def test_a_hotel_is_fullest_when_an_office_is_empty():
    hotel, office = crowd(14, habits="hotel"), crowd(14)
    assert hotel[:, 4 * 60].mean() > 2.0 * hotel[:, 12 * 60].mean()
    assert not office[:, 4 * 60].any()


def test_shifts_keep_a_site_manned_and_meet_at_the_turn():
    people = crowd(14, habits="shifts")
    assert people.min() > 10.0
    assert people[:, 13 * 60 + 58].mean() > 1.6 * people[:, 12 * 60].mean()


def test_cleaners_come_after_hours_and_rest_on_holidays():
    holidays = (date(2019, 7, 3),)
    plain, cleaned = crowd(7, holidays=holidays), crowd(7, habits="cleaned-office", holidays=holidays)
    more = cleaned - plain
    assert more.min() == 0.0 and not more[:, : 18 * 60].any() and not more[:, 21 * 60 + 31 :].any()
    assert [bool(day.any()) for day in more] == [True, True, False, True, True, False, False]


def test_a_day_is_the_same_whichever_days_were_asked_before():
    people, other = (People(4, 12, [5], [MONDAY], habits="hotel") for _ in range(2))
    for number in range(6):
        people.day(number)
    assert np.array_equal(people.day(6).people, other.day(6).people)


def test_the_same_day_is_drawn_once():
    people = People(4, 12, [5], [MONDAY])
    assert people.day(3) is people.day(3)


def test_a_seed_is_promised():
    """As drawn since the first release, person by person; a change of these numbers changes every scenario."""
    people = People(4, 12, [5], [MONDAY])
    days = [people.day(n) for n in range(3)]
    assert [int(day.people.sum()) for day in days] == [21_008, 20_478, 20_720]
    assert [int(day.arrivals.sum()) for day in days] == [70, 72, 65]


def test_worlds_of_one_year_share_its_days():
    """World 0 begins on Monday, world 1 on Tuesday: Tuesday is the same day in both; another seed has others."""
    people = People(4, 12, [5, 5, 6], [MONDAY, date(2019, 7, 2), MONDAY], origin=MONDAY)
    tuesday = people.day(1).people[:, :, 0].copy()
    assert np.array_equal(people.day(0).people[:, :, 1], tuesday)
    assert not np.array_equal(people.day(1).people[:, :, 2], tuesday)
