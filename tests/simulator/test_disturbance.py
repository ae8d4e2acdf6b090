"""Sensors that lie, by kind: what they show while the fault is on, and that they are back at its end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.errors import ConfigError
from simulator.faults import Fault, kinds_of
from simulator.wires.disturbance import Disturbance

NAMES = ("zone1.zone_air_temperature", "zone2.zone_air_temperature", "meter1.electric_power")
TRUE = np.array([21.0, 23.0, 40.0])
HOUR_S = 3600.0
FROM_S, TO_S = 2 * HOUR_S, 4 * HOUR_S


def fault(kind, *where, size=0.0):
    return Fault(kind=kind, where=where or (NAMES[0],), from_unix_s=FROM_S, to_unix_s=TO_S, size=size)


def series(*faults, hours=range(6), **more):
    """What is shown at each hour of a plant that warms by 1 K an hour, [hours, names]."""
    told = Disturbance(NAMES, faults=faults, **more)
    return np.array([told.show(TRUE + hour, hour * HOUR_S) for hour in hours])


HEALTHY = TRUE + np.arange(6)[:, None]
STORIES = {
    "stuck": (fault("stuck"), [21, 22, 22, 22, 25, 26]),
    "drift": (fault("drift", size=0.5), [21, 22, 23, 24.5, 25, 26]),
    "wrong-sign": (fault("wrong-sign"), [21, 22, -23, -24, 25, 26]),
    "absent": (fault("absent"), [21, 22, np.nan, np.nan, 25, 26]),
    "bias": (fault("bias", size=-3.0), [21, 22, 20, 21, 25, 26]),
}


@pytest.mark.parametrize("kind", STORIES)
def test_by_the_hour(kind):
    """A fault begins with its first instant, ends before its last, and strikes no other sensor."""
    told, shown = STORIES[kind]
    seen = series(told)
    np.testing.assert_allclose(seen[:, 0], shown)
    np.testing.assert_array_equal(seen[:, 1:], HEALTHY[:, 1:])


def test_two_sensors_wired_the_wrong_way_round():
    seen = series(fault("swapped", NAMES[0], NAMES[2]))
    np.testing.assert_array_equal(seen[2:4, [0, 2]], HEALTHY[2:4, [2, 0]])
    np.testing.assert_array_equal(seen[[0, 1, 4, 5]], HEALTHY[[0, 1, 4, 5]])


def test_a_trembling_sensor_trembles_about_the_truth():
    times_s = np.arange(FROM_S, TO_S, 10.0)
    told = Disturbance(NAMES, faults=[fault("noisy", size=2.0)])
    off = np.array([told.show(TRUE, unix_s)[0] - TRUE[0] for unix_s in times_s])
    assert abs(off.mean()) < 0.3 and 1.8 < off.std() < 2.2
    assert told.show(TRUE, TO_S)[0] == TRUE[0]


def test_a_sensor_that_sticks_from_the_start_shows_the_first_value():
    told = Disturbance(NAMES, faults=[fault("stuck")])
    assert [told.show(TRUE + n, FROM_S + n)[0] for n in range(3)] == [21.0, 21.0, 21.0]


def test_faults_add_up_in_the_order_told():
    seen = series(fault("bias", size=2.0), fault("wrong-sign"))
    assert seen[2, 0] == -25.0
    assert series(fault("wrong-sign"), fault("bias", size=2.0))[2, 0] == -21.0


def test_every_sensor_kind_does_something():
    for kind in kinds_of("sensor"):
        where = NAMES[:2] if kind == "swapped" else NAMES[:1]
        seen = series(fault(kind, *where, size=1.5))[3, 0]
        assert seen != HEALTHY[3, 0], kind


@given(st.integers(0, 2**31), st.lists(st.sampled_from(range(6)), min_size=1, max_size=8))
def test_law_what_is_shown_depends_on_the_instant_not_on_how_often_one_looks(seed, looks):
    faults = [fault("noisy", NAMES[1], size=1.0), fault("bias", size=1.0)]
    often = series(*faults, hours=sorted(looks), noise_k=0.2, seed=seed)
    once = series(*faults, noise_k=0.2, seed=seed)
    np.testing.assert_array_equal(often, once[sorted(looks)])


def test_the_noise_of_one_fault_does_not_hang_on_another():
    alone = series(fault("noisy", NAMES[1], size=1.0), seed=4)
    beside = series(fault("noisy", NAMES[2], size=1.0), fault("noisy", NAMES[1], size=1.0), seed=4)
    np.testing.assert_array_equal(alone[:, 1], beside[:, 1])
    assert (alone[2:4, 1] != series(fault("noisy", NAMES[1], size=1.0), seed=5)[2:4, 1]).all()


def test_noise_of_the_site_is_on_temperatures_only_and_the_same_for_a_seed():
    names = ("zone1.zone_air_temperature", "ahu1.supply_air_temperature_setpoint", "meter1.electric_power")
    first, second = (Disturbance(names, noise_k=0.3, seed=5).show(np.ones(3), 0.0) for _ in range(2))
    assert (first == second).all()
    assert first[0] != 1.0
    assert (first[1:] == 1.0).all()


def test_the_true_values_are_left_alone():
    true = TRUE.copy()
    Disturbance(NAMES, noise_k=1.0, faults=[fault("absent")]).show(true, FROM_S)
    np.testing.assert_array_equal(true, TRUE)


def test_unknown_points_and_a_swap_of_three_are_told():
    with pytest.raises(ConfigError, match="did you mean `zone1"):
        Disturbance(NAMES, faults=[fault("stuck", "zone1.zone_air_temprature")])
    with pytest.raises(ConfigError, match="found 3 points, wanted two"):
        Disturbance(NAMES, faults=[fault("swapped", *NAMES)])
    with pytest.raises(ConfigError, match="found 1 points, wanted two"):
        Disturbance(NAMES, faults=[fault("swapped")])
