"""The data room obeys its laws: heat is kept, air that is not given comes round hot, warm inlets cost fan power."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.physics import dataroom
from simulator.physics.dataroom import DataRoom
from simulator.sites import building

LOAD_W = [11_000.0, 14_500.0, 16_000.0, 11_500.0]


def settle(supply_c: float, speed: float, outdoor_c: float = 25.0, seed: int = 0, spread: float = 0.0) -> DataRoom:
    room = DataRoom(building.draw(seed, spread).room)
    for _ in range(240):
        room.advance(60.0, LOAD_W, outdoor_c, supply_c, speed)
    return room


@given(
    seed=st.integers(0, 1000), supply_c=st.floats(14.0, 27.0), speed=st.floats(0.3, 1.0), outdoor_c=st.floats(-10, 38)
)
@settings(max_examples=20, deadline=None)
def test_heat_in_less_heat_out_is_what_the_room_stores(seed, supply_c, speed, outdoor_c):
    room = DataRoom(building.draw(seed, 0.2).room)
    before, flows, gross = room.room_c, 0.0, 0.0
    for _ in range(120):
        wall_w = room.room.wall_w_k * (room.room.surround_c - room.room_c)
        room.advance(60.0, LOAD_W, outdoor_c, supply_c, speed)
        flows += 60.0 * (room.it_w + room.ups_w + room.fan_w + wall_w - room.coil_w)
        gross += 60.0 * room.it_w
    assert (room.room_c - before) * room.room.room_j_k == pytest.approx(flows, abs=1e-6 * gross)


def test_a_faster_crac_fan_lowers_the_inlets():
    worst = [max(settle(22.0, speed).inlet_c) for speed in (0.4, 0.55, 0.7, 0.85, 1.0)]
    assert all(faster <= slower for slower, faster in pairwise(worst)), worst
    assert worst[0] > worst[-1] + 2.0


def test_no_inlet_is_cooler_than_the_supply():
    room = settle(18.0, 1.0)
    assert min(room.inlet_c) > room.supply_c


def test_racks_leak_differently():
    room = settle(20.0, 0.9, seed=3, spread=0.2)
    assert len({round(inlet, 3) for inlet in room.inlet_c}) == 4


def test_server_fans_rise_with_the_inlet():
    fans = [settle(supply_c, 1.0).server_fan_w for supply_c in (17.0, 21.0, 24.0, 27.0)]
    assert fans[0] == fans[1] < fans[2] < fans[3]
    assert 0.02 < fans[0] / sum(LOAD_W) < 0.05


def test_the_compressor_pays_for_lift():
    by_supply = [settle(supply_c, 1.0).compressor_w for supply_c in (16.0, 19.0, 22.0)]
    by_outdoor = [settle(19.0, 1.0, outdoor_c).compressor_w for outdoor_c in (15.0, 25.0, 35.0)]
    assert all(warmer < cooler for cooler, warmer in pairwise(by_supply))
    assert all(hotter > milder for milder, hotter in pairwise(by_outdoor))


def test_the_trap_pue_improves_while_the_room_uses_more():
    """Warm supply and a slow fan: the servers' own fans eat what the CRAC saves, and count as IT."""
    cool, hot = settle(22.0, 0.70), settle(26.0, 0.50)
    assert used(hot) / hot.it_w < used(cool) / cool.it_w
    assert used(hot) > used(cool)


def used(room: DataRoom) -> float:
    return room.it_w + room.ups_w + room.fan_w + room.compressor_w


def test_a_stopped_coil_warms_the_room_within_minutes():
    room = settle(17.0, 1.0)
    before = max(room.inlet_c)
    for _ in range(5):
        room.advance(60.0, LOAD_W, 25.0, 60.0, 1.0)  # A set-point never reached: the coil backs off.
    assert before + 1.0 < max(room.inlet_c) < before + 15.0


def test_the_load_is_plausible_and_begins_the_same_for_a_longer_run():
    nominal = np.array(building.RACK_W)
    short, long = dataroom.draw_load(2, nominal, 5), dataroom.draw_load(4, nominal, 5)
    assert np.array_equal(short, long[: len(short)])
    assert long.sum(axis=1).min() > 45_000.0 and long.sum(axis=1).max() < 70_000.0
