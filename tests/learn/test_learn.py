"""Learning: signs and stability by construction, truth found where it can be seen, JSON there and back."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.clock import Instant
from agent.core.features import Features
from agent.equipment.systems import AhuSystem, RoomSystem, Systems
from agent.learn.least_squares import fit_signed, trace
from agent.learn.parameters import Distrust, Parameters
from agent.learn.site import learn
from simulator.scenarios import load

ZONES = ("zone1", "zone2", "zone3", "zone4")
SYSTEMS = Systems(
    ahus=(AhuSystem(ahu="ahu1", zones=ZONES),),
    rooms=(RoomSystem(room="room1", cracs=("crac1",), it_meter="meter2"),),
)


def history(scenario: str, days: int = 10) -> Features:
    plant = load(scenario, seed=1)
    rows = []
    for _ in range(days * 288):
        plant.step({})
        rows.append(plant.read())
    values = np.array(rows, np.float32)
    now = Instant(unix_s=plant.unix_s, mono_s=plant.unix_s)
    units = ("",) * len(plant.names)
    return Features(names=plant.names, units=units, values=values, mask=np.isfinite(values), grid_s=300.0, at=now)


@pytest.fixture(scope="module", params=["office-tower", "office-tower-winter"])
def past(request):
    return history(request.param)


@pytest.fixture(scope="module")
def learned(past):
    return learn(past, SYSTEMS)


def test_every_machine_is_learned_well(learned):
    assert learned.ahus[0].is_fit and learned.rooms[0].is_fit
    assert all(zone.error_k < 0.6 for zone in learned.ahus[0].zones)
    assert learned.rooms[0].power_error < 0.05


def test_responses_are_physical(learned):
    """Real decays within 0..1, heat warms, sun and people never cool."""
    for zone in learned.ahus[0].zones:
        values = np.linalg.eigvals(np.array(zone.a))
        assert np.isreal(values).all() and (values > 0).all() and (values < 1).all()
        assert zone.gain > 0
        assert min(zone.air[:5]) >= 0 and min(zone.mass) >= 0
    ahu = learned.ahus[0]
    assert ahu.fan_floor_kw >= 0 and ahu.fan_cubic >= 0 and ahu.cool_ratio > 0 and ahu.cool_per_outdoor_k >= 0


def test_people_are_known_by_kind_of_day(learned):
    people = learned.occupancy[0]
    assert people.days[0] >= 7
    assert people.any_share[0][12 * 4 - 8] == 1.0  # 10:00 on a workday.
    assert people.any_share[0][12] == 0.0  # 3:00.
    assert max(people.any_share[2]) == 0.0  # Sunday.


def test_a_machine_that_changed_is_forgotten_its_people_are_not(past, learned):
    lost = Distrust(machine="ahu1", since_unix_s=past.at.unix_s - 3600.0, until_unix_s=0.0, times=1, error=0.7)
    again = learn(past, SYSTEMS, (lost,))
    assert not any(fit.is_fit for fit in again.ahus)
    assert again.occupancy == learned.occupancy and again.thermostats == learned.thermostats
    assert again.rooms == learned.rooms and again.distrusts == (lost,)


def test_json_there_and_back(learned):
    assert Parameters.from_json(learned.to_json()) == learned
    assert json.loads(learned.to_json())["days"] == 10.0


def test_a_missing_column_leaves_the_machine_out(past):
    blind = np.array(past.values)
    for name in ("zone2.zone_air_temperature", "crac1.return_air_temperature"):
        blind[:, past.names.index(name)] = np.nan
    told = learn(replace(past, values=blind, mask=np.isfinite(blind)), SYSTEMS)
    assert told.ahus == () and told.rooms == ()
    assert [people.ahu for people in told.occupancy] == ["ahu1"]  # The cautious ladder runs by them.


def test_gaps_do_not_spoil_the_fit(past):
    rng = np.random.default_rng(5)
    holed = np.array(past.values)
    holed[rng.random(holed.shape) < 0.1] = np.nan
    told = learn(replace(past, values=holed, mask=np.isfinite(holed)), SYSTEMS)
    assert told.ahus and told.ahus[0].is_fit
    assert told.rooms and told.rooms[0].is_fit


def test_noise_gives_no_authority(past):
    """A site whose temperatures are dice is not understood, and says so."""
    rng = np.random.default_rng(6)
    dice = np.array(past.values)
    for zone in ZONES:
        dice[:, past.names.index(f"{zone}.zone_air_temperature")] = rng.normal(22.0, 4.0, len(dice))
    told = learn(replace(past, values=dice, mask=np.isfinite(dice)), SYSTEMS)
    assert not told.ahus[0].is_fit


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_signed_least_squares_finds_what_made_the_data(seed):
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(200, 4))
    truth = np.abs(rng.normal(size=4)) + 0.1
    found = fit_signed(columns, columns @ truth, np.zeros(4))
    np.testing.assert_allclose(found, truth, rtol=1e-3, atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_signs_hold_whatever_the_data(seed):
    rng = np.random.default_rng(seed)
    found = fit_signed(rng.normal(size=(50, 3)), rng.normal(size=50), np.zeros(3))
    assert (found >= 0.0).all()


def test_a_prior_carries_what_was_never_moved():
    columns = np.column_stack([np.linspace(1, 2, 50), np.zeros(50)])
    found = fit_signed(
        columns, 3.0 * columns[:, 0], np.zeros(2), prior=np.array([0.0, 7.0]), ridge=np.array([1e-9, 1e-3])
    )
    np.testing.assert_allclose(found, [3.0, 7.0], rtol=1e-3)


def test_a_trace_remembers():
    np.testing.assert_allclose(trace(np.array([1.0, 1.0, 1.0]), 0.5, 0.0), [0.0, 0.5, 0.75])
