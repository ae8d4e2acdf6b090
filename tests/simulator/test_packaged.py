"""Roof-top units switch on and off, keep their rest, and burn gas only where they have a burner."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.parts import Dice
from simulator.physics.packaged import PackagedFloor
from simulator.sites import building
from tests.simulator.still import Stay, live, still_sky, value


def units(people=8.0, own=None, seeds=(0,), **kinds) -> PackagedFloor:
    dice = Dice(list(seeds), 0.0)
    drawn = building.zones(dice, 2)
    plan = building.packaged(dice, drawn, building.gains(dice(1300.0), dice(400.0), 2), **kinds)
    return PackagedFloor(plan, Stay(2, people, len(seeds)), slice(0, 2), own)


def test_it_holds_the_zone_by_switching():
    part = units()
    sky = still_sky(31.0, sun_w_m2=150.0)
    stages = []
    part.begin_day(0, sky)
    part.open_books()
    held = np.full((len(part.writable), 1), np.nan)
    for minute in range(600, 1200):
        part.advance(minute, sky, held)
        stages.append(part.stage[0, 0])
    assert set(stages) == {0.0, -1.0}
    assert part.zones.air_c == pytest.approx(23.2, abs=0.8)
    offs = np.diff(np.flatnonzero(np.diff(stages)))
    assert offs[1::2].min() >= 5  # Minutes of rest after each run, by the guard against short cycles.


def test_a_gas_unit_heats_with_gas_and_a_heat_pump_with_electricity():
    sky = still_sky(-3.0)
    gas, pump = units(0.0), units(0.0, heating="heat-pump")
    gas_kwh, pump_kwh = (live(part, sky) for part in (gas, pump))
    assert gas_kwh[2, 0] == 0.0 and gas.burns_gas and not pump.burns_gas
    assert pump_kwh[2, 0] > 1.0
    assert pump.zones.air_c == pytest.approx(gas.zones.air_c, abs=1.0)


def test_a_fan_on_auto_rests_when_nobody_calls():
    mild = still_sky(21.0)
    always, auto = units(0.0), units(0.0, {"fan_auto": 1.0})
    assert live(auto, mild)[0, 0] < 0.3 * live(always, mild)[0, 0]


def test_a_tripped_compressor_cools_no_more():
    part = units()
    sky = still_sky(33.0, sun_w_m2=200.0)
    live(part, sky, minutes=900)
    before = value(part, "zone1.zone_air_temperature")
    part.ail("chiller-trip", "ahu1", 0.0)
    live(part, sky, minutes=900)
    assert value(part, "zone1.zone_air_temperature") > before + 1.5
    assert value(part, "zone2.zone_air_temperature") < before + 1.5


def test_off_means_off():
    part = units()
    assert live(part, still_sky(30.0), {"ahu1.on_off_command": 0.0, "ahu2.on_off_command": 0.0})[:3].sum() == 0.0
