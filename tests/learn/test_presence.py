"""Who is in: counted where a counter is, told by CO2 where not, and never forgotten before the machine's own stop."""

import numpy as np
import pytest

from agent.core.clock import Instant
from agent.core.features import Features
from agent.equipment.systems import AhuSystem
from agent.features.grid import DAY_KINDS, SLOTS
from agent.learn.presence import by_co2, habits_of, people_rows

GRID_S = 300.0
DAY = 288
MONDAY_UNIX_S = 1_561_939_200.0  # 2019-07-01 00:00.
SYSTEM = AhuSystem(ahu="ahu1", zones=("zone1",))


def features(days: int, **columns: np.ndarray) -> Features:
    """From a Monday on; a name's double underscore stands for the dot."""
    values = np.stack([np.asarray(column, np.float32) for column in columns.values()], axis=1)
    names = tuple(name.replace("__", ".") for name in columns)
    end = Instant(unix_s=MONDAY_UNIX_S + days * 86_400.0, mono_s=0.0)
    return Features(
        names=names, units=("",) * len(names), values=values, mask=np.isfinite(values), grid_s=GRID_S, at=end
    )


def hours(days: int) -> np.ndarray:
    return (np.arange(days * DAY) % DAY) / 12.0


def clock(days: int, start_h: float, stop_h: float) -> np.ndarray:
    hour = hours(days)
    return ((hour >= start_h) & (hour < stop_h)).astype(float)


def breathed(people: np.ndarray, changes_h: np.ndarray) -> np.ndarray:
    """CO2 of 600 m3: 37 ppm an hour and person, and air changes."""
    ppm, out = 420.0, []
    for inside, change in zip(people, changes_h, strict=True):
        ppm += (37.0 * inside - change * (ppm - 420.0)) * GRID_S / 3600.0
        out.append(ppm)
    return np.array(out)


def fresh(people: np.ndarray) -> np.ndarray:
    return breathed(people, np.full(len(people), 1.0))


@pytest.mark.parametrize("trembles_ppm", [0.0, 10.0])
def test_co2_shows_people_soon_after_they_come_and_go(trembles_ppm):
    people = 8.0 * clock(3, 8.0, 17.0)
    ppm = fresh(people) + np.random.default_rng(1).normal(0.0, trembles_ppm, len(people))
    seen = by_co2(ppm, GRID_S)
    hour = hours(3)
    assert seen[(hour >= 8.7) & (hour < 17.0)].mean() > 0.95
    assert seen[(hour >= 21.0) | (hour < 8.0)].mean() < 0.05


def test_a_silent_sensor_says_nothing():
    ppm = np.full(100, 700.0)
    ppm[50:] = np.nan
    assert np.isnan(by_co2(ppm, GRID_S)[50:]).all()
    assert np.isnan(by_co2(np.full(10, np.nan), GRID_S)).all()


def test_a_counter_is_believed():
    count = 3.0 * clock(2, 9.0, 12.0)
    told = features(2, zone1__occupancy_count=count, ahu1__on_off_status=clock(2, 5.0, 21.0))
    np.testing.assert_array_equal(people_rows(told, "zone1", SYSTEM, habits_of(told, SYSTEM, 0.0), 0.0), count)


def test_whoever_does_not_show_in_co2_stays_until_the_machine_stops():
    people = 8.0 * clock(5, 8.0, 17.0)
    told = features(
        5, zone1__co2_level=breathed(people, np.full(len(people), 1.0)), ahu1__on_off_status=clock(5, 5.0, 21.0)
    )
    seen = people_rows(told, "zone1", SYSTEM, habits_of(told, SYSTEM, 0.0), 0.0)
    hour = hours(5)
    assert seen[(hour >= 17.0) & (hour < 20.9)].all()
    assert not seen[(hour >= 21.2) | (hour < 7.9)].any()


def test_a_day_on_which_nobody_came_stays_empty():
    people = 8.0 * clock(5, 8.0, 17.0)
    people[2 * DAY : 3 * DAY] = 0.0
    told = features(
        5, zone1__co2_level=breathed(people, np.full(len(people), 1.0)), ahu1__on_off_status=clock(5, 5.0, 21.0)
    )
    seen = people_rows(told, "zone1", SYSTEM, habits_of(told, SYSTEM, 0.0), 0.0)
    assert not seen[2 * DAY + 60 : 3 * DAY].any()


def test_without_any_sensor_the_machine_s_own_hours_are_kept():
    told = features(5, ahu1__on_off_status=clock(5, 5.0, 21.0))
    seen = people_rows(told, "zone1", SYSTEM, habits_of(told, SYSTEM, 0.0), 0.0)
    hour = hours(5)
    assert seen[(hour >= 7.0) & (hour < 20.9)].all() and not seen[(hour >= 21.0) | (hour < 6.9)].any()


def test_a_night_guard_is_no_habit():
    """It comes and goes, each night otherwise."""
    guard = (np.arange(5 * DAY) % 11 < 5).astype(float)
    habits = habits_of(features(5, ahu1__on_off_status=np.maximum(guard, clock(5, 5.0, 21.0))), SYSTEM, 0.0)
    assert habits.shape == (DAY_KINDS, SLOTS)
    assert habits[0, 12 * 4] == 1.0 and max(habits[0, : 5 * 4]) < 0.9


def test_the_set_back_tells_hours_where_nothing_else_does():
    heating = 18.0 + 4.0 * clock(5, 5.0, 21.0)
    habits = habits_of(features(5, zone1__zone_air_heating_temperature_setpoint=heating), SYSTEM, 0.0)
    assert habits[0, 12 * 4] == 1.0 and habits[0, 2 * 4] == 0.0
