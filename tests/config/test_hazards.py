"""What `check` must not let pass, because the agent or a machine would stumble over it later."""

import numpy as np
import pytest

from agent.config import check, load
from agent.core.clock import Instant
from agent.core.features import Features
from agent.optimize.baseline import Baseline

NOW = Instant(unix_s=1.8e9, mono_s=0.0)


def features_of(config) -> Features:
    """An hour in which every point showed 20."""
    specs = config.points()
    shape = (12, len(specs))
    return Features(
        names=tuple(spec.id for spec in specs),
        units=tuple(spec.unit for spec in specs),
        values=np.full(shape, 20.0, np.float32),
        mask=np.ones(shape, bool),
        grid_s=300.0,
        at=NOW,
    )


@pytest.mark.parametrize("left", ["", "room1.rack_inlet_temperature_3: {topic: inlet}"])
def test_a_crac_whose_inlets_nobody_measures_keeps_its_own_control(left, write):
    # The baseline asked for the worst of no inlets, and the agent ended at each cycle.
    path = write(("room1.rack_inlet_temperature_1: {topic: inlet}", left), ("[room1.rack_inlet_temperature_1]", "[]"))
    config = load(path)
    assert config.systems().cracs == ()
    wishes = Baseline(config.systems(), config.envelope()).propose(features_of(config), NOW)
    assert not [wish for wish in wishes if wish.point.startswith("crac1.")]
    assert any("nothing is planned for crac1" in note for note in check(path).notes)


def test_inlets_count_up_to_the_first_gap(write):
    path = write(("{topic: inlet}", "{topic: inlet}\n      room1.rack_inlet_temperature_3: {topic: third}"))
    assert load(path).systems().cracs[0].racks == 1


@pytest.mark.parametrize(
    ("write_entry", "high", "can"),
    [
        ("{register: 12}", 32767, True),
        ("{register: 12}", 32768, False),
        ("{register: 12, scale: 0.001}", 32, True),
        ("{register: 12, scale: 0.001}", 33, False),
        ("{register: 12, type: uint32}", 100_000, True),
        ("{register: 12, type: float32}", 1e9, True),
        ("{register: 12, table: coil}", 28, False),
    ],
)
def test_a_limit_fits_into_its_register(write_entry, high, can, write):
    path = write(
        ("{register: 2, write: {register: 12}}", f"{{register: 2, write: {write_entry}}}"),
        ("{low: 22, high: 28,", f"{{low: 0, high: {high},"),
        ("release: 24", "release: 1"),
    )
    keys = [problem.key for problem in check(path).problems]
    assert keys == ([] if can else ["limits.zone1.zone_air_cooling_temperature_setpoint.high"])


def test_a_negative_value_does_not_fit_into_an_unsigned_register(write):
    path = write(("{register: 2, write: {register: 12}}", "{register: 2, write: {register: 12, type: uint16}}"))
    assert check(path).problems == []
    path = write(
        ("{register: 2, write: {register: 12}}", "{register: 2, write: {register: 12, type: uint16}}"),
        ("{low: 22,", "{low: -5,"),
    )
    [problem] = check(path).problems
    assert "0..65535" in problem.wanted


def test_a_driver_misspelt_is_told_once_also_beside_a_template(write):
    path = write(("driver: modbus\n    host: 192.168.10.21", "driver: modbuss\n    host: 192.168.10.21"))
    [problem] = check(path).problems
    assert (problem.key, problem.nearest) == ("devices.cooling.driver", "modbus")


def test_a_secret_that_yaml_takes_for_an_alias_is_not_shown(write):
    [problem] = check(write(("host: 127.0.0.1", "host: 127.0.0.1, password: *hunter2"))).problems
    assert "hunter2" not in str(problem)
    assert "alias" in problem.found


def test_a_point_that_is_wanted_more_often_than_its_device_is_noted(write):
    path = write(("{register: 0, scale: 0.01}", "{register: 0, scale: 0.01, poll_s: 10}"))
    assert any("zone1.zone_air_temperature is wanted every 10 s" in note for note in check(path).notes)
