"""The baseline's rules one by one: trim and respond, optimal start, setback, racks, water, lifts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clock import Instant
from agent.core.features import Features
from agent.core.limits import Limit
from agent.equipment.systems import AhuSystem, CracSystem, LiftSystem, Systems
from agent.optimize.baseline import Baseline
from agent.optimize.rules_air import AirView, asks, highest_c, is_on, pace_k_h, setpoints, start_h
from agent.optimize.rules_lifts import cars, quiet_s
from agent.optimize.rules_room import requests, supply_and_fan, water_c
from agent.optimize.trim import CHILLED_WATER, RACK_SUPPLY, SUPPLY_AIR, Trim

MONDAY = 4 * 86_400.0
AHU = AhuSystem(ahu="ahu1", zones=("zone1",))
CRAC = CracSystem(crac="crac1", room="room1", racks=1)
LIFTS = LiftSystem(lifts="lifts1", cars=4)


def seen(hour: float, **columns) -> Features:
    """Three hours of five-minute rows until that hour of a Monday; a number stands for a constant column."""
    names = tuple(name.replace("__", ".") for name in columns)
    values = np.array([np.broadcast_to(np.asarray(column, float), 36) for column in columns.values()]).reshape(-1, 36).T
    now = Instant(unix_s=MONDAY + 3600.0 * hour, mono_s=3600.0 * hour)
    return Features(
        names=names,
        units=("",) * len(names),
        values=values.astype(np.float32),
        mask=np.isfinite(values),
        grid_s=300.0,
        at=now,
    )


@given(st.integers(0, 50), st.floats(0.0, 1e6), st.sampled_from([SUPPLY_AIR, CHILLED_WATER, RACK_SUPPLY]))
def test_it_trims_when_nobody_asks_and_responds_in_bounds(asked, since_s, rule):
    move = rule.move(asked, since_s)
    periods = min(since_s / 120.0, 5.0)
    assert (move >= 0.0) == (asked == 0) or periods == 0.0 or math.isclose(move, 0.0, abs_tol=1e-12)
    assert abs(move) <= abs(rule.respond_most) * periods + 1e-9


def test_ignored_requests_are_ignored():
    assert Trim(trim=0.1, respond=-0.2, respond_most=-0.6, ignored=2).move(2, 120.0) == pytest.approx(0.1)


def view(air: float, empty_s: float = math.inf) -> AirView:
    return AirView(air_c=(air,), empty_s=empty_s, zone_empty_s=(empty_s,))


START = [  # air, hour, runs: the day begins at seven
    (22.0, 6.2, False),  # Nothing to do before half an hour.
    (22.0, 6.6, True),
    (19.5, 5.2, True),  # Two kelvin at one an hour.
    (19.5, 4.5, False),
    (10.0, 2.0, True),  # Frost.
    (17.0, 3.5, False),  # Never more than three hours before.
]


@pytest.mark.parametrize(("air", "hour", "runs"), START)
def test_it_starts_as_late_as_will_do(air, hour, runs):
    assert is_on(AHU, view(air), seen(hour, zone1__occupancy_count=0.0), seen(hour).at, 0.0)[0] == runs


def test_the_pace_is_learned_from_starts():
    status = np.r_[np.zeros(10), np.ones(26)]
    air = np.r_[np.full(10, 17.0), np.linspace(17.0, 22.2, 26)]
    shown = seen(9.0, ahu1__on_off_status=status, zone1__zone_air_temperature=air)
    assert pace_k_h(AHU, shown) == pytest.approx(2.5, abs=0.1)
    assert start_h(AHU, view(19.0), shown) == pytest.approx(1.0, abs=0.1)


def test_without_counters_the_schedule_decides():
    for hour, runs in ((12.0, True), (22.0, False)):
        assert is_on(AHU, view(22.0), seen(hour), seen(hour).at, 0.0)[0] == runs


def test_setback_and_standby():
    assert setpoints(AHU, view(22.0), 0, False, False)[:2] == (17.0, 29.0)
    assert setpoints(AHU, view(22.0, 0.0), 0, True, True)[:2] == (21.5, 24.0)
    assert setpoints(AHU, view(22.0, 3600.0), 0, True, True)[:2] == (21.0, 24.5)


def test_requests_of_a_zone():
    assert [asks(over) for over in (-1.0, 0.2, 0.5, 2.5, 3.5, math.nan)] == [0, 0, 1, 2, 3, 0]


def test_hot_weather_has_cold_supply_air():
    assert [highest_c(out, 14.0) for out in (10.0, 18.5, 30.0, math.nan)] == [18.0, 16.0, 14.0, 14.0]


@given(st.floats(15.0, 40.0), st.floats(14.0, 25.0), st.floats(40.0, 100.0))
def test_a_hot_rack_is_never_given_less(worst, supply, fan):
    """Law: within two kelvin of the limit no set-point moves the warm way; below, never beyond the rules' ends."""
    to_supply, to_fan, why = supply_and_fan(CRAC, worst, supply, fan, 600.0)
    if worst > CRAC.inlet_max_c - 2.0:
        assert to_supply < supply and to_fan > fan and "more and cooler" in why
    elif requests(CRAC, worst) == 0:
        assert supply <= to_supply <= max(supply, 19.0) and min(fan, 85.0) <= to_fan <= fan


def test_water_goes_two_kelvin_up_and_no_further():
    water = 7.0
    for _ in range(100):
        water = water_c(0, water, 7.0, 600.0)
    assert water == 9.0
    assert water_c(1, water, 7.0, 600.0) < 9.0 and water_c(-1, water, 7.0, 600.0) == 9.0


def test_lifts_rest_only_while_nobody_rides():
    still, ridden = np.zeros(36), np.r_[np.zeros(33), 1.0, 1.0, 1.0]
    for count, hour, wanted in ((still, 3.0, 2.0), (ridden, 3.0, 4.0), (still, 12.0, 4.0)):
        shown = seen(hour, lifts1__trips_count=count)
        assert cars(LIFTS, shown, shown.at, 0.0)[0] == wanted
    assert quiet_s(LIFTS, seen(3.0, lifts1__trips_count=ridden)) == 600.0
    assert cars(LIFTS, seen(3.0, lifts1__trips_count=np.nan), seen(3.0).at, 0.0) is None


def test_a_site_without_an_on_off_command_is_set_back_all_the_same():
    limits = {
        name: Limit(point=name, low=low, high=high)
        for name, low, high in (
            ("zone1.zone_air_heating_temperature_setpoint", 15.0, 23.0),
            ("zone1.zone_air_cooling_temperature_setpoint", 22.0, 30.0),
        )
    }
    shown = seen(
        23.0,
        zone1__zone_air_temperature=22.0,
        zone1__occupancy_count=0.0,
        zone1__zone_air_heating_temperature_setpoint=21.0,
        zone1__zone_air_cooling_temperature_setpoint=24.0,
    )
    wishes = {wish.point: wish.value for wish in Baseline(Systems(ahus=(AHU,)), limits).propose(shown, shown.at)}
    assert wishes == dict(zip(limits, (17.0, 29.0), strict=True))
